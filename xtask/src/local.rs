//! Programs of this machine: started, asked over HTTP, and ended.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xshell::{Shell, cmd};

use crate::Result;

/// For a process to start, and for its output to appear.
const LIMIT: Duration = Duration::from_secs(30);
/// What Debian and others call Chromium.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// A process that ends with this value.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts the program, which writes into the file `log`.
    pub(crate) fn start(command: impl Into<Command>, log: &str) -> Result<Self> {
        let output = File::create(log)?;
        let mut command = command.into();
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Self(child))
    }

    /// Waits until it listens on all `addresses`; an error if it ends instead.
    pub(crate) fn wait_until_listening(&mut self, addresses: &[SocketAddr]) -> Result {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("it ended at once: {status}").into());
            }
            if addresses.iter().copied().all(listens) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("it does not listen on {addresses:?} within {LIMIT:?}").into())
    }

    /// Waits until it ends by itself; an error if it does not, or not well.
    pub(crate) fn end(&mut self) -> Result {
        let status = wait("end of the program", || self.0.try_wait().ok().flatten())?;
        if status.success() { Ok(()) } else { Err(format!("it ended: {status}").into()) }
    }

    /// Asks it to end, as Ctrl-C does, and waits for it.
    pub(crate) fn interrupt(&mut self) -> Result {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-INT", &id]).status()?;
        self.end().map_err(|error| format!("after Ctrl-C: {error}").into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running service that says where it listens on the first line of its output.
#[derive(Debug)]
pub(crate) struct Service {
    process: Running,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Service {
    /// Starts the program.
    pub(crate) fn start(command: impl Into<Command>) -> Result<Self> {
        let mut process = Running(command.into().stdout(Stdio::piped()).spawn()?);
        let output = process.0.stdout.take().ok_or("the service has no output")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.map_err(|_| format!("the service said `{line}`"))?;
        Ok(Self { process, output, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// Its resident memory, in kibibytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        resident(self.id())
    }

    /// What it says until it ends, which its input does now, if it has one.
    pub(crate) fn ends_with(mut self) -> Result<String> {
        drop(self.process.0.stdin.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        Ok(said)
    }
}

/// An address that nobody listens on, most likely still when a program is told to.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Whether somebody does.
pub(crate) fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// The path of a browser, if there is one.
pub(crate) fn browser(sh: &Shell) -> Option<String> {
    BROWSERS.iter().find_map(|name| {
        cmd!(sh, "which {name}").quiet().ignore_stderr().read().ok().filter(|path| !path.is_empty())
    })
}

/// What the attempt returns as soon as it returns something.
pub(crate) fn wait<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if let Some(found) = attempt() {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err(format!("no {what} within {LIMIT:?}").into())
}

/// The body of the answer to `GET`, whatever its status.
pub(crate) fn get(address: SocketAddr, target: &str) -> Option<String> {
    ask(address, "GET", target, "")
}

/// The body of the answer; none if there is no answer.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    let length = body.len();
    // The version that knows no chunks.
    write!(
        stream,
        "{method} {target} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// The resident memory of a process, in kibibytes.
fn resident(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(resident_in(&status).ok_or("the process does not say how large it is")?)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_listens_or_has_ended() {
        let log = std::env::temp_dir().join(format!("logfire-rs-xtask-{}.log", std::process::id()));
        let log = log.to_str().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let start = |program, argument| {
            let mut command = Command::new(program);
            command.arg(argument);
            Running::start(command, log).unwrap()
        };
        start("sleep", "60").wait_until_listening(&[address]).unwrap();
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let error = start("sleep", "0").wait_until_listening(&[address, nobody]).unwrap_err();
        assert!(error.to_string().starts_with("it ended at once: "), "{error}");
        start("true", "").end().unwrap();
        assert_eq!(start("false", "").end().unwrap_err().to_string(), "it ended: exit status: 1");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_process_says_how_large_it_is() {
        assert_eq!(resident_in("VmPeak:\t  10 kB\nVmRSS:\t    1234 kB\n"), Some(1234));
        assert_eq!(resident_in("VmPeak:\t  10 kB\n"), None);
    }

    #[test]
    fn an_answer_is_what_follows_its_head() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"a body") {
                let mut part = [0; 64];
                let count = stream.read(&mut part).unwrap();
                assert_ne!(count, 0, "{request:?}");
                request.extend_from_slice(&part[..count]);
            }
            stream.write_all(b"HTTP/1.0 200 OK\r\nServer: test\r\n\r\nyes\r\n\r\n").unwrap();
            String::from_utf8(request).unwrap()
        });
        assert_eq!(ask(address, "POST", "/a?b", "a body").as_deref(), Some("yes\r\n\r\n"));
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /a?b HTTP/1.0\r\n"), "{request}");
        assert_eq!(get(address, "/"), None);
    }
}
