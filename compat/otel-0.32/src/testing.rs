//! The recorder of `logfire_rs_sdk::testing`, which is on 0.33 there.

#[path = "../../../crates/logfire-rs-sdk/src/testing/captured.rs"]
mod captured;
#[path = "../../../crates/logfire-rs-sdk/src/testing/clock.rs"]
mod clock;
#[path = "../../../crates/logfire-rs-sdk/src/testing/recorder.rs"]
mod recorder;
#[path = "../../../crates/logfire-rs-sdk/src/testing/render.rs"]
mod render;

use logfire_rs_core::{HttpClientOptions, HttpServerOptions};

pub use self::captured::{Captured, Logs, Metrics, Spans};
pub use self::recorder::Recorder;

/// What can be attached to a [`Recorder`].
pub trait Options: Sized {
    /// The same with the providers of `recorder`.
    fn attach(self, recorder: &Recorder) -> Self;
}

impl Options for HttpServerOptions {
    fn attach(self, recorder: &Recorder) -> Self {
        self.tracer_provider(recorder.tracer_provider().clone())
            .meter_provider(recorder.meter_provider().clone())
    }
}

impl Options for HttpClientOptions {
    fn attach(self, recorder: &Recorder) -> Self {
        self.tracer_provider(recorder.tracer_provider().clone())
            .meter_provider(recorder.meter_provider().clone())
    }
}
