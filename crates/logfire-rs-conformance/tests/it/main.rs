//! The table of exchanges, through every adapter.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so at once"
)]

mod acceptance;
mod acceptance_list;
mod applications;
mod bad_input;
mod clients;
mod every_client;
mod exchanges;
mod exporters;
mod http2;
mod options;
mod peers;
mod propagation;
mod proxy;
mod secrets;
