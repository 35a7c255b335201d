//! Templates: declared, nested, tried in vain.

use std::collections::HashMap;

use logfire_rs_warp::{instrument_with, path, request_span, route};
use warp::{Filter, Rejection, Reply};

use crate::{Spans, observe};

fn routes() -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let posts = path!("users" / u32 / "posts").and(warp::get()).map(|id: u32| format!("{id}"));
    let user = path!("users" / id: u32).and(warp::post()).map(|id: u32| format!("{id}"));
    let named =
        path!("users" / name: String).and(warp::get()).and_then(|name: String| async move {
            if name == "gone" { Err(warp::reject::not_found()) } else { Ok(name) }
        });
    let things = path!("things" / u32).map(|id: u32| format!("{id}"));
    let rest = path!("items" / item: u64 / ..)
        .and(warp::path::tail())
        .map(|item: u64, tail: warp::path::Tail| format!("{item} {}", tail.as_str()));
    let api = path!("api" / tenant: String / ..).and(things.or(rest)).map(|_: String, reply| reply);
    let plain = warp::path("plain")
        .and(warp::path::param::<u32>())
        .and(path!("sub" / u8))
        .map(|a: u32, b: u8| format!("{a} {b}"));
    let order = warp::path("orders")
        .and(warp::path::param::<u32>())
        .and(warp::path::end())
        .and(route("/orders/{order}"))
        .and(warp::body::json())
        .map(|order: u32, _: serde_json::Value| format!("{order}"));
    let root = path!().map(|| "root");
    let query = path!("q").and(warp::query::<HashMap<String, u32>>()).map(|_| "q");
    posts.or(user).or(named).or(api).or(plain).or(order).or(root).or(query)
}

#[tokio::test]
async fn templates_join_and_fall_back() {
    let spans = Spans::new();
    let service = instrument_with(routes(), spans.options());
    for (request, expected) in [
        ("GET /users/1/posts", "GET /users/{u32}/posts 200 -"),
        ("POST /users/1/posts", "POST /users/{u32}/posts 405 -"),
        ("POST /users/5", "POST /users/{id} 200 -"),
        ("GET /users/ada", "GET /users/{name} 200 -"),
        // The handler itself says 404: it is still the route.
        ("GET /users/gone", "GET /users/{name} 404 -"),
        ("GET /api/acme/things/3", "GET /api/{tenant}/things/{u32} 200 -"),
        ("GET /api/acme/items/3/x/y", "GET /api/{tenant}/items/{item} 200 -"),
        // A prefix that matched is not the route of a 404.
        ("GET /api/acme/nothing", "GET 404 -"),
        ("GET /plain/7/sub/1", "GET /*/*/sub/{u8} 200 -"),
        ("POST /orders/3 < {}", "POST /orders/{order} 200 -"),
        ("POST /orders/3 < {bad", "POST /orders/{order} 400 -"),
        ("GET /", "GET / 200 -"),
        ("GET /q?x=1", "GET /q 200 -"),
        ("GET /q?x=nan", "GET /q 400 -"),
        ("GET /nope", "GET 404 -"),
    ] {
        assert_eq!(observe(&spans, &service, request).await, expected, "{request}");
    }
}

#[tokio::test]
async fn the_span_is_an_argument() {
    let spans = Spans::new();
    let named = path!("named").and(request_span()).map(|span: logfire_rs_warp::RequestSpan| {
        assert_eq!(span.route().as_deref(), Some("/named"));
        span.set_name("by hand");
        "ok"
    });
    let service = instrument_with(named, spans.options());
    spans.exporter.reset();
    let request = http::Request::get("/named").body(http_body_util::Empty::<bytes::Bytes>::new());
    let response = hyper::service::Service::call(&service, request.unwrap()).await.unwrap();
    drop(response);
    assert_eq!(spans.wait().await[0].name, "by hand");
}

#[tokio::test]
async fn tests_call_the_bare_filter() {
    let hello = path!("hello" / String).and(request_span()).map(|name: String, _| name);
    let request =
        http::Request::get("/hello/ada").body(http_body_util::Empty::<bytes::Bytes>::new());
    let response =
        tower::ServiceExt::oneshot(warp::service(hello), request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
}
