//! The arguments of an endpoint as the application may rewrite them.

use opentelemetry::KeyValue;
use serde_json::{Map, Value};

/// What is about to be recorded of the arguments of an endpoint, for
/// [`request_attributes_mapper`](crate::HttpServerOptions::request_attributes_mapper).
///
/// ```
/// use logfire_rs_core::EndpointArguments;
///
/// let nothing = EndpointArguments::none();
/// assert!(nothing.values.is_empty() && nothing.errors.is_empty() && nothing.extra.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointArguments {
    /// The values, by the names of the arguments.
    pub values: Map<String, Value>,
    /// The rejection of an argument, if there was one: an object with `type`, `loc`, `msg`, and
    /// where it can be shown `input`.
    pub errors: Vec<Value>,
    /// Attributes of your own. None by default.
    pub extra: Vec<KeyValue>,
}

impl EndpointArguments {
    /// Records nothing of the arguments; when they were taken is recorded still.
    ///
    /// ```
    /// use logfire_rs_core::{EndpointArguments, HttpServerOptions};
    ///
    /// let options = HttpServerOptions::default()
    ///     .request_attributes_mapper(|_span, _arguments| EndpointArguments::none());
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}
