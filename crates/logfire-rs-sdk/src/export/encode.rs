//! OTLP bodies, as protobuf or as JSON.

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use prost::Message;

/// How bodies are written. <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
    /// Protobuf, as the message of a gRPC call.
    Grpc,
}

impl Encoding {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
            Self::Grpc => "application/grpc",
        }
    }

    fn encode<T: Message + serde::Serialize>(self, request: &T) -> Result<Vec<u8>, OTelSdkError> {
        match self {
            Self::Json => serde_json::to_vec(request)
                .map_err(|error| OTelSdkError::InternalFailure(error.to_string())),
            Self::Protobuf | Self::Grpc => Ok(request.encode_to_vec()),
        }
    }
}

/// Encodes a request at most once per encoding, and has every outlet submit it.
pub(crate) fn submit_to_all<T: Message + serde::Serialize>(
    outlets: &[super::Outlet],
    request: &T,
) -> OTelSdkResult {
    let mut bodies: Vec<(Encoding, Vec<u8>)> = Vec::new();
    let mut result = Ok(());
    for outlet in outlets {
        let known = bodies.iter().find(|(encoding, _)| *encoding == outlet.encoding);
        let body = match known {
            Some((_, body)) => body.clone(),
            None => {
                let body = outlet.encoding.encode(request)?;
                bodies.push((outlet.encoding, body.clone()));
                body
            }
        };
        // One full queue is no reason to keep the body from the others.
        if let Err(error) = outlet.submit(body) {
            result = Err(error);
        }
    }
    result
}
