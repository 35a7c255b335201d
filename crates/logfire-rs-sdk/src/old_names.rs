//! The names that the HTTP conventions had before they were stable, beside the stable ones.

use opentelemetry::{KeyValue, Value, trace::SpanKind};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute::{
    CLIENT_ADDRESS, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, NETWORK_PEER_ADDRESS,
    NETWORK_PEER_PORT, NETWORK_PROTOCOL_VERSION, SERVER_ADDRESS, SERVER_PORT, URL_FULL, URL_PATH,
    URL_QUERY, URL_SCHEME, USER_AGENT_ORIGINAL,
};

use crate::{
    environment::Environment,
    message::{attribute, text},
};

const BOTH: [(&str, &str); 5] = [
    (HTTP_REQUEST_METHOD, "http.method"),
    (HTTP_RESPONSE_STATUS_CODE, "http.status_code"),
    (URL_SCHEME, "http.scheme"),
    (NETWORK_PROTOCOL_VERSION, "http.flavor"),
    (USER_AGENT_ORIGINAL, "http.user_agent"),
];
const SERVER: [(&str, &str); 6] = [
    (URL_PATH, "http.target"),
    (SERVER_ADDRESS, "net.host.name"),
    (SERVER_PORT, "net.host.port"),
    (CLIENT_ADDRESS, "http.client_ip"),
    (NETWORK_PEER_ADDRESS, "net.peer.ip"),
    (NETWORK_PEER_PORT, "net.peer.port"),
];
const CLIENT: [(&str, &str); 3] =
    [(URL_FULL, "http.url"), (SERVER_ADDRESS, "net.peer.name"), (SERVER_PORT, "net.peer.port")];

/// Whether `OTEL_SEMCONV_STABILITY_OPT_IN` has `http/dup` in its list. The stable names stay in any case.
/// <https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/>
pub(crate) fn are_wanted(env: &Environment) -> bool {
    let list = env.text(&["OTEL_SEMCONV_STABILITY_OPT_IN"]).unwrap_or_default();
    list.split(',').any(|item| item.trim().eq_ignore_ascii_case("http/dup"))
}

/// Adds the old names to the span of a request or call; what is there stays.
pub(crate) fn add(span: &mut SpanData) {
    if attribute(&span.attributes, &[HTTP_REQUEST_METHOD]).is_none() {
        return;
    }
    let by_kind: &[_] = match span.span_kind {
        SpanKind::Server => &SERVER,
        SpanKind::Client => &CLIENT,
        _ => &[],
    };
    let mut old: Vec<(&'static str, Value)> = BOTH
        .iter()
        .chain(by_kind)
        .filter_map(|(stable, old)| Some((*old, attribute(&span.attributes, &[stable])?.clone())))
        .collect();
    if span.span_kind == SpanKind::Server
        && let Some(url) = url(&span.attributes)
    {
        old.push(("http.url", url.into()));
    }
    for (name, value) in old {
        if attribute(&span.attributes, &[name]).is_none() {
            span.attributes.push(KeyValue::new(name, value));
        }
    }
}

/// A server records the parts.
fn url(attributes: &[KeyValue]) -> Option<String> {
    let (scheme, host) = (text(attributes, &[URL_SCHEME])?, text(attributes, &[SERVER_ADDRESS])?);
    let mut url = if host.contains(':') {
        format!("{scheme}://[{host}]")
    } else {
        format!("{scheme}://{host}")
    };
    match (scheme.as_ref(), attribute(attributes, &[SERVER_PORT])) {
        ("http", Some(Value::I64(80))) | ("https", Some(Value::I64(443))) | (_, None) => {}
        (_, Some(port)) => url.push_str(&format!(":{port}")),
    }
    url.push_str(&text(attributes, &[URL_PATH]).unwrap_or_default());
    if let Some(query) = text(attributes, &[URL_QUERY]) {
        url.push('?');
        url.push_str(&query);
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanBuilder, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::environment::tests::environment;

    /// What is added to a span of this kind.
    fn added(kind: SpanKind, attributes: Vec<KeyValue>) -> Vec<String> {
        let before = attributes.len();
        let builder = SpanBuilder::from_name("x").with_kind(kind).with_attributes(attributes);
        let provider = SdkTracerProvider::builder().build();
        let mut span = provider.tracer("test").build(builder).exported_data().unwrap();
        add(&mut span);
        span.attributes[before..].iter().map(|it| format!("{}={}", it.key, it.value)).collect()
    }

    #[test]
    fn a_request_has_both_names() {
        let request = vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("url.path", "/items/42"),
            KeyValue::new("url.query", "q=1"),
            KeyValue::new("server.address", "127.0.0.1"),
            KeyValue::new("server.port", 8000),
            KeyValue::new("network.peer.address", "10.0.0.1"),
            KeyValue::new("http.flavor", "mine"),
            KeyValue::new("network.protocol.version", "1.1"),
        ];
        assert_eq!(
            added(SpanKind::Server, request),
            [
                "http.method=GET",
                "http.status_code=200",
                "http.scheme=http",
                "http.target=/items/42",
                "net.host.name=127.0.0.1",
                "net.host.port=8000",
                "net.peer.ip=10.0.0.1",
                "http.url=http://127.0.0.1:8000/items/42?q=1",
            ]
        );
    }

    #[test]
    fn a_call_has_both_names_and_other_spans_none() {
        let call = vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("url.full", "https://h/x"),
            KeyValue::new("server.address", "h"),
            KeyValue::new("server.port", 443),
        ];
        assert_eq!(
            added(SpanKind::Client, call),
            ["http.method=GET", "http.url=https://h/x", "net.peer.name=h", "net.peer.port=443"]
        );
        assert_eq!(added(SpanKind::Server, vec![KeyValue::new("url.path", "/")]), [""; 0]);
    }

    #[test]
    fn only_dup_asks_for_them() {
        let wanted = |variables| are_wanted(&environment(variables).0);
        assert!(!wanted(&[]));
        assert!(!wanted(&[("OTEL_SEMCONV_STABILITY_OPT_IN", "http")]));
        assert!(wanted(&[("OTEL_SEMCONV_STABILITY_OPT_IN", "database, HTTP/dup")]));
    }
}
