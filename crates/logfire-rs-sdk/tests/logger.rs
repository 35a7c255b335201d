//! Beside a logger of the program's own. A process of its own, because it sets the globals.

#![cfg(feature = "tracing")]

use std::sync::{Arc, Mutex};

use log::{Log, Metadata, Record};
use logfire_rs_sdk::configure;

struct Own;

impl Log for Own {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _record: &Record<'_>) {}

    fn flush(&self) {}
}

#[test]
fn a_logger_of_the_programs_own_is_told_and_tracing_is_recorded() {
    log::set_logger(&Own).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let logfire = configure()
        .console(false)
        .env_lookup(|_| None)
        .on_warning(move |warning| heard.lock().unwrap().push(warning.to_owned()))
        .finish()
        .unwrap();
    let told = told.lock().unwrap().join(", ");
    assert!(told.starts_with("there is a logger of the `log` crate already"), "{told}");
    assert!(!told.contains("there is a `tracing` subscriber"), "{told}");
    assert!(tracing::dispatcher::has_been_set());
    logfire.shutdown().unwrap();
}
