//! The service of `crates/logfire-rs-conformance`, as a process.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use xshell::{Shell, cmd};

use crate::{
    Result,
    environment::{as_if_typed, without_telemetry},
    local, metadata,
};

/// A running service, which ends with this value.
#[derive(Debug)]
pub(super) struct Service(local::Service);

/// What the service says of its spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) recorded: u64,
    pub(super) delivered: u64,
    pub(super) dropped: u64,
}

/// Builds the program.
pub(super) fn build(sh: &Shell) -> Result<String> {
    as_if_typed(cmd!(sh, "cargo build -p logfire-rs-conformance --bin soak")).quiet().run()?;
    Ok(format!("{}/debug/soak", metadata::read(sh)?.target_directory))
}

impl Service {
    /// Starts it with this adapter; it exports to `receiver`.
    pub(super) fn start(
        sh: &Shell,
        program: &str,
        adapter: &str,
        receiver: SocketAddr,
    ) -> Result<Self> {
        let command = without_telemetry(as_if_typed(cmd!(sh, "{program} {adapter}")))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
            .env("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "500")
            // So that spans are dropped while the receiver is not well, and not because there are many.
            .env("OTEL_BSP_SCHEDULE_DELAY", "100")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "8192");
        let mut command = Command::from(command);
        // It warns when the receiver is away, as it should.
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        Ok(Self(local::Service::start(command)?))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Its resident memory, in mebibytes.
    pub(super) fn resident(&self) -> Result<f64> {
        let kibibytes = self.0.resident()?;
        Ok(kibibytes as f64 / 1024.0)
    }

    /// Ends it, and returns what it says.
    pub(super) fn stop(self) -> Result<Account> {
        let said = self.0.ends_with()?;
        Ok(account(&said).ok_or(format!("the service said `{said}` in the end"))?)
    }
}

fn account(said: &str) -> Option<Account> {
    let mut numbers = said.split_whitespace().map(|it| it.parse().ok());
    let mut next = || numbers.next().flatten();
    Some(Account { recorded: next()?, delivered: next()?, dropped: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_an_account() {
        let expected = Account { recorded: 3, delivered: 2, dropped: 1 };
        assert_eq!(account("3 2 1\n"), Some(expected));
        assert_eq!(account("3 2"), None);
        assert_eq!(account(""), None);
    }
}
