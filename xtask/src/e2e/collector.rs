//! A real OpenTelemetry collector, installed on first use, on free ports of the loopback interface.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

use xshell::{Shell, cmd};

use crate::{Result, local::Running};

/// Rotel, an OTLP collector of 30 MB from PyPI that starts in a second.
const VERSION: &str = "0.0.1a15";
/// What an error message shows of a log.
const QUOTED_LINES: usize = 40;

/// What the collector writes into its log of what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Everything,
    Nothing,
}

/// A running collector, which ends with this value.
#[derive(Debug)]
pub(crate) struct Collector {
    process: Running,
    http: SocketAddr,
    grpc: SocketAddr,
    log: String,
}

impl Collector {
    /// Starts a collector that keeps nothing but its log.
    pub(crate) fn start(sh: &Shell, directory: &str, keep: Keep) -> Result<Self> {
        let program = install(sh, directory)?;
        let log = format!("{directory}/collector.log");
        let [http, grpc] = free_addresses()?;
        let logged: &[&str] = match keep {
            Keep::Everything => &["traces", "metrics"],
            Keep::Nothing => &[],
        };
        let mut command = Command::new(program);
        command
            .arg("start")
            .args([
                "--otlp-http-endpoint",
                &http.to_string(),
                "--otlp-grpc-endpoint",
                &grpc.to_string(),
            ])
            .args(["--exporter", "blackhole", "--debug-log-verbosity", "detailed"])
            .args(logged.iter().flat_map(|signal| ["--debug-log", signal]))
            .args(["--pid-file", &format!("{directory}/collector.pid")]);
        let process = Running::start(command, &log)?;
        let mut collector = Self { process, http, grpc, log };
        match collector.process.wait_until_listening(&[http, grpc]) {
            Ok(()) => Ok(collector),
            Err(error) => Err(format!("the collector: {error}\n{}", collector.quoted_log()).into()),
        }
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self, protocol: &str) -> String {
        let address = if protocol == "grpc" { self.grpc } else { self.http };
        format!("http://{address}")
    }

    /// Where it listens for OTLP over HTTP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.http
    }

    /// Where the log is.
    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    pub(crate) fn read_log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// The end of the log for an error message.
    pub(crate) fn quoted_log(&self) -> String {
        let log = self.read_log().unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let skipped = lines.len().saturating_sub(QUOTED_LINES);
        let shown: Vec<_> = lines.into_iter().skip(skipped).collect();
        format!("the end of {} ({skipped} lines before it):\n{}", self.log, shown.join("\n"))
    }
}

/// Installs the collector unless it is there, and returns its program.
fn install(sh: &Shell, directory: &str) -> Result<String> {
    let environment = format!("{directory}/rotel-{VERSION}");
    let python = format!("{environment}/bin/python");
    let locate =
        "import pathlib, rotel; print(pathlib.Path(rotel.__file__).parent / 'rotel-agent')";
    if let Ok(program) = cmd!(sh, "{python} -c {locate}").quiet().ignore_stderr().read() {
        return Ok(program);
    }
    let shown = Path::new(&environment).display();
    println!("installing rotel {VERSION} into {shown}");
    sh.create_dir(directory)?;
    cmd!(sh, "python3 -m venv --clear {environment}").quiet().run().map_err(|error| {
        format!("{error}; the collector needs Python 3 with venv (Debian: python3-venv)")
    })?;
    cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check rotel=={VERSION}")
        .quiet()
        .run()?;
    Ok(cmd!(sh, "{python} -c {locate}").quiet().read()?)
}

/// Two addresses that nobody listens on; both are held while they are chosen, so that they differ.
fn free_addresses() -> Result<[SocketAddr; 2]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (bind()?, bind()?);
    Ok([first.local_addr()?, second.local_addr()?])
}
