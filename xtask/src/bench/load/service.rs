//! The service of the quickstart, which bench/ makes a process of, bare or instrumented.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
};

use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    local, metadata,
};

/// Which service.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    Bare,
    /// It exports to `endpoint`.
    Instrumented {
        endpoint: &'a str,
    },
}

/// A running service, which ends with this value.
#[derive(Debug)]
pub(super) struct Service {
    process: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// Builds the program.
pub(super) fn build(sh: &Shell) -> Result<String> {
    let _in_bench = sh.push_dir("bench");
    as_if_typed(cmd!(sh, "cargo build --release --bin service")).quiet().run()?;
    let json = cmd!(sh, "cargo metadata --format-version 1 --no-deps").quiet().read()?;
    Ok(format!("{}/release/service", metadata::parse(&json)?.target_directory))
}

impl Service {
    pub(super) fn start(sh: &Shell, program: &str, kind: Kind<'_>) -> Result<Self> {
        let command = match kind {
            Kind::Bare => without_telemetry(cmd!(sh, "{program} bare")),
            Kind::Instrumented { endpoint } => {
                without_telemetry(cmd!(sh, "{program} instrumented"))
                    .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
                    .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            }
        };
        let mut process = Command::from(command).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("the service has no output")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.map_err(|_| format!("the service said `{line}`"))?;
        Ok(Self { process, output, address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its resident memory, in kibibytes.
    pub(super) fn resident(&self) -> Result<u64> {
        local::resident(self.process.id())
    }

    /// Ends it, and returns how many spans it has recorded and delivered.
    pub(super) fn interrupt(mut self, sh: &Shell) -> Result<(u64, u64)> {
        let id = self.process.id().to_string();
        cmd!(sh, "kill -INT {id}").quiet().run()?;
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        let (recorded, delivered) = said.trim().split_once(' ').unwrap_or_default();
        Ok((recorded.parse()?, delivered.parse()?))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
