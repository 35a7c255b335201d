//! The table of exchanges, through every adapter.

mod bad_input;
mod clients;
mod exchanges;
mod http2;
mod options;
mod propagation;
mod secrets;
