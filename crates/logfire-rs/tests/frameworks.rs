//! Handlers of several frameworks in one program, and the types that the frameworks share.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use logfire_rs::testing::capture;
use logfire_rs::{HttpServerOptions, instrument_axum_with, instrument_warp_with};
use tower::ServiceExt as _;
use warp::Filter as _;

#[logfire_rs::axum::endpoint]
async fn on_axum(method: Method, headers: HeaderMap, body: Bytes) -> String {
    format!("{method} {} {}", headers.len(), body.len())
}

#[logfire_rs::warp::endpoint]
async fn on_warp(method: Method, headers: HeaderMap, body: Bytes, id: u32) -> String {
    format!("{method} {} {} {id}", headers.len(), body.len())
}

#[tokio::test]
async fn an_endpoint_belongs_to_its_framework() {
    let captured = capture(HttpServerOptions::default(), async |options| {
        let app = axum::Router::new().route("/axum", axum::routing::post(on_axum));
        let app = instrument_axum_with(app, options.clone());
        let request = Request::post("/axum").body(axum::body::Body::from("abc")).unwrap();
        assert_eq!(app.oneshot(request).await.unwrap().status(), 200);

        let filter = warp::method().and(warp::header::headers_cloned()).and(warp::body::bytes());
        let filter = filter.and(logfire_rs::warp::path!("warp" / id: u32)).then(on_warp);
        let request = Request::post("/warp/7").body(String::from("abc")).unwrap();
        let app = instrument_warp_with(filter, options);
        assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    })
    .await;
    let find = |key: &str| {
        let attributes = captured.spans.iter().flat_map(|it| &it.attributes);
        attributes.filter(|it| it.key.as_str() == key).map(|it| it.value.to_string()).next()
    };
    assert_eq!(find("axum.arguments.values"), None);
    assert_eq!(find("warp.arguments.values").as_deref(), Some(r#"{"id":7}"#));
}
