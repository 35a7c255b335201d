//! One table of HTTP exchanges, run over real sockets through every adapter.
//!
//! A [`Site`] is a small service that every [front end](FRONT_ENDS) serves in its own way: the same
//! paths, the same answers. An [`Exchange`] sends it one request and gives what was recorded as text,
//! so that a difference between two adapters is a difference between two texts. Those that
//! are to be are [listed](DIFFERENCES), with their reasons.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so at once"
)]

mod client;
mod differences;
mod front_end;
mod matrix;
mod observe;
mod serve;
mod site;
mod table;
mod telemetry;

pub use crate::client::{Leave, Reply, exchange, exchange_http2};
pub use crate::differences::{DIFFERENCES, Difference, difference};
pub use crate::front_end::{FRONT_ENDS, FrontEnd};
pub use crate::matrix::{attributes, matrix};
pub use crate::observe::{Exchange, Observed};
pub use crate::serve::{bind, run_actix_web, serve_hyper};
pub use crate::site::{BodyError, Site};
pub use crate::table::{named, table};
pub use crate::telemetry::Telemetry;
