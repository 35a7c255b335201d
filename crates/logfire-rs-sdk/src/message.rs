//! The message of a span: what a person reads where the name is made for grouping.
//!
//! The rules are those of Logfire's Python SDK, read from the stable HTTP conventions or, for spans of other
//! instrumentations, from the old ones.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value, trace::SpanKind};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute::{
    HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, SERVER_ADDRESS, URL_FULL, URL_PATH,
    URL_QUERY,
};

/// Keys and values longer than this are cut in the middle.
const MAX_QUERY_TEXT: usize = 20;

/// `logfire.msg` if it is set, `GET /hello/bob ? q='3'` for a request, `GET host/path` for a call, else the name.
pub(crate) fn message(span: &SpanData) -> Cow<'_, str> {
    if let Some(message) = text(&span.attributes, &["logfire.msg"]) {
        return message;
    }
    http_message(span).map_or(Cow::Borrowed(span.name.as_ref()), Cow::Owned)
}

/// The value of the first attribute that is there.
pub(crate) fn attribute<'a>(attributes: &'a [KeyValue], names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| {
        let attribute = attributes.iter().find(|attribute| attribute.key.as_str() == *name)?;
        Some(&attribute.value)
    })
}

pub(crate) fn text<'a>(attributes: &'a [KeyValue], names: &[&str]) -> Option<Cow<'a, str>> {
    attribute(attributes, names).map(Value::as_str).filter(|text| !text.is_empty())
}

/// The status code of the response, under its stable or its old name.
pub(crate) fn status_code(attributes: &[KeyValue]) -> Option<i64> {
    match attribute(attributes, &[HTTP_RESPONSE_STATUS_CODE, "http.status_code"])? {
        Value::I64(code) => Some(*code),
        _ => None,
    }
}

fn http_message(span: &SpanData) -> Option<String> {
    let text = |names: &[&str]| text(&span.attributes, names);
    let method = text(&[HTTP_REQUEST_METHOD, "http.method"])?;
    // The name of a request with an unknown method begins with `HTTP`.
    let method = if method == "_OTHER" { Cow::Borrowed("HTTP") } else { method };
    if !is_http_name(&span.name, &method, text(&[HTTP_ROUTE]).as_deref()) {
        return None;
    }
    let full = text(&[URL_FULL, "http.url"]);
    let (host, path_of_full, query_of_full) = full.as_deref().map(split_url).unwrap_or_default();
    let target = text(&[URL_PATH, "http.target"]);
    let (path, _) = split_query(target.as_deref().unwrap_or(path_of_full));
    let query = text(&[URL_QUERY]);
    let query = query.as_deref().unwrap_or(query_of_full);

    let mut message = method.into_owned();
    if !path.is_empty() {
        message.push(' ');
        if span.span_kind == SpanKind::Client {
            let address = text(&[SERVER_ADDRESS, "http.host", "net.peer.name"]);
            message.push_str(address.as_deref().unwrap_or(host));
        }
        message.push_str(path);
        push_query(&mut message, query);
    }
    Some(message)
}

/// Names that an instrumentation makes; any other is the user's, and is the best message there is.
fn is_http_name(name: &str, method: &str, route: Option<&str>) -> bool {
    let Some(rest) = name.strip_prefix(method) else { return route == Some(name) };
    rest.is_empty() || (rest.strip_prefix(' ').is_some() && rest.get(1..) == route)
}

/// Host, path and query.
fn split_url(url: &str) -> (&str, &str, &str) {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let url = url.split('#').next().unwrap_or_default();
    let (location, query) = split_query(url);
    let (authority, path) = location.split_at(location.find('/').unwrap_or(location.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port =
        host.rfind(':').filter(|colon| !host.get(*colon..).unwrap_or_default().contains(']'));
    (host.get(..port.unwrap_or(host.len())).unwrap_or_default(), path, query)
}

fn split_query(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// ` ? a='1' & b='2'`: the shortest first, so that what is cut at the end is what matters least.
fn push_query(message: &mut String, query: &str) {
    let mut pairs: Vec<_> =
        form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()).collect();
    pairs.sort_by_key(|(key, value)| {
        (key.chars().count() + value.chars().count(), key.clone(), value.clone())
    });
    for (index, (key, value)) in pairs.iter().enumerate() {
        message.push_str(if index == 0 { " ? " } else { " & " });
        message.push_str(&shortened(key));
        message.push('=');
        push_quoted(message, &shortened(value));
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    let length = text.chars().count();
    if length <= MAX_QUERY_TEXT {
        return Cow::Borrowed(text);
    }
    let half = (MAX_QUERY_TEXT - 1) / 2;
    let head = text.chars().take(half);
    let tail = text.chars().skip(length - half);
    Cow::Owned(head.chain(['…']).chain(tail).collect())
}

/// As Python's `repr` of a string: single quotes, unless only double quotes spare an escape.
fn push_quoted(message: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    message.push(quote);
    for c in text.chars() {
        match c {
            _ if c == quote || c == '\\' => message.extend(['\\', c]),
            _ if c.is_control() => message.extend(c.escape_default()),
            _ => message.push(c),
        }
    }
    message.push(quote);
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanBuilder, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// The message of a span of this kind and name with these attributes.
    fn of(
        kind: SpanKind,
        name: &'static str,
        attributes: &[(&'static str, &'static str)],
    ) -> String {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes);
        let provider = SdkTracerProvider::builder().build();
        let span = provider.tracer("test").build(builder).exported_data().unwrap();
        message(&span).into_owned()
    }

    fn server(name: &'static str, attributes: &[(&'static str, &'static str)]) -> String {
        of(SpanKind::Server, name, attributes)
    }

    fn with_query(query: &'static str) -> String {
        server("GET", &[("http.request.method", "GET"), ("url.path", "/"), ("url.query", query)])
    }

    #[test]
    fn a_request_shows_its_path_and_query() {
        let hello = [
            ("http.request.method", "GET"),
            ("http.route", "/hello/{name}"),
            ("url.path", "/hello/bob"),
            ("url.query", "q=3"),
        ];
        assert_eq!(server("GET /hello/{name}", &hello), "GET /hello/bob ? q='3'");
        let missing = [("http.request.method", "GET"), ("url.path", "/missing")];
        assert_eq!(server("GET", &missing), "GET /missing");
        let unknown = [("http.request.method", "_OTHER"), ("url.path", "/x")];
        assert_eq!(server("HTTP", &unknown), "HTTP /x");
    }

    #[test]
    fn a_call_shows_its_host() {
        let call = [
            ("http.request.method", "GET"),
            ("server.address", "example.org"),
            ("url.full", "https://user:pw@example.org:8080/foo?x=1"),
        ];
        assert_eq!(of(SpanKind::Client, "GET", &call), "GET example.org/foo ? x='1'");
        let host_from_url =
            [("http.request.method", "GET"), ("url.full", "http://u@[::1]:80/foo#x")];
        assert_eq!(of(SpanKind::Client, "GET", &host_from_url), "GET [::1]/foo");
        let no_path = [("http.request.method", "GET"), ("url.full", "http://example.org")];
        assert_eq!(of(SpanKind::Client, "GET", &no_path), "GET");
    }

    #[test]
    fn old_attribute_names_do_as_well() {
        let old = [
            ("http.method", "GET"),
            ("http.route", "/a/{b}"),
            ("http.target", "/a/1?x=2"),
            ("http.url", "http://h/a/1?x=2"),
        ];
        assert_eq!(server("GET /a/{b}", &old), "GET /a/1 ? x='2'");
    }

    #[test]
    fn a_name_or_message_of_the_user_stays() {
        let attributes = [("http.request.method", "GET"), ("url.path", "/x")];
        assert_eq!(server("checkout", &attributes), "checkout");
        assert_eq!(server("GETaway", &attributes), "GETaway");
        assert_eq!(server("GET /other", &attributes), "GET /other");
        assert_eq!(server("GET", &[("logfire.msg", "mine"), attributes[0], attributes[1]]), "mine");
        assert_eq!(of(SpanKind::Internal, "work", &[]), "work");
    }

    #[test]
    fn a_query_is_decoded_sorted_by_length_and_shortened() {
        assert_eq!(
            with_query(
                "longkeyaaaaaaaaaaaaaaaaaaaaaaa=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv&z=a%20b&q=3"
            ),
            "GET / ? q='3' & z='a b' & longkeyaa…aaaaaaaaa='vvvvvvvvv…vvvvvvvvv'"
        );
        assert_eq!(with_query("foo=foo_val&bar=bar_val"), "GET / ? bar='bar_val' & foo='foo_val'");
        assert_eq!(with_query("a=2&a=1&blank=&none"), "GET / ? a='1' & a='2'");
        assert_eq!(
            with_query("a=it's&b=%22it's%22&c=%0a%5c"),
            r#"GET / ? c='\n\\' & a="it's" & b='"it\'s"'"#
        );
    }
}
