//! The table of exchanges, through every adapter.

mod bad_input;
mod clients;
mod exchanges;
mod options;
mod propagation;
mod secrets;
