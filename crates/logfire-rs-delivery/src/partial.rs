//! What a destination has rejected of an export that it took.

use prost::Message;

/// `partial_success` of the answers of all signals: `rejected_spans`, `rejected_data_points` and `rejected_log_records`
/// have one number. <https://opentelemetry.io/docs/specs/otlp/#partial-success>
#[derive(Clone, PartialEq, Message)]
struct Answered {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected: i64,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// What an answer says in protobuf, if it says something.
pub(crate) fn in_protobuf(answer: &[u8]) -> Option<PartialSuccess> {
    telling(Answered::decode(answer).ok()?.partial_success?)
}

/// The same in JSON, where a number of 64 bits is a string.
pub(crate) fn in_json(answer: &[u8]) -> Option<PartialSuccess> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let partial = answer.get("partialSuccess")?.as_object()?;
    let rejected = partial.iter().find(|(name, _)| name.starts_with("rejected"));
    let number =
        |value: &serde_json::Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let message = partial.get("errorMessage").and_then(|it| it.as_str()).unwrap_or_default();
    telling(PartialSuccess {
        rejected: rejected.and_then(|(_, value)| number(value)).unwrap_or(0),
        message: message.to_owned(),
    })
}

fn telling(partial: PartialSuccess) -> Option<PartialSuccess> {
    (partial.rejected > 0 || !partial.message.is_empty()).then_some(partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partial(rejected: i64, message: &str) -> PartialSuccess {
        PartialSuccess { rejected, message: message.to_owned() }
    }

    #[test]
    fn both_encodings_are_read_and_anything_else_says_nothing() {
        // Field 1 of 7 bytes: rejected 3, message `odd`.
        assert_eq!(in_protobuf(b"\x0a\x07\x08\x03\x12\x03odd"), Some(partial(3, "odd")));
        for silent in [&b""[..], b"\x0a\x00", b"OK", b"\xff\xff", b"<html>"] {
            assert_eq!(in_protobuf(silent), None, "{silent:?}");
        }
        let spans = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"odd"}}"#;
        assert_eq!(in_json(spans), Some(partial(3, "odd")));
        assert_eq!(
            in_json(br#"{"partialSuccess":{"rejectedLogRecords":2}}"#),
            Some(partial(2, ""))
        );
        assert_eq!(
            in_json(br#"{"partialSuccess":{"errorMessage":"old"}}"#),
            Some(partial(0, "old"))
        );
        for silent in [&b""[..], b"{}", b"[]", br#"{"partialSuccess":{}}"#, b"OK"] {
            assert_eq!(in_json(silent), None, "{silent:?}");
        }
    }
}
