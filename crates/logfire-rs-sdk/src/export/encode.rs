//! OTLP bodies, as protobuf or as JSON.

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use prost::Message;

use super::{
    Outlet, json,
    split::{self, Part, Request},
};

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

    /// The longest body, before compression: what Logfire's Python SDK sends, and what gRPC servers take by default.
    pub(crate) const fn max_body(self) -> usize {
        match self {
            Self::Protobuf | Self::Json => 5 * 1000 * 1000,
            Self::Grpc => 4 * 1024 * 1024,
        }
    }

    pub(super) fn encode<T: Message + serde::Serialize>(
        self,
        request: &T,
    ) -> Result<Vec<u8>, OTelSdkError> {
        match self {
            Self::Json => json::encode(request)
                .map_err(|error| OTelSdkError::InternalFailure(error.to_string())),
            Self::Protobuf | Self::Grpc => Ok(request.encode_to_vec()),
        }
    }
}

/// Encodes a request at most once per encoding, and has every outlet submit it.
pub(super) fn submit_to_all<R: Request>(outlets: &[Outlet], request: &R) -> OTelSdkResult {
    let mut encoded: Vec<(Encoding, Vec<Part>)> = Vec::new();
    let mut result = Ok(());
    for outlet in outlets {
        let known = encoded.iter().position(|(encoding, _)| *encoding == outlet.encoding);
        let parts = match known.and_then(|known| encoded.get(known)) {
            Some((_, parts)) => parts.clone(),
            None => match split::parts(request, outlet.encoding) {
                Ok(parts) => {
                    encoded.push((outlet.encoding, parts.clone()));
                    parts
                }
                Err(error) => {
                    outlet.tally.lose(request.counted());
                    result = Err(error);
                    continue;
                }
            },
        };
        // One full queue is no reason to keep the bodies from the others.
        for part in parts {
            result = outlet.submit(part).and(result);
        }
    }
    result
}
