//! The attributes of HTTP spans and metrics, as keys that cost nothing to make.

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_semantic_conventions::attribute as semconv;

/// The version of the conventions that the attributes follow.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

macro_rules! keys {
    ($($name:ident = $text:expr;)*) => { $(pub(crate) const $name: Key = Key::from_static_str($text);)* };
}

keys! {
    CLIENT_ADDRESS = semconv::CLIENT_ADDRESS;
    CODE_FILE_PATH = semconv::CODE_FILE_PATH;
    CODE_FUNCTION_NAME = semconv::CODE_FUNCTION_NAME;
    CODE_LINE_NUMBER = semconv::CODE_LINE_NUMBER;
    DNS_ANSWERS = "dns.answers";
    DNS_QUESTION_NAME = "dns.question.name";
    ERROR_TYPE = semconv::ERROR_TYPE;
    EXCEPTION_MESSAGE = semconv::EXCEPTION_MESSAGE;
    EXCEPTION_TYPE = semconv::EXCEPTION_TYPE;
    HTTP_MESSAGE_TYPE = "http.message.type";
    HTTP_CONNECTION_REUSED = "http.connection.reused";
    HTTP_CONNECTION_STATE = "http.connection.state";
    HTTP_REQUEST_BODY_FORM = "http.request.body.form";
    HTTP_REQUEST_BODY_SIZE = semconv::HTTP_REQUEST_BODY_SIZE;
    HTTP_REQUEST_BODY_TEXT = "http.request.body.text";
    HTTP_REQUEST_METHOD = semconv::HTTP_REQUEST_METHOD;
    HTTP_REQUEST_METHOD_ORIGINAL = semconv::HTTP_REQUEST_METHOD_ORIGINAL;
    HTTP_REQUEST_RESEND_COUNT = semconv::HTTP_REQUEST_RESEND_COUNT;
    HTTP_RESPONSE_BODY_SIZE = semconv::HTTP_RESPONSE_BODY_SIZE;
    HTTP_RESPONSE_BODY_TEXT = "http.response.body.text";
    HTTP_RESPONSE_STATUS_CODE = semconv::HTTP_RESPONSE_STATUS_CODE;
    HTTP_ROUTE = semconv::HTTP_ROUTE;
    LOGFIRE_JSON_SCHEMA = "logfire.json_schema";
    NETWORK_PEER_ADDRESS = semconv::NETWORK_PEER_ADDRESS;
    NETWORK_PEER_PORT = semconv::NETWORK_PEER_PORT;
    NETWORK_PROTOCOL_VERSION = semconv::NETWORK_PROTOCOL_VERSION;
    SERVER_ADDRESS = semconv::SERVER_ADDRESS;
    SERVER_PORT = semconv::SERVER_PORT;
    URL_FULL = semconv::URL_FULL;
    URL_PATH = semconv::URL_PATH;
    URL_QUERY = semconv::URL_QUERY;
    URL_SCHEME = semconv::URL_SCHEME;
    URL_TEMPLATE = semconv::URL_TEMPLATE;
    USER_AGENT_ORIGINAL = semconv::USER_AGENT_ORIGINAL;
    USER_AGENT_SYNTHETIC_TYPE = "user_agent.synthetic.type";
    WEBSOCKET_CLOSE_CODE = "websocket.close_code";
}

/// The name of the event that tells of an error or a panic.
pub(crate) const EXCEPTION: &str = "exception";

pub(crate) fn attribute(key: Key, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

/// The attributes of the event that tells of an error: its type, and a message without secrets.
pub(crate) fn exception(error_type: &'static str, masked: String) -> Vec<KeyValue> {
    let mut attributes = vec![attribute(EXCEPTION_TYPE, error_type)];
    if !masked.is_empty() {
        attributes.push(attribute(EXCEPTION_MESSAGE, masked));
    }
    attributes
}

/// `error.type` of an answer with `status`: the code as a string, without making one each time.
pub(crate) fn status_text(status: u16) -> Value {
    let known = match status {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        410 => "410",
        413 => "413",
        415 => "415",
        422 => "422",
        429 => "429",
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        _ => return Value::from(status.to_string()),
    };
    Value::from(known)
}

/// The attribute set of one metric point, on the stack.
///
/// The SDK is quickest when the same set always comes in the same order.
pub(crate) struct MetricSet<const N: usize> {
    attributes: [KeyValue; N],
    len: usize,
}

impl<const N: usize> MetricSet<N> {
    pub(crate) fn new() -> Self {
        let empty = || KeyValue::new(Key::from_static_str(""), false);
        Self { attributes: std::array::from_fn(|_| empty()), len: 0 }
    }

    pub(crate) fn push(&mut self, key: Key, value: impl Into<Value>) {
        if let Some(slot) = self.attributes.get_mut(self.len) {
            *slot = KeyValue::new(key, value);
            self.len += 1;
        }
    }

    pub(crate) fn as_slice(&self) -> &[KeyValue] {
        self.attributes.get(..self.len).unwrap_or_default()
    }

    /// The set with what the application adds; only then it costs an allocation.
    pub(crate) fn with<R>(&self, more: &[KeyValue], record: impl FnOnce(&[KeyValue]) -> R) -> R {
        if more.is_empty() {
            return record(self.as_slice());
        }
        let own = self.as_slice();
        let more = more.iter().filter(|it| own.iter().all(|own| own.key != it.key));
        record(&own.iter().chain(more).cloned().collect::<Vec<_>>())
    }
}
