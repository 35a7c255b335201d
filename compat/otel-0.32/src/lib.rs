//! The conformance crate on OpenTelemetry 0.32: its sources, and those of `testing` that record for it.

#![allow(
    dead_code,
    unexpected_cfgs,
    reason = "the sources are parts of other crates, which have features and use all of them"
)]

// What the sources call the crates that they are from.
extern crate self as logfire_rs_sdk;

#[path = "../../../crates/logfire-rs-sdk/src/any_value.rs"]
mod any_value;
#[path = "../../../crates/logfire-rs-conformance/src/client.rs"]
mod client;
mod console;
#[path = "../../../crates/logfire-rs-conformance/src/differences.rs"]
mod differences;
#[path = "../../../crates/logfire-rs-conformance/src/front_end/mod.rs"]
mod front_end;
#[path = "../../../crates/logfire-rs-conformance/src/matrix.rs"]
mod matrix;
#[path = "../../../crates/logfire-rs-conformance/src/observe.rs"]
mod observe;
#[path = "../../../crates/logfire-rs-conformance/src/serve.rs"]
mod serve;
#[path = "../../../crates/logfire-rs-conformance/src/site.rs"]
mod site;
#[path = "../../../crates/logfire-rs-conformance/src/table.rs"]
mod table;
#[path = "../../../crates/logfire-rs-conformance/src/telemetry.rs"]
mod telemetry;
pub mod testing;

pub use crate::client::{Leave, Reply};
pub use crate::differences::difference;
pub use crate::front_end::{FRONT_ENDS, FrontEnd};
pub use crate::matrix::matrix;
pub use crate::observe::{Exchange, Observed};
pub use crate::serve::{bind, run_actix_web, serve_hyper};
pub use crate::site::Site;
pub use crate::table::{named, table};
pub use crate::telemetry::Telemetry;
