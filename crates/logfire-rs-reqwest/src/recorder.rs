//! What a client and its requests share to be recorded.

use logfire_rs_core::{HttpClientInstrumenter, HttpClientOptions};

use crate::connect::Connections;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) instrumenter: HttpClientInstrumenter,
    /// Known if the builder of the client was asked to record them.
    pub(crate) connections: Option<Connections>,
}

impl Recorder {
    pub(crate) fn new(options: HttpClientOptions) -> Self {
        let name = env!("CARGO_PKG_NAME");
        let version = env!("CARGO_PKG_VERSION");
        let instrumenter = HttpClientInstrumenter::new(name, version, "REQWEST", options);
        Self { instrumenter, connections: None }
    }
}
