//! What the compiler says of handlers that are wrong: at the place, and in the words, of the user.
//!
//! `TRYBUILD=overwrite cargo test -p logfire-rs-axum --test ui` writes the texts anew.

#![cfg(feature = "endpoint")]

#[test]
fn errors_of_handlers() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
