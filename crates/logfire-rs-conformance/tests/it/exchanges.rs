//! What each exchange records; the same for every adapter.

use insta::assert_snapshot;
use logfire_rs_conformance::{Exchange, Leave};

#[tokio::test(flavor = "multi_thread")]
async fn answered() {
    let exchange = Exchange::get("GET /users/1?a=b", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /users/{id} [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/users/{id}"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/users/1"
        url.query = "a=b"
        url.scheme = "http"
        user_agent.original = "tests"
      load user [internal]

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn root() {
    let exchange = Exchange::get("GET /", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET / [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_route() {
    let exchange = Exchange::get("GET /api/v1/items/7", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /api/v1/items/{id} [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/api/v1/items/{id}"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/api/v1/items/7"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/api/v1/items/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found() {
    let exchange = Exchange::get("GET /nowhere/1", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 404
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/nowhere/1"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=404, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn method_not_allowed() {
    let exchange = Exchange::get("DELETE /users/1", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    DELETE /users/{id} [server]
        client.address = "127.0.0.1"
        http.request.method = "DELETE"
        http.response.status_code = 405
        http.route = "/users/{id}"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/users/1"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=DELETE, url.scheme=http} = 0
    http.server.request.duration{http.request.method=DELETE, http.response.status_code=405, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_error() {
    let exchange = Exchange::get("GET /fail", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /fail [server] error
        client.address = "127.0.0.1"
        error.type = "500"
        http.request.method = "GET"
        http.response.status_code = 500
        http.route = "/fail"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/fail"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=500, http.request.method=GET, http.response.status_code=500, http.route=/fail, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn handler_error() {
    let exchange = Exchange::get("GET /error", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /error [server] error
        client.address = "127.0.0.1"
        error.type = "database_unavailable"
        http.request.method = "GET"
        http.response.status_code = 503
        http.route = "/error"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/error"
        url.scheme = "http"
        user_agent.original = "tests"
      ! exception
        exception.message = "no database at postgres://REDACTED:REDACTED@db/x"
        exception.type = "database_unavailable"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=database_unavailable, http.request.method=GET, http.response.status_code=503, http.route=/error, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn panic() {
    let exchange = Exchange::get("GET /panic", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /panic [server] error: the handler panics with password=REDACTED
        client.address = "127.0.0.1"
        error.type = "panic"
        http.request.method = "GET"
        http.route = "/panic"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/panic"
        url.scheme = "http"
        user_agent.original = "tests"
      ! exception
        exception.message = "the handler panics with password=REDACTED"
        exception.type = "panic"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=panic, http.request.method=GET, http.route=/panic, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_before_the_head() {
    let exchange = Exchange::get("GET /slow", "").leave(Leave::BeforeTheHead);
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /slow [server] error
        client.address = "127.0.0.1"
        error.type = "cancelled"
        http.request.method = "GET"
        http.route = "/slow"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/slow"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=cancelled, http.request.method=GET, http.route=/slow, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_mid_body() {
    let exchange = Exchange::get("GET /endless", "").leave(Leave::After(10_000));
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /endless [server] error
        client.address = "127.0.0.1"
        error.type = "incomplete_response"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/endless"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/endless"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=incomplete_response, http.request.method=GET, http.response.status_code=200, http.route=/endless, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_error() {
    let exchange = Exchange::get("GET /broken", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /broken [server] error: disk failed with token=REDACTED
        client.address = "127.0.0.1"
        error.type = "response_body_error"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/broken"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/broken"
        url.scheme = "http"
        user_agent.original = "tests"
      ! exception
        exception.message = "disk failed with token=REDACTED"
        exception.type = "response_body_error"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=response_body_error, http.request.method=GET, http.response.status_code=200, http.route=/broken, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_panic() {
    let exchange = Exchange::get("GET /panicking-body", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /panicking-body [server] error: the body panics with password=REDACTED
        client.address = "127.0.0.1"
        error.type = "panic"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/panicking-body"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/panicking-body"
        url.scheme = "http"
        user_agent.original = "tests"
      ! exception
        exception.message = "the body panics with password=REDACTED"
        exception.type = "panic"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{error.type=panic, http.request.method=GET, http.response.status_code=200, http.route=/panicking-body, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn streamed_body() {
    let exchange = Exchange::get("GET /stream", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /stream [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/stream"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/stream"
        url.scheme = "http"
        user_agent.original = "tests"
      make chunk [internal]
      make chunk [internal]
      make chunk [internal]

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/stream, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_stream() {
    let exchange = Exchange::get("GET /events", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /events [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/events"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/events"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/events, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn head() {
    let exchange = Exchange::get("HEAD /users/1", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    HEAD /users/{id} [server]
        client.address = "127.0.0.1"
        http.request.method = "HEAD"
        http.response.status_code = 200
        http.route = "/users/{id}"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/users/1"
        url.scheme = "http"
        user_agent.original = "tests"
      load user [internal]

    http.server.active_requests{http.request.method=HEAD, url.scheme=http} = 0
    http.server.request.duration{http.request.method=HEAD, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_content() {
    let exchange = Exchange::get("GET /empty", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /empty [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 204
        http.route = "/empty"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/empty"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=204, http.route=/empty, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_modified() {
    let exchange = Exchange::get("GET /not-modified", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET /not-modified [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 304
        http.route = "/not-modified"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/not-modified"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=304, http.route=/not-modified, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_method() {
    let exchange = Exchange::get("FROB /users/1", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    HTTP /users/{id} [server]
        client.address = "127.0.0.1"
        http.request.method = "_OTHER"
        http.request.method_original = "FROB"
        http.response.status_code = 405
        http.route = "/users/{id}"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/users/1"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=_OTHER, url.scheme=http} = 0
    http.server.request.duration{http.request.method=_OTHER, http.response.status_code=405, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_in_query() {
    let exchange = Exchange::get("GET /?x=1&sig=s3cret&X-Amz-Signature=s3cret", "");
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET / [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/"
        url.query = "x=1&sig=REDACTED&X-Amz-Signature=REDACTED"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_parent() {
    let exchange = Exchange::get(
        "GET /",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
    );
    assert_snapshot!(exchange.everywhere().await, @r#"
    GET / [server from remote]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = <port>
        url.path = "/"
        url.scheme = "http"
        user_agent.original = "tests"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}
