//! The same requests through every client, with the same options: the same spans.

mod through;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use insta::assert_snapshot;
use logfire_rs_conformance::{Telemetry, bind};
use logfire_rs_core::{HttpClientOptions, SpanEnd, suppress_instrumentation};
use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::through::{CLIENTS, Call, Client, Settings};

/// Answers with the trace headers of the request, and what else it is asked for.
async fn answer(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let sent = body.collect().await.unwrap().to_bytes();
    let response = Response::builder().header("content-type", "text/plain");
    let response = response.header("x-one", "1").header("set-cookie", "a=s3cret");
    let response = response.header("x-two", "value1").header("x-two", "value2");
    let status = parts.uri.path().rsplit('/').next().and_then(|it| it.parse::<u16>().ok());
    let response = response.status(status.filter(|it| *it >= 100).unwrap_or(200));
    let body = match parts.uri.path() {
        "/echo" => Body::from(sent),
        "/stream" => Body::from_stream(futures_util::stream::iter(0..3).then(|i| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, std::io::Error>(format!("chunk{i};"))
        })),
        "/trace" => Body::from(trace(&parts.headers)),
        _ => Body::from("hello"),
    };
    response.body(body).unwrap()
}

fn trace(headers: &HeaderMap) -> String {
    let lines = |name| headers.get_all(name).iter().count();
    format!("{} {} {}", lines("traceparent"), lines("tracestate"), lines("baggage"))
}

async fn serve() -> SocketAddr {
    let (listener, address) = bind().await;
    let app = Router::new().fallback(any(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// What a request through `client` leaves behind, and what the application read.
async fn observe(
    client: &Client,
    options: impl Fn(HttpClientOptions) -> HttpClientOptions,
    base: &str,
    call: Call,
) -> (Telemetry, Option<Bytes>) {
    let telemetry = Telemetry::default();
    let read = (client.send)(options(telemetry.client_options()), base, call).await;
    (telemetry, read)
}

/// The spans of `call`, which are the same for all `clients`.
async fn same<'a>(
    clients: impl IntoIterator<Item = &'a Client>,
    options: impl Fn(HttpClientOptions) -> HttpClientOptions,
    call: Call,
) -> String {
    let address = serve().await;
    let mut expected = None;
    for client in clients {
        let (telemetry, _) = observe(client, &options, &format!("http://{address}"), call).await;
        let text = format!("{}\n{}", telemetry.spans(), telemetry.metrics());
        let text = text.replace(&address.to_string(), "site.example");
        assert_eq!(*expected.get_or_insert_with(|| text.clone()), text, "{}", client.name);
    }
    expected.unwrap()
}

const GET: Call = Call {
    method: "GET",
    path: "/",
    headers: &[],
    body: "",
    settings: Settings {
        template: None,
        name: None,
        attribute: None,
        no_propagation: false,
        untraced: false,
    },
};

#[tokio::test]
async fn by_default() {
    let call = Call { path: "/a?b=c&sig=s3cret", ..GET };
    assert_snapshot!(same(&CLIENTS, |it| it, call).await, @r#"
    GET [client]
        http.request.method = "GET"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/a?b=c&sig=REDACTED"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.duration{http.request.method=GET, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1
    "#);
}

#[tokio::test]
async fn an_error_of_the_server() {
    let call = Call { path: "/status/503", ..GET };
    assert_snapshot!(same(&CLIENTS, |it| it, call).await, @r#"
    GET [client] error
        error.type = "503"
        http.request.method = "GET"
        http.response.status_code = 503
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/status/503"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.duration{error.type=503, http.request.method=GET, http.response.status_code=503, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1
    "#);
}

#[tokio::test]
async fn an_unknown_method() {
    let call = Call { method: "NONSTANDARD", path: "/status/405", ..GET };
    let spans = same(&CLIENTS, |it| it.metrics(false), call).await;
    assert_snapshot!(spans, @r#"
    HTTP [client] error
        error.type = "405"
        http.request.method = "_OTHER"
        http.request.method_original = "NONSTANDARD"
        http.response.status_code = 405
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/status/405"
    "#);
}

#[tokio::test]
async fn settings_of_one_request() {
    let settings = Settings {
        template: Some("/users/{id}"),
        attribute: Some(("tenant", "acme")),
        ..Settings::default()
    };
    let call = Call { path: "/users/1", settings, ..GET };
    assert_snapshot!(same(&CLIENTS, |it| it, call).await, @r#"
    GET /users/{id} [client]
        http.request.method = "GET"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        tenant = "acme"
        url.full = "http://site.example/users/1"
        url.template = "/users/{id}"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>, url.template=/users/{id}} = 0
    http.client.request.duration{http.request.method=GET, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>, url.template=/users/{id}} count=1
    "#);
    let settings = Settings { name: Some("front page"), ..Settings::default() };
    let named = same(&CLIENTS, |it| it, Call { settings, ..GET }).await;
    assert!(named.starts_with("front page [client]"), "{named}");
    // Nothing is named or told twice.
    let settings = Settings {
        name: Some(""),
        attribute: Some(("server.address", "billing")),
        ..Settings::default()
    };
    let text = same(&CLIENTS, |it| it.metrics(false), Call { settings, ..GET }).await;
    assert!(text.starts_with("GET [client]"), "{text}");
    assert_eq!(text.matches("server.address").count(), 1, "{text}");
    assert!(text.contains(r#"server.address = "billing""#), "{text}");
}

#[tokio::test]
async fn headers() {
    let options = |it: HttpClientOptions| {
        let it = it.capture_request_headers(["x-a.*", "authorization"]).metrics(false);
        it.capture_response_headers(["x-.*", "set-cookie"]).sanitize_headers(["x-a-hidden"])
    };
    let headers: &[_] = &[("X-A", "1"), ("x-a-hidden", "s3cret"), ("authorization", "s3cret")];
    assert_snapshot!(same(&CLIENTS, options, Call { headers, ..GET }).await, @r#"
    GET [client]
        http.request.header.authorization = ["[REDACTED]"]
        http.request.header.x-a = ["1"]
        http.request.header.x-a-hidden = ["[REDACTED]"]
        http.request.method = "GET"
        http.response.header.set-cookie = ["[REDACTED]"]
        http.response.header.x-one = ["1"]
        http.response.header.x-two = ["value1","value2"]
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/"
    "#);
}

#[tokio::test]
async fn filters_and_hooks() {
    let options = |it: HttpClientOptions| {
        let it = it.url_filter(|url| url.as_str().replace("filtered", "*"));
        let it = it.request_hook(|span, request| {
            span.set_name(format!("{} - hook", request.method));
            span.add_metric_attribute(KeyValue::new("team", "checkout"));
        });
        it.response_hook(|span, result| {
            span.set_attribute(KeyValue::new("status", result.map_or(0, |it| it.status.into())));
        })
    };
    let call = Call { path: "/?a=filtered&sig=s3cret", ..GET };
    assert_snapshot!(same(&CLIENTS, options, call).await, @r#"
    GET - hook [client]
        http.request.method = "GET"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        status = 200
        url.full = "http://site.example/?a=*&sig=REDACTED"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.duration{http.request.method=GET, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>, team=checkout} count=1
    "#);

    let hiding = |it: HttpClientOptions| it.url_filter(|_| String::new());
    let spans = same(&CLIENTS, hiding, Call { path: "/a?b=s3cret", ..GET }).await;
    assert!(spans.contains(r#"url.full = "http://site.example/""#), "{spans}");

    let broken = |it: HttpClientOptions| {
        let it = it.url_filter(|_| panic!("on purpose")).exclude(|_| panic!("on purpose"));
        let it = it.request_hook(|_, _| panic!("on purpose"));
        it.response_hook(|_, _| panic!("on purpose"))
    };
    let spans = same(&CLIENTS, broken, Call { path: "/?a=s3cret", ..GET }).await;
    assert!(spans.contains("http.response.status_code = 200"), "{spans}");
    assert!(!spans.contains("s3cret"), "{spans}");
}

#[tokio::test]
async fn bodies_of_answers() {
    let call = Call { path: "/stream", ..GET };
    let options = |it: HttpClientOptions| it.capture_response_body(true).metrics(false);
    let covered = move |it| options(it).span_end(SpanEnd::Body).max_captured_body(9);
    let options = move |it| options(it).record_body_sizes(true);
    assert_snapshot!(same(&CLIENTS, options, call).await, @r#"
    GET [client]
        http.request.body.size = 0
        http.request.method = "GET"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/stream"
      Reading response body [internal]
          http.response.body.text = "chunk0;chunk1;chunk2;"
    "#);
    assert_snapshot!(same(&CLIENTS, covered, call).await, @r#"
    GET [client]
        http.request.method = "GET"
        http.response.body.text = "chunk0;ch"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/stream"
    "#);
}

#[tokio::test]
async fn bodies_of_requests() {
    let seeing = || CLIENTS.iter().filter(|it| it.sees_body);
    let options = |it: HttpClientOptions| it.capture_request_body(true).metrics(false);
    for (content_type, body, expected) in [
        ("application/json", r#"{"a":"é"}"#, Some(r#"text = "{\"a\":\"é\"}""#)),
        (
            "application/x-www-form-urlencoded",
            "user=ada&id=1",
            Some(r#"form = "{\"user\":\"ada\",\"id\":\"1\"}""#),
        ),
        ("text/plain", "hello", Some(r#"text = "hello""#)),
        ("image/png", "hello", None),
        ("text/plain", "", None),
    ] {
        let headers: &'static [_] = Box::leak(Box::new([("content-type", content_type)]));
        let call = Call { method: "POST", path: "/echo", headers, body, ..GET };
        let text = same(seeing(), options, call).await;
        match expected {
            Some(expected) => assert!(text.contains(expected), "{text}"),
            None => assert!(!text.contains("http.request.body"), "{text}"),
        }
    }
    let call = Call { method: "POST", path: "/echo", body: "hello", ..GET };
    let cut = same(seeing(), |it| options(it).max_captured_body(4), call).await;
    assert!(cut.contains(r#"http.request.body.text = "hell""#), "{cut}");
}

#[tokio::test]
async fn sizes_of_bodies() {
    let call = Call { method: "POST", path: "/echo", body: "hello", ..GET };
    let options = |it: HttpClientOptions| it.record_body_sizes(true);
    assert_snapshot!(same(&CLIENTS, options, call).await, @r#"
    POST [client]
        http.request.body.size = 5
        http.request.method = "POST"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/echo"

    http.client.active_requests{http.request.method=POST, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.body.size{http.request.method=POST, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1 sum=5
    http.client.request.duration{http.request.method=POST, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1
    http.client.response.body.size{http.request.method=POST, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1 sum=5
    "#);
}

#[tokio::test]
async fn what_the_environment_says() {
    let address = serve().await;
    for client in &CLIENTS {
        let (key, base) = (client.key, format!("http://{address}"));
        let endpoint = format!("{base}/v1/traces");
        let lookup = move |name: &str| {
            let excluded = format!("OTEL_RUST_{key}_EXCLUDED_URLS");
            let all = format!("LOGFIRE_{key}_CAPTURE_ALL");
            match name {
                it if it == excluded => Some("/health".to_owned()),
                it if it == all => Some("true".to_owned()),
                "OTEL_RUST_EXCLUDED_URLS" => Some("never".to_owned()),
                "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS" => Some("GET,FETCH".to_owned()),
                "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS" => {
                    Some("x-one".to_owned())
                }
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some(endpoint.clone()),
                _ => None,
            }
        };
        let options = |it: HttpClientOptions| it.env_lookup(lookup.clone());
        for path in ["/health", "/v1/traces"] {
            let (telemetry, read) = observe(client, options, &base, Call { path, ..GET }).await;
            assert_eq!((telemetry.spans().len(), read.is_some()), (0, true), "{}", client.name);
            assert_eq!(telemetry.metrics().to_string(), "");
        }
        let call = Call { method: "FETCH", path: "/echo", body: "sent", ..GET };
        let (telemetry, _) = observe(client, options, &base, call).await;
        let text = telemetry.spans().to_string();
        assert!(text.starts_with("FETCH [client]"), "{text}");
        assert!(text.contains(r#"http.response.header.x-one = ["[REDACTED]"]"#), "{text}");
        assert!(text.contains(r#"http.response.body.text = "sent""#), "{text}");
        let captured = text.contains(r#"http.request.body.text = "sent""#);
        assert_eq!(captured, client.sees_body, "{text}");
    }
}

#[tokio::test]
async fn the_context_is_sent_unless_it_is_not_to_be() {
    let address = serve().await;
    let base = format!("http://{address}");
    let stale: &[_] = &[("traceparent", "stale"), ("traceparent", "x"), ("tracestate", "stale=1")];
    let own = |settings| Call { path: "/trace", headers: stale, settings, ..GET };
    let no_propagation = Settings { no_propagation: true, ..Settings::default() };
    let untraced = Settings { untraced: true, ..Settings::default() };
    for client in &CLIENTS {
        let sent = async |options: fn(HttpClientOptions) -> HttpClientOptions, call| {
            let (telemetry, read) = observe(client, options, &base, call).await;
            (String::from_utf8(read.unwrap().to_vec()).unwrap(), telemetry.spans().len())
        };
        let expected = |text: &str, spans| (text.to_owned(), spans);
        let name = client.name;
        assert_eq!(sent(|it| it, own(GET.settings)).await, expected("1 0 0", 1), "{name}");
        let silent = sent(|it| it.propagation(false), own(GET.settings)).await;
        assert_eq!(silent, expected("2 1 0", 1), "{name}");
        assert_eq!(sent(|it| it, own(no_propagation)).await, expected("2 1 0", 1), "{name}");
        assert_eq!(sent(|it| it, own(untraced)).await, expected("2 1 0", 0), "{name}");
        let excluded = sent(|it| it.excluded_urls(["trace"]), own(GET.settings)).await;
        assert_eq!(excluded, expected("2 1 0", 0), "{name}");
        let suppressed = suppress_instrumentation(async { sent(|it| it, own(GET.settings)).await });
        assert_eq!(suppressed.await, expected("2 1 0", 0), "{name}");
        let metrics_only = sent(|it| it.spans(false), own(GET.settings)).await;
        assert_eq!(metrics_only.1, 0, "{name}");
    }
}

/// Answers each connection with `answer`, and then resets it if it has to.
async fn raw(answer: &'static [u8], reset: bool) -> String {
    let (listener, address) = bind().await;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer).await;
            if reset {
                let _ = socket.set_zero_linger();
            }
        }
    });
    format!("http://ada:s3cret@{address}")
}

fn error_types(spans: &[SpanData]) -> Vec<String> {
    let of = |span: &SpanData| {
        let found = span.attributes.iter().find(|it| it.key.as_str() == "error.type");
        found.map_or_else(String::new, |it| it.value.to_string())
    };
    spans.iter().map(of).collect()
}

#[tokio::test]
async fn failures_have_the_same_words() {
    let (_, refused) = bind().await;
    let truncated = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc";
    // What a boxed error holds is known to tower only as far as it is of the standard library.
    for (base, expected, of_tower) in [
        (format!("http://{refused}"), "connection_refused", "connection_refused"),
        ("http://does-not-exist.invalid".to_owned(), "name_resolution_error", "_OTHER"),
        (raw(b"", false).await, "response_ended", "_OTHER"),
        (raw(b"HTTP/1.1 200 O", false).await, "response_ended", "_OTHER"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n", false).await, "invalid_response", "_OTHER"),
        (raw(b"", true).await, "connection_reset", "connection_reset"),
        (raw(truncated, false).await, "response_ended", "response_body_error"),
    ] {
        for client in &CLIENTS {
            let call = Call { path: "/?sig=s3cret", ..GET };
            let options = |it: HttpClientOptions| it.span_end(SpanEnd::Body);
            let (telemetry, read) = observe(client, options, &base, call).await;
            assert_eq!(read, None);
            let spans = telemetry.spans();
            let metrics = telemetry.metrics().to_string();
            let text = format!("{spans:?} {metrics}");
            assert!(!text.contains("s3cret"), "{}: {text}", client.name);
            assert!(matches!(spans[0].status, Status::Error { .. }), "{text}");
            let word = if client.name == "tower" { of_tower } else { expected };
            assert_eq!(error_types(&spans), [word], "{}: {text}", client.name);
            assert!(metrics.contains(&format!("error.type={word}")), "{metrics}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_is_no_error() {
    let (listener, address) = bind().await;
    let base = format!("http://{address}");
    for client in &CLIENTS {
        let telemetry = Telemetry::default();
        let mut sent = (client.send)(telemetry.client_options(), &base, GET);
        // Until the connection is there; nobody answers on it.
        let accepted = tokio::select! {
            _ = &mut sent => panic!("{}: nobody answers", client.name),
            accepted = listener.accept() => accepted,
        };
        drop(sent);
        let spans = telemetry.spans();
        assert_eq!(spans.len(), 1, "{}", client.name);
        assert_eq!((&spans[0].status, &*error_types(&spans)[0]), (&Status::Unset, ""));
        let metrics = telemetry.metrics().to_string();
        assert!(metrics.contains("http.client.request.duration{") && !metrics.contains("error"));
        assert!(metrics.contains(" = 0"), "{metrics}");
        drop(accepted);
    }
}
