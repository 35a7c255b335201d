//! Functions of every form, and how they end.

use std::future::pending;
use std::num::ParseIntError;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, debug_handler};
use logfire_rs_axum::{current_request, endpoint, instrument_with};
use serde::{Deserialize, Serialize};

use super::{record, send};
use crate::Spans;

struct Oops;

impl From<ParseIntError> for Oops {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl IntoResponse for Oops {
    fn into_response(self) -> Response {
        StatusCode::BAD_GATEWAY.into_response()
    }
}

#[endpoint]
async fn question(Path(text): Path<String>) -> Result<Json<i32>, Oops> {
    let number: i32 = text.parse()?;
    assert!(number != 3, "three");
    if number == 4 {
        pending::<()>().await;
    }
    Ok(Json(number))
}

#[endpoint]
async fn status(Path(code): Path<u16>) -> Result<String, StatusCode> {
    Err(StatusCode::from_u16(code).unwrap())
}

#[endpoint]
async fn with_text() -> Result<impl IntoResponse, (StatusCode, String)> {
    if current_request().is_some() {
        return Err((StatusCode::INTERNAL_SERVER_ERROR, "token=s3cret broke".to_owned()));
    }
    Ok("fine")
}

#[tokio::test]
async fn errors_of_a_handler_are_events_and_the_error_of_a_5xx() {
    let app = || {
        Router::new()
            .route("/q/{text}", get(question))
            .route("/s/{code}", get(status))
            .route("/t", get(with_text))
    };
    let oops = concat!(module_path!(), "::Oops");
    for (request, status, exceptions, error_type) in [
        ("GET /q/1", 200, "", None),
        ("GET /q/x", 502, oops, Some(oops)),
        ("GET /s/404", 404, "http::status::StatusCode: 404 Not Found", None),
        (
            "GET /s/503",
            503,
            "http::status::StatusCode: 503 Service Unavailable",
            Some("http::status::StatusCode"),
        ),
        (
            "GET /t",
            500,
            "(http::status::StatusCode, alloc::string::String): token=REDACTED broke",
            Some("(http::status::StatusCode, alloc::string::String)"),
        ),
    ] {
        let record = record(app(), request).await;
        assert_eq!((record.status, &*record.exceptions()), (status, exceptions), "{request}");
        assert_eq!(record.get("error.type").as_deref(), error_type, "{request}");
        assert!(record.times().ends_with("endpoint_function.end"), "{request}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_or_is_cancelled_has_an_end() {
    let spans = Spans::new();
    let app = instrument_with(Router::new().route("/q/{text}", get(question)), spans.options());
    let panics = {
        let app = app.clone();
        tokio::spawn(async move { send(&app, "GET /q/3").await })
    };
    assert!(panics.await.unwrap_err().is_panic());
    let waits = tokio::time::timeout(Duration::from_millis(20), send(&app, "GET /q/4"));
    assert!(waits.await.is_err());
    let ends = spans.take();
    assert_eq!(ends.len(), 2);
    for (span, error) in ends.iter().zip(["panic", "cancelled"]) {
        assert_eq!(super::get(span, "error.type").as_deref(), Some(error));
        assert!(super::get(span, "axum.endpoint_function.end_timestamp").is_some());
        assert!(super::get(span, "axum.arguments.values").is_some());
    }
}

trait Store: Send + Sync {
    const NAME: &'static str;
}

struct Memory;

impl Store for Memory {
    const NAME: &'static str = "memory";
}

#[derive(Deserialize, Serialize)]
struct Wrapped<T>(T);

#[endpoint]
async fn generic<T, const N: usize>(
    Path(id): Path<u32>,
    Json(body): Json<Wrapped<T>>,
) -> impl IntoResponse
where
    T: Serialize + for<'de> Deserialize<'de> + Send + 'static,
{
    let _: &T = &body.0;
    format!("{id} {N}")
}

#[endpoint]
async fn stored<S: Store + 'static>(
    State(_): State<std::sync::Arc<S>>,
    Path(_id): Path<u32>,
) -> &'static str {
    S::NAME
}

/// Its documentation stays.
#[must_use]
#[endpoint]
#[deny(unused_variables)]
#[doc(alias = "x")]
pub(super) async fn attributes(Path(r#type): Path<u32>) -> String {
    r#type.to_string()
}

/// A name that is a keyword.
#[endpoint]
async fn r#loop(mut text: String) -> String {
    text.push('!');
    text
}

/// Such a function is no handler, but may be called.
#[endpoint]
async fn of_something(Path(id): Path<u32>, text: impl ToString) -> String {
    format!("{id} {}", text.to_string())
}

/// References live on while the function waits.
#[endpoint]
async fn waits(Path(text): Path<String>) -> Result<String, StatusCode> {
    let first = text.split('-').next().ok_or(StatusCode::NOT_FOUND)?;
    tokio::task::yield_now().await;
    Ok(first.to_owned())
}

#[debug_handler]
#[endpoint]
async fn debug_above(State(()): State<()>, Path(id): Path<u32>) -> String {
    id.to_string()
}

#[endpoint]
#[debug_handler]
async fn debug_below(State(()): State<()>, Path(id): Path<u32>) -> String {
    id.to_string()
}

#[tracing::instrument(skip_all, fields(id = id))]
#[endpoint]
async fn traced_above(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[endpoint]
#[tracing::instrument(skip(id))]
async fn traced_below(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[cfg(any())]
#[endpoint]
async fn absent(id: TypeThatIsNot) {}

#[endpoint(keep_signature)]
async fn kept(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[endpoint(crate = renamed)]
async fn moved(Path(id): Path<u32>) -> String {
    id.to_string()
}

use logfire_rs_axum as renamed;

#[tokio::test]
async fn functions_of_every_form_are_handlers() {
    let app = || {
        Router::new()
            .route("/generic/{id}", post(generic::<String, 3>))
            .route("/attributes/{id}", get(attributes))
            .route("/debug_above/{id}", get(debug_above))
            .route("/debug_below/{id}", get(debug_below))
            .route("/traced_above/{id}", get(traced_above))
            .route("/traced_below/{id}", get(traced_below))
            .route("/kept/{id}", get(kept))
            .route("/moved/{id}", get(moved))
            .route("/loop", post(r#loop))
            .route("/waits/{text}", get(waits))
    };
    for (request, body, values) in [
        ("POST /generic/7 \"x\"", "7 3", r#"{"id":7}"#),
        ("GET /attributes/7", "7", r#"{"type":7}"#),
        ("GET /debug_above/7", "7", r#"{"id":7}"#),
        ("GET /debug_below/7", "7", r#"{"id":7}"#),
        ("GET /traced_above/7", "7", r#"{"id":7}"#),
        ("GET /traced_below/7", "7", r#"{"id":7}"#),
        ("GET /kept/7", "7", r#"{"id":7}"#),
        ("GET /moved/7", "7", r#"{"id":7}"#),
        ("POST /loop plain", "plain!", r#"{"text":"plain"}"#),
        ("GET /waits/a-b", "a", r#"{"text":"a-b"}"#),
    ] {
        let record = record(app(), request).await;
        assert_eq!((&*record.body, &*record.values()), (body, values), "{request}");
    }
    let stored_app = Router::new().route("/{id}", get(stored::<Memory>));
    let record = record(stored_app.with_state(std::sync::Arc::new(Memory)), "GET /7").await;
    assert_eq!((&*record.body, &*record.values()), ("memory", r#"{"id":7}"#));
}

#[tokio::test]
async fn a_kept_signature_gives_up_rejections_and_the_times_of_arguments() {
    let app = || Router::new().route("/{id}", get(kept));
    assert_eq!(
        record(app(), "GET /7").await.times(),
        "endpoint_function.start endpoint_function.end"
    );
    let rejected = record(app(), "GET /x").await;
    assert_eq!((rejected.status, &*rejected.error()), (400, ""));
}

#[endpoint]
async fn calls_another(Path(id): Path<u32>) -> String {
    attributes(Path(id + 1).into()).await
}

#[tokio::test]
async fn functions_are_called_directly_too() {
    assert_eq!(attributes(Path(7).into()).await, "7");
    assert_eq!(kept(Path(7)).await, "7");
    assert_eq!(of_something(Path(7).into(), 8.into()).await, "7 8");
    // The inner one is part of the outer one.
    let record = record(Router::new().route("/{id}", get(calls_another)), "GET /7").await;
    assert_eq!((&*record.body, &*record.values()), ("8", r#"{"id":7}"#));
    assert!(record.get("code.function.name").unwrap().ends_with("::calls_another"));
}
