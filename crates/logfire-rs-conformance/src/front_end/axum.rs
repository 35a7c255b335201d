//! The site on axum.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use logfire_rs_axum::current_request;

use crate::site::ERROR_TEXT;
use crate::{Site, bind};

pub(super) async fn serve(site: Site) -> SocketAddr {
    let (listener, address) = bind().await;
    let app = logfire_rs_axum::instrument_with(router(), site.options.clone()).with_state(site);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn router() -> Router<Site> {
    let items = Router::new().route("/items/{id}", get(|| async { "item" }));
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/users/{id}", get(|State(site): State<Site>| async move { site.load_user().await }))
        .nest("/api/v1", items)
        .route("/fail", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/error", get(|| async { Err::<(), _>(Failure) }))
        .route("/panic", get(panic))
        .route("/slow", get(slow))
        .route(
            "/stream",
            get(|State(it): State<Site>| async move { Body::from_stream(it.stream()) }),
        )
        .route(
            "/endless",
            get(|State(it): State<Site>| async move { Body::from_stream(it.endless()) }),
        )
        .route(
            "/broken",
            get(|State(it): State<Site>| async move { Body::from_stream(it.broken()) }),
        )
        .route(
            "/panicking-body",
            get(|State(it): State<Site>| async move { Body::from_stream(it.panicking()) }),
        )
        .route("/events", get(|| async { ([(CONTENT_TYPE, "text/event-stream")], "data: 1\n\n") }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/not-modified", get(|| async { StatusCode::NOT_MODIFIED }))
        .route("/headers", get(headers))
        .route("/echo", post(|body: Bytes| async { body }))
}

async fn panic(State(site): State<Site>) -> String {
    match site.panic() {}
}

async fn slow(State(site): State<Site>) -> String {
    match site.wait_for_ever().await {}
}

async fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append("x-reply", "one".parse().unwrap());
    headers.append("x-reply", "two".parse().unwrap());
    headers.append(SET_COOKIE, "session=s3cret-cookie".parse().unwrap());
    headers
}

struct Failure;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Some(request) = current_request() {
            request.record_error("database_unavailable", &ERROR_TEXT);
        }
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}
