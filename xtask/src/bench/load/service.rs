//! The service of the quickstart, which bench/ makes a process of, bare or instrumented.

use std::net::SocketAddr;

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
pub(super) struct Service(local::Service);

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
        Ok(Self(local::Service::start(command)?))
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Its resident memory, in kibibytes.
    pub(super) fn resident(&self) -> Result<u64> {
        self.0.resident()
    }

    /// Ends it, and returns how many spans it has recorded and delivered.
    pub(super) fn interrupt(self, sh: &Shell) -> Result<(u64, u64)> {
        let id = self.0.id().to_string();
        cmd!(sh, "kill -INT {id}").quiet().run()?;
        let said = self.0.ends_with()?;
        let (recorded, delivered) = said.trim().split_once(' ').unwrap_or_default();
        Ok((recorded.parse()?, delivered.parse()?))
    }
}
