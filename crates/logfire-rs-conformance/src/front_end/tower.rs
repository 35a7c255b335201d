//! The site on a bare tower service, served by hyper: what a framework without a crate of its own
//! does.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use logfire_rs_tower::{HttpServerLayer, InstrumentedBody, current_request};
use tokio::net::TcpListener;

use crate::Site;
use crate::site::{BodyError, ERROR_TEXT};

type Body = UnsyncBoxBody<Bytes, BodyError>;

/// The other end of the connection, in the extensions of each request.
#[derive(Clone, Copy)]
struct RemoteAddress(SocketAddr);

pub(super) async fn serve(site: Site) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layer = HttpServerLayer::new(site.options.clone())
        .peer(|extensions| extensions.get::<RemoteAddress>().map(|it| it.0))
        .observe_request_body();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let site = site.clone();
            let service = tower::ServiceBuilder::new()
                .map_request(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(RemoteAddress(peer));
                    request
                })
                .layer(layer.clone())
                .service_fn(move |request| handle(site.clone(), request));
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                    .await
            });
        }
    });
    address
}

/// A router by hand: it tells the request its route.
async fn handle(
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
