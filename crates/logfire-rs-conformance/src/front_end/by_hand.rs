//! The site without a framework: a router by hand, for a bare service.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use logfire_rs_tower::{InstrumentedBody, current_request};

use crate::Site;
use crate::site::{BodyError, ERROR_TEXT};

pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Answers `request`, and tells it its route.
pub(super) async fn handle(
    site: Site,
    request: Request<InstrumentedBody<Incoming>>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let Some((route, method)) = route(&path) else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    if let Some(span) = current_request() {
        span.set_route(route);
    }
    if method != request.method() && !(request.method() == Method::HEAD && method == Method::GET) {
        return Ok(status(StatusCode::METHOD_NOT_ALLOWED));
    }
    Ok(match route {
        "/users/{id}" => full(site.load_user().await),
        "/api/v1/items/{id}" => full("item"),
        "/fail" => status(StatusCode::INTERNAL_SERVER_ERROR),
        "/error" => {
            if let Some(span) = current_request() {
                span.record_error("database_unavailable", &ERROR_TEXT);
            }
            status(StatusCode::SERVICE_UNAVAILABLE)
        }
        "/panic" => match site.panic() {},
        "/slow" => match site.wait_for_ever().await {},
        "/stream" => stream(site.stream()),
        "/endless" => stream(site.endless()),
        "/broken" => stream(site.broken()),
        "/panicking-body" => stream(site.panicking()),
        "/events" => {
            let mut response = full("data: 1\n\n");
            response.headers_mut().insert(CONTENT_TYPE, "text/event-stream".parse().unwrap());
            response
        }
        "/empty" => status(StatusCode::NO_CONTENT),
        "/not-modified" => status(StatusCode::NOT_MODIFIED),
        "/headers" => {
            let mut response = full("");
            let headers = response.headers_mut();
            headers.append("x-reply", "one".parse().unwrap());
            headers.append("x-reply", "two".parse().unwrap());
            headers.append(SET_COOKIE, "session=s3cret-cookie".parse().unwrap());
            response
        }
        "/echo" => {
            let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            full(body.unwrap_or_default())
        }
        _ => full("hello"),
    })
}

fn route(path: &str) -> Option<(&'static str, Method)> {
    const PLAIN: [&str; 13] = [
        "/",
        "/fail",
        "/error",
        "/panic",
        "/slow",
        "/stream",
        "/endless",
        "/broken",
        "/panicking-body",
        "/events",
        "/empty",
        "/not-modified",
        "/headers",
    ];
    if let Some(route) = PLAIN.into_iter().find(|it| *it == path) {
        return Some((route, Method::GET));
    }
    if path == "/echo" {
        return Some(("/echo", Method::POST));
    }
    let segment = |prefix| path.strip_prefix(prefix).filter(|it: &&str| !it.contains('/'));
    if segment("/users/").is_some() {
        return Some(("/users/{id}", Method::GET));
    }
    segment("/api/v1/items/").map(|_| ("/api/v1/items/{id}", Method::GET))
}

fn full(body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {});
    Response::new(UnsyncBoxBody::new(body))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = full("");
    *response.status_mut() = status;
    response
}

fn stream(stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Response<Body> {
    Response::new(UnsyncBoxBody::new(StreamBody::new(stream.map_ok(Frame::data))))
}
