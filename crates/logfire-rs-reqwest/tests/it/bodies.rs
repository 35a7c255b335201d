//! Bodies of requests and responses: unchanged, and recorded when asked for.

use std::time::Duration;

use futures_util::StreamExt as _;
use logfire_rs_reqwest::{Client, HttpClientOptions, SpanEnd};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use reqwest::multipart::{Form, Part};
use tokio::io::AsyncReadExt as _;

use crate::servers::{Server, http2_that_breaks_off, raw};
use crate::telemetry::{Telemetry, attribute, builder, is_child_of, plain};

const TEXT: &str = "http.response.body.text";

fn length(span: &SpanData) -> Duration {
    span.end_time.duration_since(span.start_time).unwrap()
}

#[tokio::test]
async fn a_span_may_last_until_the_end_of_the_body() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client_with(telemetry.options().span_end(SpanEnd::Body));
    let response = client.get(server.url("/stream")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 0);
    assert_eq!(response.text().await.unwrap(), "chunk0;chunk1;chunk2;chunk3;");
    let span = telemetry.one();
    assert!(length(&span) >= Duration::from_millis(80), "{:?}", length(&span));
    assert_eq!(attribute(&span, TEXT), None);

    // By default it ends with the head.
    let response = telemetry.client().get(server.url("/stream")).send().await.unwrap();
    assert!(length(&telemetry.one()) < Duration::from_millis(80));
    assert_eq!(response.bytes().await.unwrap().len(), 28);

    // A reader that leaves gives up.
    let mut response = client.get(server.url("/stream")).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "chunk0;");
    assert_eq!(telemetry.take().len(), 0);
    drop(response);
    assert_eq!(telemetry.one().status, Status::Unset);
}

#[tokio::test]
async fn there_is_no_body_to_wait_for_sometimes() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let options = telemetry.options().span_end(SpanEnd::Body).capture_response_body(true);
    let client = telemetry.client_with(options);
    let head = client.head(server.url("/")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
    let empty = client.get(server.url("/status/204")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
    let events = client.get(server.url("/events")).send().await.unwrap();
    assert_eq!(telemetry.take().len(), 1);
    let upgrade = client.get(server.url("/upgrade")).header("connection", "upgrade");
    let upgrade = upgrade.header("upgrade", "test").send().await.unwrap();
    assert_eq!(upgrade.status(), 101);
    assert_eq!(attribute(&telemetry.one(), "http.response.status_code").unwrap(), "101");
    let mut answer = [0; 2];
    upgrade.upgrade().await.unwrap().read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hi");
    assert_eq!(events.text().await.unwrap(), "data: 1\n\n");
    drop((head, empty));
    assert_eq!(telemetry.take().len(), 0);
}

#[tokio::test]
async fn a_watched_response_is_still_that_of_reqwest() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let options = telemetry.options().span_end(SpanEnd::Body).record_body_sizes(true);
    let client = telemetry.client_with(options.capture_all(true));
    for path in ["/", "/to-root", "/stream", "/headers", "/status/404"] {
        let ours = client.get(server.url(path)).send().await.unwrap();
        let theirs = plain().get(server.url(path)).send().await.unwrap();
        assert_eq!(
            (ours.status(), ours.version(), ours.url(), ours.content_length()),
            (theirs.status(), theirs.version(), theirs.url(), theirs.content_length()),
        );
        assert_eq!(ours.remote_addr(), theirs.remote_addr());
        assert_eq!(ours.headers().len(), theirs.headers().len());
        assert_eq!(ours.bytes().await.unwrap(), theirs.bytes().await.unwrap());
    }
}

async fn read_in_every_way(client: &Client, url: &str) {
    client.get(url).send().await.unwrap().text().await.unwrap();
    client.get(url).send().await.unwrap().bytes().await.unwrap();
    let mut chunks = client.get(url).send().await.unwrap();
    while chunks.chunk().await.unwrap().is_some() {}
    let mut stream = client.get(url).send().await.unwrap().bytes_stream();
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn the_text_of_a_response_is_recorded_while_it_is_read() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client_with(telemetry.options().capture_response_body(true));
    read_in_every_way(&client, &server.url("/stream")).await;
    let spans = telemetry.take();
    assert_eq!(spans.len(), 8);
    for pair in spans.chunks(2) {
        let [request, reading] = pair else { panic!() };
        assert_eq!(reading.name, "Reading response body");
        assert_eq!(reading.span_kind, SpanKind::Internal);
        assert!(is_child_of(reading, request.span_context.span_id()));
        assert!(length(reading) >= Duration::from_millis(40));
        assert_eq!(attribute(reading, TEXT).unwrap(), "chunk0;chunk1;chunk2;chunk3;");
        assert_eq!(attribute(request, TEXT), None);
    }

    // A body that nobody reads is no span.
    drop(client.get(server.url("/stream")).send().await.unwrap());
    assert_eq!(telemetry.take().len(), 1);

    let options = telemetry.options().capture_response_body(true).span_end(SpanEnd::Body);
    let client = telemetry.client_with(options.max_captured_body(9));
    read_in_every_way(&client, &server.url("/stream")).await;
    let texts: Vec<_> = telemetry.take().iter().map(|it| attribute(it, TEXT).unwrap()).collect();
    assert_eq!(texts, ["chunk0;ch"; 4]);
}

#[tokio::test]
async fn the_body_of_a_request_is_recorded_if_it_is_there_as_a_whole() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client_with(telemetry.options().capture_request_body(true));
    let url = server.url("/");
    client.post(&url).json(&serde_json::json!({"a": "é"})).send().await.unwrap();
    client.post(&url).form(&[("user", "ada"), ("id", "1")]).send().await.unwrap();
    client.post(&url).body(vec![0xff]).send().await.unwrap();
    client.post(&url).send().await.unwrap();
    client.post(&url).body(stream()).send().await.unwrap();
    let recorded: Vec<_> = telemetry
        .take()
        .iter()
        .map(|it| {
            let text = attribute(it, "http.request.body.text");
            (text, attribute(it, "http.request.body.form"))
        })
        .collect();
    assert_eq!(
        recorded,
        [
            (Some(r#"{"a":"é"}"#.to_owned()), None),
            (None, Some(r#"{"user":"ada","id":"1"}"#.to_owned())),
            (None, None),
            (None, None),
            (None, None),
        ]
    );
    let replayed = client.post(server.url("/temporary")).body("again").send().await.unwrap();
    assert_eq!(replayed.text().await.unwrap(), "again");
}

fn stream() -> reqwest::Body {
    let parts = [Ok::<_, std::io::Error>("ab"), Ok("cde")];
    reqwest::Body::wrap_stream(futures_util::stream::iter(parts))
}

#[tokio::test]
async fn what_goes_over_the_wire_stays_the_same() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let options = telemetry.options().record_body_sizes(true).capture_all(true);
    let ours = telemetry.client_with(options);
    let form = || Form::new().text("k", "v").part("f", Part::bytes(vec![1; 100]).file_name("x"));
    let theirs = plain();
    let url = server.url("/");
    ours.post(&url).body("hello").send().await.unwrap();
    ours.post(&url).body(stream()).send().await.unwrap();
    ours.post(&url).multipart(form()).send().await.unwrap();
    let seen = server.seen();
    theirs.post(&url).body("hello").send().await.unwrap();
    theirs.post(&url).body(stream()).send().await.unwrap();
    theirs.post(&url).multipart(form()).send().await.unwrap();
    for (seen, expected) in seen.iter().zip(server.seen()) {
        for name in ["content-length", "transfer-encoding"] {
            assert_eq!(seen.headers.get(name), expected.headers.get(name), "{name}");
        }
    }
    let multipart = seen[2].headers["content-length"].to_str().unwrap();
    let spans = telemetry.take();
    let sizes: Vec<_> =
        spans.iter().map(|it| attribute(it, "http.request.body.size").unwrap()).collect();
    assert_eq!(sizes, ["5", "5", multipart]);
}

#[tokio::test]
async fn sizes_are_counted_from_what_passes() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    for span_end in [SpanEnd::Body, SpanEnd::Head] {
        let options = telemetry.options().record_body_sizes(true).span_end(span_end);
        let client = telemetry.client_with(options);
        let response = client.post(server.url("/echo")).body("hello").send().await.unwrap();
        response.bytes().await.unwrap();
        let span = telemetry.one();
        assert_eq!(attribute(&span, "http.request.body.size").unwrap(), "5");
        let expected = (span_end == SpanEnd::Body).then(|| "5".to_owned());
        assert_eq!(attribute(&span, "http.response.body.size"), expected);
    }
    let options = telemetry.options().record_body_sizes(true).metrics(false);
    telemetry.client_with(options).post(server.url("/echo")).body("hello").send().await.unwrap();
    assert_eq!(attribute(&telemetry.one(), "http.request.body.size").unwrap(), "5");
    let metrics = telemetry.metrics();
    for name in ["http.client.request.body.size", "http.client.response.body.size"] {
        let start = format!("{name} sum=10 ");
        assert!(metrics.iter().any(|it| it.starts_with(&start)), "{metrics:#?}");
    }
}

#[tokio::test]
async fn everything_is_captured_if_the_environment_says_so() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let lookup = |name: &str| (name == "LOGFIRE_REQWEST_CAPTURE_ALL").then(|| "true".to_owned());
    let options = || telemetry.options().env_lookup(lookup);
    let send = async |options: HttpClientOptions| {
        let client = telemetry.client_with(options);
        let request = client.post(server.url("/echo")).header("x-a", "b").body("hello");
        request.send().await.unwrap().text().await.unwrap();
        let spans = telemetry.take();
        [
            attribute(&spans[0], "http.request.header.x-a").is_some(),
            attribute(&spans[0], "http.response.header.content-length").is_some(),
            attribute(&spans[0], "http.request.body.text").is_some(),
            spans.get(1).is_some_and(|it| attribute(it, TEXT).is_some()),
        ]
    };
    assert_eq!(send(options()).await, [true; 4]);
    assert_eq!(send(options().capture_all(false)).await, [false; 4]);
    let some = options().capture_response_headers([""; 0]).capture_response_body(false);
    assert_eq!(send(some).await, [true, false, true, false]);
}

#[tokio::test]
async fn an_error_of_the_body_is_that_of_the_span_that_covers_it() {
    let telemetry = Telemetry::new();
    let truncated = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc";
    let bad_gzip = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc";
    let bad_deflate =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: 3\r\n\r\nabc";
    // All that was promised has arrived, but it is not the whole of what was compressed.
    let part_of_gzip =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08";
    let covering = telemetry.client_with(telemetry.options().span_end(SpanEnd::Body));
    let capturing = telemetry.client_with(telemetry.options().capture_response_body(true));
    let at_the_head = telemetry.client();
    for (url, timeout, expected) in [
        (raw(truncated, false).await, 30_000, "response_ended"),
        (raw(truncated, true).await, 100, "timeout"),
        (raw(bad_gzip, false).await, 30_000, "decode_error"),
        (raw(bad_deflate, false).await, 30_000, "decode_error"),
        (raw(part_of_gzip, false).await, 30_000, "decode_error"),
    ] {
        let timeout = Duration::from_millis(timeout);
        let read = async |client: &Client| {
            let response = client.get(&url).timeout(timeout).send().await.unwrap();
            response.bytes().await.unwrap_err()
        };
        let error = read(&covering).await;
        let span = telemetry.one();
        assert_eq!(attribute(&span, "error.type").as_deref(), Some(expected), "{error:?}");
        assert_eq!(attribute(&span, "http.response.status_code").unwrap(), "200");
        assert!(matches!(span.status, Status::Error { .. }));
        assert!(!format!("{span:?}").contains("s3cret"));

        let theirs = plain().get(&url).timeout(timeout).send().await.unwrap();
        let theirs = theirs.bytes().await.unwrap_err();
        assert_eq!(
            (error.is_timeout(), error.is_body(), error.is_decode()),
            (theirs.is_timeout(), theirs.is_body(), theirs.is_decode()),
        );

        read(&capturing).await;
        let [request, reading] = &telemetry.take()[..] else { panic!() };
        assert_eq!(request.status, Status::Unset);
        assert_eq!(attribute(reading, "error.type").as_deref(), Some(expected));

        read(&at_the_head).await;
        assert_eq!(telemetry.one().status, Status::Unset);
    }
}

#[tokio::test]
async fn a_body_breaks_off_as_its_protocol_says() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    for (http, expected) in [
        (plain(), "response_ended"),
        (builder().http2_prior_knowledge().build().unwrap(), "http2_reset"),
    ] {
        let options = telemetry.options().span_end(SpanEnd::Body);
        let client = logfire_rs_reqwest::instrument_with(http, options);
        let response = client.get(server.url("/broken")).send().await.unwrap();
        let error = response.bytes().await.unwrap_err();
        let found = attribute(&telemetry.one(), "error.type");
        assert_eq!(found.as_deref(), Some(expected), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_of_http2_may_break_in_the_middle_of_a_body() {
    let telemetry = Telemetry::new();
    let options = telemetry.options().span_end(SpanEnd::Body);
    let http = builder().http2_prior_knowledge().build().unwrap();
    let client = logfire_rs_reqwest::instrument_with(http, options);
    let response = client.get(http2_that_breaks_off().await).send().await.unwrap();
    let error = response.bytes().await.unwrap_err();
    let found = attribute(&telemetry.one(), "error.type");
    assert_eq!(found.as_deref(), Some("connection_reset"), "{error:?}");
}

#[tokio::test]
async fn what_is_no_text_or_no_answer_has_no_text() {
    let telemetry = Telemetry::new();
    let client = telemetry.client_with(telemetry.options().capture_response_body(true));
    let bytes = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\x80\x81\x82", false).await;
    let answer = client.get(&bytes).send().await.unwrap();
    assert_eq!(&answer.bytes().await.unwrap()[..], b"\x80\x81\x82");
    let [request, reading] = &telemetry.take()[..] else { panic!() };
    assert!(is_child_of(reading, request.span_context.span_id()));
    assert_eq!((reading.name.as_ref(), attribute(reading, TEXT)), ("Reading response body", None));

    client.get(crate::servers::refused()).send().await.unwrap_err();
    assert_eq!(telemetry.one().name, "GET");
}
