//! The proxy without a framework, in front of real sockets; the mounts are tested in `logfire-rs-conformance`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod forwarding;
mod queues;
mod receiving;
mod settings;

#[expect(dead_code, reason = "shared with the tests of the delivery crate, which use all of it")]
#[path = "../../../logfire-rs-delivery/tests/receiver/mod.rs"]
mod receiver;

use std::fmt::Write as _;
use std::time::Duration;

use logfire_rs_core::{HeaderValue, Headers};
use logfire_rs_proxy::{ForwardResponse, LogfireProxy, LogfireProxyBuilder};
use receiver::Receiver;

/// Longer than any of these deliveries takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const JSON: Pairs<'static> = Pairs(&[("Content-Type", "application/json")]);
const PROTOBUF: Pairs<'static> = Pairs(&[("Content-Type", "application/x-protobuf")]);

/// The headers of a request.
#[derive(Clone, Copy)]
struct Pairs<'a>(&'a [(&'a str, &'a str)]);

impl Headers for Pairs<'_> {
    fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
        self.0.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.into())
    }
    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
        let named = self.0.iter().filter(|it| it.0.eq_ignore_ascii_case(name));
        named.for_each(|it| visit(it.1.into()));
    }
    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
        self.0.iter().for_each(|it| visit(it.0, it.1.into()));
    }
}

/// A proxy that reads no environment and retries soon.
fn builder() -> LogfireProxyBuilder {
    LogfireProxy::builder().env_lookup(|_| None).first_retry_after(Duration::from_millis(10))
}

/// A proxy with these tokens for `receiver`.
fn to(receiver: &Receiver, tokens: &[&str]) -> LogfireProxyBuilder {
    builder().base_url(receiver.url()).tokens(tokens.iter().copied())
}

/// Status, headers and body, as text.
fn shown(response: &ForwardResponse) -> String {
    let mut text = format!("{}\n", response.status);
    for (name, value) in &response.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    text + std::str::from_utf8(&response.body).unwrap()
}
