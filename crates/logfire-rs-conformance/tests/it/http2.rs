//! What HTTP/2 does otherwise: streams are reset, not connections.

use insta::assert_snapshot;
use logfire_rs_conformance::{FRONT_ENDS, Leave, Site, Telemetry, difference, exchange_http2};

/// What every front end records of a request over HTTP/2.
async fn observe(method: &str, path: &str, leave: Leave) -> String {
    let mut texts = Vec::new();
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        let site = Site::new(&telemetry, telemetry.server_options());
        let address = (front_end.serve)(site.clone()).await;
        exchange_http2(address, &site, method, path, leave).await;
        let difference = difference(front_end.name, &format!("HTTP/2 {method} {path} {leave:?}"));
        let expected = difference.is_none_or(|it| it.instead.contains("[server"));
        let spans = telemetry.server_spans(usize::from(expected)).await.to_string();
        let wanted = ["[", "error", "version", "status_code", "server.", "url."];
        let lines = spans.lines().filter(|line| wanted.iter().any(|it| line.contains(it)));
        let lines = lines.map(str::trim).collect::<Vec<_>>().join("\n");
        let text = format!("{lines}\n{}", telemetry.metrics());
        match difference {
            Some(it) => assert_eq!(text.trim(), it.instead, "{it:?} is outdated"),
            None => texts.push(text),
        }
    }
    texts.dedup();
    texts.join("\n--- another front end\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn answered() {
    assert_snapshot!(observe("GET", "/users/1", Leave::AtTheEnd).await, @r#"
    GET /users/{id} [server]
    http.response.status_code = 200
    network.protocol.version = "2"
    server.address = "site.example"
    server.port = <port>
    url.path = "/users/1"
    url.scheme = "http"
    load user [internal]
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=2, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_before_the_head() {
    assert_snapshot!(observe("GET", "/slow", Leave::BeforeTheHead).await, @r#"
    GET /slow [server] error
    error.type = "cancelled"
    network.protocol.version = "2"
    server.address = "site.example"
    server.port = <port>
    url.path = "/slow"
    url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=cancelled, http.request.method=GET, http.route=/slow, network.protocol.version=2, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_mid_body() {
    assert_snapshot!(observe("GET", "/endless", Leave::After(10_000)).await, @r#"
    GET /endless [server] error
    error.type = "incomplete_response"
    http.response.status_code = 200
    network.protocol.version = "2"
    server.address = "site.example"
    server.port = <port>
    url.path = "/endless"
    url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=incomplete_response, http.request.method=GET, http.response.status_code=200, http.route=/endless, network.protocol.version=2, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_error() {
    assert_snapshot!(observe("GET", "/broken", Leave::AtTheEnd).await, @r#"
    GET /broken [server] error: disk failed with token=REDACTED
    error.type = "response_body_error"
    http.response.status_code = 200
    network.protocol.version = "2"
    server.address = "site.example"
    server.port = <port>
    url.path = "/broken"
    url.scheme = "http"
    exception.type = "response_body_error"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=response_body_error, http.request.method=GET, http.response.status_code=200, http.route=/broken, network.protocol.version=2, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_sent() {
    assert_snapshot!(observe("HEAD", "/users/1", Leave::AtTheEnd).await, @r#"
    HEAD /users/{id} [server]
    http.response.status_code = 200
    network.protocol.version = "2"
    server.address = "site.example"
    server.port = <port>
    url.path = "/users/1"
    url.scheme = "http"
    load user [internal]
    http.server.active_requests{http.request.method=HEAD, url.scheme=http} = 0
    http.server.request.duration{http.request.method=HEAD, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=2, url.scheme=http} count=1
    "#);
    assert_snapshot!(observe("GET", "/not-modified", Leave::AtTheEnd).await, @r#"
    GET /not-modified [server]
    http.response.status_code = 304
    network.protocol.version = "2"
    server.address = "site.example"
    server.port = <port>
    url.path = "/not-modified"
    url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=304, http.route=/not-modified, network.protocol.version=2, url.scheme=http} count=1
    "#);
}
