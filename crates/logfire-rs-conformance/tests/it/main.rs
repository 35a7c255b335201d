//! The table of exchanges, through every adapter.

mod exchanges;
