//! What the instrumentation says of settings that it cannot use: which, what is wrong, and what it does instead.
#![cfg(all(feature = "axum", feature = "testing", feature = "tracing"))]

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use logfire_rs::HttpServerOptions;
use logfire_rs::testing::{Captured, capture};
use tower::ServiceExt as _;

/// The warnings of an instrumented router, without the name of the event.
async fn warnings(options: HttpServerOptions) -> Vec<String> {
    let captured = capture(options, async |options| {
        drop(logfire_rs::instrument_axum_with(Router::<()>::new(), options));
    });
    warnings_of(&captured.await)
}

fn warnings_of(captured: &Captured) -> Vec<String> {
    let text = captured.logs.to_string();
    text.lines().filter_map(|line| line.strip_prefix("- WARN ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_bad_pattern_is_named_with_the_setter_that_it_was_given_to() {
    let options = HttpServerOptions::default()
        .env_lookup(|_| None)
        .excluded_urls(["^/a("])
        .capture_request_headers(["x-b("])
        .capture_response_headers(["["])
        .sanitize_headers(["c("]);
    assert_eq!(
        warnings(options).await,
        [
            "logfire-rs takes `c(` of sanitize_headers literally: it is no regular expression, unclosed group",
            "logfire-rs takes `x-b(` of capture_request_headers literally: it is no regular expression, unclosed group",
            "logfire-rs takes `[` of capture_response_headers literally: it is no regular expression, unclosed character class",
            "logfire-rs takes `^/a(` of excluded_urls literally: it is no regular expression, unclosed group",
        ]
    );
    let only = HttpServerOptions::default().env_lookup(|_| None).sanitize_headers_only(["d("]);
    assert_eq!(
        warnings(only).await,
        [
            "logfire-rs takes `d(` of sanitize_headers_only literally: it is no regular expression, unclosed group"
        ]
    );
}

#[tokio::test]
async fn a_bad_variable_is_named_with_its_value() {
    let options = HttpServerOptions::default().env_lookup(|name| match name {
        "LOGFIRE_DISTRIBUTED_TRACING" => Some("maybe".to_owned()),
        "OTEL_RUST_AXUM_EXCLUDED_URLS" => Some("^/e(".to_owned()),
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST" => Some("x-f(".to_owned()),
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS" => Some("g(".to_owned()),
        _ => None,
    });
    assert_eq!(
        warnings(options).await,
        [
            "logfire-rs takes `g(` of OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS literally: it is no regular expression, unclosed group",
            "logfire-rs takes `x-f(` of OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST literally: it is no regular expression, unclosed group",
            "logfire-rs ignores LOGFIRE_DISTRIBUTED_TRACING: `maybe` is not `accept`, `link` or `ignore`",
            "logfire-rs takes `^/e(` of OTEL_RUST_AXUM_EXCLUDED_URLS literally: it is no regular expression, unclosed group",
        ]
    );
}

#[tokio::test]
async fn a_configuration_that_is_dropped_at_once_is_told_with_the_first_request() {
    let configuration = logfire_rs::configure().local().env_lookup(|_| None).console(false);
    let logfire = configuration.finish().unwrap();
    let options = HttpServerOptions::default()
        .env_lookup(|_| None)
        .tracer_provider(logfire.tracer_provider().clone());
    drop(logfire);
    let captured = capture((), async |()| {
        let app = logfire_rs::instrument_axum_with(Router::<()>::new(), options);
        app.oneshot(Request::new(Body::empty())).await.unwrap();
    });
    let warnings = warnings_of(&captured.await);
    assert!(warnings.iter().any(|it| it.contains("`let _ =` drops it at once")), "{warnings:?}");
}
