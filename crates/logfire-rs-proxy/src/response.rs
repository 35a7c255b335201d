//! What a browser is answered.

use bytes::Bytes;

use crate::Signal;

/// An answer for the browser: a status, a few headers, a short body.
///
/// ```
/// let proxy = logfire_rs_proxy::LogfireProxy::builder().env_lookup(|_| None).finish()?;
/// # struct None_;
/// # impl logfire_rs_core::Headers for None_ {
/// #     fn first(&self, _: &str) -> Option<logfire_rs_core::HeaderValue<'_>> { None }
/// #     fn each(&self, _: &str, _: &mut dyn FnMut(logfire_rs_core::HeaderValue<'_>)) {}
/// #     fn each_pair(&self, _: &mut dyn FnMut(&str, logfire_rs_core::HeaderValue<'_>)) {}
/// # }
/// # let headers = None_;
/// let response = proxy.forward("/v1/traces", &headers, "{}".into());
/// assert_eq!(response.status, 415);
/// assert_eq!(response.headers, [("content-type", "text/plain".to_owned())]);
/// assert_eq!(response.body, "Missing content type header");
///
/// let response: http::Response<bytes::Bytes> = response.into();
/// assert_eq!(response.status(), http::StatusCode::UNSUPPORTED_MEDIA_TYPE);
/// # Ok::<(), logfire_rs_proxy::InvalidProxy>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForwardResponse {
    /// The status code.
    pub status: u16,
    /// Header lines, with names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl ForwardResponse {
    pub(crate) fn text(status: u16, text: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", "text/plain".to_owned())];
        Self { status, headers, body: text.into() }
    }

    pub(crate) fn too_large() -> Self {
        Self::text(413, "Payload too large")
    }

    /// A success, with what was refused, if anything was.
    pub(crate) fn accepted(encoding: Encoding, signal: Signal, refusal: Option<&str>) -> Self {
        let (content_type, body) = match encoding {
            Encoding::Protobuf => ("application/x-protobuf", protobuf(refusal)),
            Encoding::Json => ("application/json", json(signal, refusal)),
        };
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status: 200, headers, body }
    }
}

impl From<ForwardResponse> for http::Response<Bytes> {
    fn from(response: ForwardResponse) -> Self {
        let mut result = Self::new(response.body);
        if let Ok(status) = http::StatusCode::from_u16(response.status) {
            *result.status_mut() = status;
        }
        for (name, value) in response.headers {
            if let Ok(value) = value.try_into() {
                result.headers_mut().append(name, value);
            }
        }
        result
    }
}

/// How OTLP is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The encoding that `content_type` names somewhere, as Logfire's Python SDK looks for it.
    pub(crate) fn of(content_type: &[u8]) -> Option<Self> {
        let content_type = content_type.to_ascii_lowercase();
        let names = |name: &[u8]| content_type.windows(name.len()).any(|part| part == name);
        match () {
            () if names(b"application/x-protobuf") => Some(Self::Protobuf),
            () if names(b"application/json") => Some(Self::Json),
            () => None,
        }
    }
}

/// <https://opentelemetry.io/docs/specs/otlp/#partial-success-1>; the texts hold nothing that JSON escapes.
fn json(signal: Signal, refusal: Option<&str>) -> Bytes {
    let Some(refusal) = refusal else { return Bytes::from_static(b"{}") };
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
    };
    format!(r#"{{"partialSuccess":{{"{rejected}":"0","errorMessage":"{refusal}"}}}}"#).into()
}

/// `ExportTraceServiceResponse`, and its twins for logs and metrics, with their `partial_success` of an
/// `error_message`: the field numbers are the same.
fn protobuf(refusal: Option<&str>) -> Bytes {
    let Some(refusal) = refusal else { return Bytes::new() };
    let error_message = field(2, refusal.as_bytes());
    field(1, &error_message).into()
}

/// A length-delimited field. <https://protobuf.dev/programming-guides/encoding/>
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = value.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(value);
    bytes
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_content_type_is_searched_for_both_names() {
        for (content_type, expected) in [
            ("application/json", Some(Encoding::Json)),
            ("Application/JSON; charset=utf-8", Some(Encoding::Json)),
            ("text/plain; note=application/json", Some(Encoding::Json)),
            ("application/json, application/x-protobuf", Some(Encoding::Protobuf)),
            ("application/x-protobuf", Some(Encoding::Protobuf)),
            ("application/protobuf", None),
            ("text/plain", None),
            ("", None),
        ] {
            assert_eq!(Encoding::of(content_type.as_bytes()), expected, "{content_type}");
        }
    }

    #[test]
    fn a_refusal_is_a_partial_success_in_both_encodings() {
        let long = "x".repeat(300);
        for refusal in ["dropped", &long] {
            let bytes = protobuf(Some(refusal));
            let decoded = ExportTraceServiceResponse::decode(bytes).unwrap();
            let partial = decoded.partial_success.unwrap();
            assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (0, refusal));
        }
        for (signal, expected) in [
            (
                Signal::Traces,
                r#"{"partialSuccess":{"rejectedSpans":"0","errorMessage":"dropped"}}"#,
            ),
            (
                Signal::Logs,
                r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"dropped"}}"#,
            ),
            (
                Signal::Metrics,
                r#"{"partialSuccess":{"rejectedDataPoints":"0","errorMessage":"dropped"}}"#,
            ),
        ] {
            assert_eq!(json(signal, Some("dropped")), expected);
        }
    }
}
