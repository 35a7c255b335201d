//! What is answered, and what arrives at the backend.

use std::collections::BTreeMap;

use logfire_rs_proxy::{Destination, Signal};

use crate::{JSON, LONG, PROTOBUF, Pairs, Receiver, builder, receiver::Answer, shown, to};

const INVALID_PATH: &str =
    "400\ncontent-type: text/plain\nInvalid path: must be /v1/traces, /v1/logs, or /v1/metrics";
const UNSUPPORTED: &str = "415\ncontent-type: text/plain\n\
                           Unsupported content type, must be application/json or application/x-protobuf";
const MISSING: &str = "415\ncontent-type: text/plain\nMissing content type header";
const NO_DESTINATION: &str = "403\ncontent-type: text/plain\n\
                              Logfire is not configured with an active forwarding destination";
const TOO_LARGE: &str = "413\ncontent-type: text/plain\nPayload too large";

/// The headers of a request that a test is about.
fn told(headers: &BTreeMap<String, String>) -> Vec<String> {
    let plumbing = ["accept", "content-length", "host"];
    let told = headers.iter().filter(|(name, _)| !plumbing.contains(&name.as_str()));
    told.map(|(name, value)| format!("{name}: {value}")).collect()
}

#[test]
fn checks_come_in_the_order_of_the_reference() {
    let receiver = Receiver::start();
    let proxy = to(&receiver, &["token"]).finish().unwrap().max_body_size(10);
    let nowhere = builder().finish().unwrap().max_body_size(10);
    let other = Pairs(&[("content-type", "text/plain")]);
    let empty = Pairs(&[("content-type", "")]);
    for (path, headers, body, expected) in [
        ("v1/replay/1", other, "12345678901", INVALID_PATH),
        ("", other, "", INVALID_PATH),
        ("v1/traces", other, "12345678901", TOO_LARGE),
        ("v1/traces", Pairs(&[]), "1234567890", MISSING),
        ("v1/traces", empty, "1234567890", MISSING),
        ("v1/traces", other, "1234567890", UNSUPPORTED),
    ] {
        // Validation comes before the question whether there is a destination.
        assert_eq!(shown(&proxy.forward(path, &headers, body.into())), expected, "{path} {body}");
        assert_eq!(shown(&nowhere.forward(path, &headers, body.into())), expected, "{path} {body}");
    }
    assert_eq!(shown(&nowhere.forward("v1/traces", &JSON, "{}".into())), NO_DESTINATION);
    proxy.shutdown(LONG).unwrap();
    assert!(receiver.received().is_empty());
}

#[test]
fn a_success_is_empty_in_the_encoding_of_the_request() {
    let receiver = Receiver::start();
    let proxy = to(&receiver, &["token"]).finish().unwrap();
    for (path, headers, expected) in [
        ("v1/traces", JSON, "200\ncontent-type: application/json\n{}"),
        ("v1/logs", PROTOBUF, "200\ncontent-type: application/x-protobuf\n"),
        (
            "v1/metrics",
            Pairs(&[("content-type", "Application/JSON; charset=utf-8")]),
            "200\ncontent-type: application/json\n{}",
        ),
        (
            "v1/traces",
            Pairs(&[("content-type", "text/plain; note=application/json")]),
            "200\ncontent-type: application/json\n{}",
        ),
    ] {
        assert_eq!(shown(&proxy.forward(path, &headers, path.into())), expected);
    }
    proxy.shutdown(LONG).unwrap();
    let lines: Vec<_> = receiver.received().into_iter().map(|it| it.line).collect();
    assert_eq!(
        lines,
        [
            "POST /v1/traces HTTP/1.1",
            "POST /v1/logs HTTP/1.1",
            "POST /v1/metrics HTTP/1.1",
            "POST /v1/traces HTTP/1.1",
        ]
    );
}

#[test]
fn nothing_of_the_request_is_passed_on_but_what_is_allowed() {
    let receiver = Receiver::start();
    let proxy = to(&receiver, &["pylf_v1_us_server"]).finish().unwrap();
    let headers = Pairs(&[
        ("Content-Type", "application/json; charset=utf-8"),
        ("content-encoding", "x-own"),
        ("User-Agent", "browser-otel/1.0"),
        ("Authorization", "Bearer browser"),
        ("Cookie", "session=1"),
        ("Host", "shop.example"),
        ("X-Api-Key", "browser"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        ("Origin", "https://shop.example"),
        ("Referer", "https://shop.example/"),
        ("traceparent", "00-00000000000000000000000000000001-0000000000000001-01"),
    ]);
    let broken = "{ no json \u{fffd}";
    assert_eq!(proxy.forward("v1/traces", &headers, broken.into()).status, 200);
    assert_eq!(proxy.forward("v1/traces", &JSON, "".into()).status, 200);
    proxy.shutdown(LONG).unwrap();

    let [first, second] = receiver.received().try_into().unwrap();
    let agent = concat!("user-agent: logfire-proxy/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        told(&first.headers),
        [
            "authorization: pylf_v1_us_server",
            "content-encoding: x-own",
            "content-type: application/json; charset=utf-8",
            &format!("{agent} browser-otel/1.0"),
        ]
    );
    assert_eq!(first.body, broken.as_bytes());
    // Without an encoding the body goes out as it came, too.
    let expected = ["authorization: pylf_v1_us_server", "content-type: application/json", agent];
    assert_eq!(told(&second.headers), expected);
    assert_eq!(second.body, b"");
}

#[test]
fn every_token_gets_everything() {
    let receiver = Receiver::start();
    let proxy = to(&receiver, &["one", "two", "one"]).finish().unwrap();
    assert_eq!(proxy.forward("v1/logs", &JSON, "{}".into()).status, 200);
    proxy.shutdown(LONG).unwrap();
    let mut tokens: Vec<_> =
        receiver.received().into_iter().map(|it| it.headers["authorization"].clone()).collect();
    tokens.sort();
    assert_eq!(tokens, ["one", "two"]);
}

#[test]
fn any_otlp_endpoint_is_a_destination_with_its_own_headers() {
    let receiver = Receiver::start();
    let collector = Destination::new(&format!("{}/base/", receiver.url())).unwrap();
    let collector = collector.header("x-team", "shop").unwrap();
    let proxy = builder().destination(collector).finish().unwrap();
    assert_eq!(proxy.forward("v1/metrics", &PROTOBUF, "m".into()).status, 200);
    proxy.shutdown(LONG).unwrap();
    let [request] = receiver.received().try_into().unwrap();
    assert_eq!(request.line, "POST /base/v1/metrics HTTP/1.1");
    assert_eq!(request.headers["x-team"], "shop");
    assert!(!request.headers.contains_key("authorization"));
}

#[test]
fn an_endpoint_of_one_signal_gets_only_that() {
    let receiver = Receiver::start();
    let whole = Destination::new(&format!("{}/ingest/spans", receiver.url())).unwrap();
    let base = Destination::new(&receiver.url()).unwrap();
    let proxy = builder()
        .destination_of(Signal::Traces, "", whole)
        .destination_of(Signal::Metrics, "/own/metrics", base)
        .finish()
        .unwrap();
    assert_eq!(proxy.forward("v1/metrics", &JSON, "{}".into()).status, 200);
    proxy.flush(LONG).unwrap();
    assert_eq!(proxy.forward("v1/traces", &JSON, "{}".into()).status, 200);
    assert_eq!(shown(&proxy.forward("v1/logs", &JSON, "{}".into())), NO_DESTINATION);
    proxy.shutdown(LONG).unwrap();
    let lines: Vec<_> = receiver.received().into_iter().map(|it| it.line).collect();
    assert_eq!(lines, ["POST /own/metrics HTTP/1.1", "POST /ingest/spans HTTP/1.1"]);
}

#[test]
fn the_browser_never_waits_for_the_backend() {
    // Whatever the backend says, and if it says nothing, the answer was given before.
    for answer in [Answer::Status(500), Answer::Status(401), Answer::Cut, Answer::Hang] {
        let receiver = Receiver::answering(move |_| answer);
        let proxy = to(&receiver, &["token"]).on_warning(|_| ()).finish().unwrap();
        let response = proxy.forward("v1/traces", &JSON, "{}".into());
        assert_eq!(shown(&response), "200\ncontent-type: application/json\n{}", "{answer:?}");
        receiver.wait_for(1);
    }
}

#[test]
fn the_server_owns_the_retries() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Status(503),
        1 => Answer::Cut,
        2 => Answer::RetryAfter(429, 0),
        _ => Answer::Status(200),
    });
    let proxy = to(&receiver, &["token"]).on_warning(|_| ()).finish().unwrap();
    assert_eq!(proxy.forward("v1/traces", &JSON, "once".into()).status, 200);
    proxy.flush(LONG).unwrap();
    let bodies: Vec<_> = receiver.received().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, [b"once"; 4]);
    assert_eq!(proxy.counts()[0].accepted, 1);
}

#[test]
fn a_post_that_comes_twice_is_sent_twice() {
    let receiver = Receiver::start();
    let proxy = to(&receiver, &["token"]).finish().unwrap();
    for _ in 0..2 {
        assert_eq!(proxy.forward("v1/traces", &JSON, "same".into()).status, 200);
    }
    proxy.shutdown(LONG).unwrap();
    assert_eq!(receiver.received().len(), 2);
}
