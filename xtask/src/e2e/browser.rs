//! The example `browser-proxy` in a real browser: the spans of the page and of the server are one trace, and the token
//! stays on the server.

mod expectations;

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use xshell::{Shell, cmd};

use self::expectations::Seen;
use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    local::{self, Running},
    metadata,
    receiver::Receiver,
};

const EXAMPLE: &str = "examples/browser-proxy";
/// A secret that is easy to find.
const TOKEN: &str = "pylf_v1_us_0badc0ffee0badc0ffee";
/// For the last spans to arrive.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) fn run(sh: &Shell) -> Result {
    let browser =
        local::browser(sh).ok_or("the check needs Chromium (Debian: chromium), Node.js and npm")?;
    bundle(sh)?;
    as_if_typed(cmd!(sh, "cargo build -p example-browser-proxy")).quiet().run()?;

    let receiver = Receiver::start()?;
    let server = Server::start(sh, receiver.address())?;
    let url = format!("http://{}/", server.address);
    let drive = format!("{EXAMPLE}/drive.js");
    let received = cmd!(sh, "node {drive} {url} {browser}").quiet().read()?;

    let deadline = Instant::now() + LIMIT;
    loop {
        let seen = Seen { posts: receiver.posts(), received: &received, token: TOKEN };
        let unmet = expectations::unmet(&seen);
        if unmet.is_empty() {
            println!(
                "{} posts arrived, {} of a browser:",
                seen.posts.len(),
                seen.browser().count()
            );
            expectations::all().for_each(|what| println!("  ok: {what}"));
            return Ok(());
        }
        if Instant::now() > deadline {
            let unmet: String = unmet.iter().map(|what| format!("  missing: {what}\n")).collect();
            return Err(format!(
                "what the browser page sent is not what it should\n{unmet}\n{seen}"
            )
            .into());
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Has npm make the page's script, and install what drives the browser.
fn bundle(sh: &Shell) -> Result {
    let _directory = sh.push_dir(EXAMPLE);
    cmd!(sh, "npm ci --no-progress --loglevel=error").quiet().ignore_stdout().run()?;
    cmd!(sh, "npm run build --silent -- --log-level=warning").quiet().run()?;
    Ok(())
}

/// The example, which ends with this value.
struct Server {
    address: SocketAddr,
    _process: Running,
}

impl Server {
    /// Logfire gets the token and all that browsers send, the collector what the server records itself, as JSON.
    fn start(sh: &Shell, receiver: SocketAddr) -> Result<Self> {
        let target = metadata::read(sh)?.target_directory;
        let program = format!("{target}/debug/example-browser-proxy");
        let address = local::free_address()?;
        let listen = address.to_string();
        let command = without_telemetry(cmd!(sh, "{program} {listen}"))
            .env("LOGFIRE_CONSOLE", "false")
            .env("LOGFIRE_TOKEN", TOKEN)
            .env("LOGFIRE_BASE_URL", format!("http://{receiver}/logfire"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}/collector"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
            .env("OTEL_EXPORTER_OTLP_COMPRESSION", "none");
        let log = format!("{target}/example-browser-proxy.log");
        let mut process = Running::start(command, &log)?;
        process
            .wait_until_listening(&[address])
            .map_err(|error| format!("the example, whose log is {log}: {error}"))?;
        Ok(Self { address, _process: process })
    }
}
