//! The SDK over real sockets, without globals and without the environment of the process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod configuring;
mod console;
mod credentials;
mod ending;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod pipelines;
#[cfg(feature = "proxy")]
mod proxy;
mod sampling;
mod scrubbing;
#[cfg(feature = "tracing")]
mod tracing_bridge;
mod wire;

#[expect(dead_code, reason = "shared with the tests of the delivery crate, which use all of it")]
#[path = "../../../logfire-rs-delivery/tests/receiver/mod.rs"]
mod receiver;

#[cfg(feature = "otlp-grpc")]
#[expect(dead_code, reason = "shared with the tests of the delivery crate, which use all of it")]
#[path = "../../../logfire-rs-delivery/tests/grpc_receiver/mod.rs"]
mod grpc_receiver;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use logfire_rs_sdk::{Configuration, configure};

type Variables = &'static [(&'static str, &'static str)];

/// A configuration without globals, without console, with these variables, and the warnings that it gives.
fn local(variables: Variables) -> (Configuration, Text) {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    local_with(owned.collect())
}

fn local_with(variables: Vec<(String, String)>) -> (Configuration, Text) {
    let warnings = Text::default();
    let told = warnings.clone();
    let configuration = configure()
        .local()
        .console(false)
        .env_lookup(move |name| {
            variables.iter().find(|(variable, _)| variable == name).map(|(_, value)| value.clone())
        })
        .on_warning(move |warning| told.0.lock().unwrap().push_str(&format!("{warning}\n")));
    (configuration, warnings)
}

/// A text that grows, also as a writer.
#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<String>>);

impl Text {
    fn get(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
