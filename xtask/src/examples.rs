//! `cargo xtask examples`: each example serves, answers, and shows the request.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    metadata,
};

/// An example that serves on the address of its first argument.
struct Example {
    package: &'static str,
    /// What the answer to `GET /users/1` contains.
    answer: &'static str,
    /// What it shows of that request.
    shown: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example { package: "example-actix-web", answer: "User 1", shown: "GET /users/1" },
    Example { package: "example-axum", answer: "User 1", shown: "GET /users/1" },
    Example { package: "example-browser-proxy", answer: "User 1", shown: "GET /users/1" },
    Example {
        package: "example-endpoint",
        answer: "User 1",
        shown: "GET /users/{user_id} (show_user)",
    },
    Example { package: "example-hyper", answer: "User 1", shown: "GET /users/1" },
    Example {
        package: "example-plain-opentelemetry",
        answer: "You asked for /users/1",
        shown: "url.path",
    },
    Example { package: "example-prometheus", answer: "User 1", shown: "GET /users/1" },
    Example { package: "example-warp", answer: "User 1", shown: "GET /users/1" },
];

/// For a process to start, and for its output to appear.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn run(sh: &Shell) -> Result {
    let packages = EXAMPLES.iter().flat_map(|it| ["-p", it.package]);
    as_if_typed(cmd!(sh, "cargo build {packages...}")).quiet().run()?;
    let target = metadata::read(sh)?.target_directory;
    for example in EXAMPLES {
        example.check(sh, &target)?;
        println!("ok: {} shows `{}`", example.package, example.shown);
    }
    Ok(())
}

impl Example {
    fn check(&self, sh: &Shell, target: &str) -> Result {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = format!("{target}/{}.log", self.package);
        let output = File::create(&log)?;
        let program = format!("{target}/debug/{}", self.package);
        let listen_on = address.to_string();
        let command = without_telemetry(as_if_typed(cmd!(sh, "{program} {listen_on}")));
        let child = Command::from(command)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let _running = Running(child);

        let answer = wait("an answer", || get(address))?;
        if !answer.contains(self.answer) {
            return Err(format!("{} answered {answer:?}", self.package).into());
        }
        let shows = || fs::read_to_string(&log).ok().filter(|it| it.contains(self.shown));
        wait(&format!("`{}` in {log}", self.shown), shows)?;
        Ok(())
    }
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait<T>(what: &str, attempt: impl Fn() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if let Some(found) = attempt() {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(format!("no {what} within {LIMIT:?}").into())
}

fn get(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .write_all(b"GET /users/1 HTTP/1.1\r\nHost: example\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
