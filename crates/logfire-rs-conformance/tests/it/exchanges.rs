//! What each exchange records; the same for every adapter.

use insta::assert_snapshot;
use logfire_rs_conformance::{matrix, named, table};

#[tokio::test(flavor = "multi_thread")]
async fn answered() {
    let exchange = named("answered");
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
    let exchange = named("root");
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
    let exchange = named("nested_route");
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
    let exchange = named("not_found");
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
    let exchange = named("method_not_allowed");
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
    let exchange = named("server_error");
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
    let exchange = named("handler_error");
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
    let exchange = named("panic");
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
    let exchange = named("cancelled_before_the_head");
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
    let exchange = named("dropped_mid_body");
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
    let exchange = named("body_error");
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
    let exchange = named("body_panic");
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
    let exchange = named("streamed_body");
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
    let exchange = named("event_stream");
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
    let exchange = named("head");
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
    let exchange = named("no_content");
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
    let exchange = named("not_modified");
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
    let exchange = named("unknown_method");
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
    let exchange = named("secret_in_query");
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
    let exchange = named("remote_parent");
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

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_is_the_same_everywhere() {
    let matrix = matrix().await;
    println!("{matrix}");
    assert_eq!(matrix.lines().count(), 2 + table().len());
    assert!(!matrix.contains("differs"), "{matrix}");
}
