//! Rejections: answered by warp or by the application, errors only if the answer is a 5xx.

use std::convert::Infallible;

use http::StatusCode;
use logfire_rs_warp::{instrument_with, observe as observe_rejection, path};
use warp::reject::Reject;
use warp::{Filter, Rejection, Reply};

use crate::{Spans, observe};

#[derive(Debug)]
struct Mine {
    #[expect(dead_code, reason = "shown by `Debug`")]
    password: &'static str,
}

impl Reject for Mine {}

fn routes() -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let mine = path!("mine")
        .and_then(|| async { Err::<&str, _>(warp::reject::custom(Mine { password: "s3cret" })) });
    let large = path!("large")
        .and(warp::post())
        .and(warp::body::content_length_limit(2))
        .and(warp::body::json())
        .map(|_: serde_json::Value| "ok");
    mine.or(large)
}

#[tokio::test]
async fn warps_own_answers() {
    let spans = Spans::new();
    let service = instrument_with(routes(), spans.options());
    assert_eq!(observe(&spans, &service, "GET /mine").await, "GET /mine 500 unhandled_rejection");
    let span = &spans.wait().await[0];
    assert!(!format!("{span:?}").contains("s3cret"), "{span:?}");
    assert_eq!(observe(&spans, &service, "GET /large").await, "GET /large 405 -");
    assert_eq!(observe(&spans, &service, "POST /large < {}").await, "POST /large 411 -");
    assert_eq!(observe(&spans, &service, "GET /nowhere").await, "GET 404 -");
}

#[tokio::test]
async fn the_applications_recover() {
    async fn answer(rejection: Rejection) -> Result<impl Reply, Infallible> {
        let status = match rejection.find::<Mine>() {
            Some(_) => StatusCode::SERVICE_UNAVAILABLE,
            None if rejection.is_not_found() => StatusCode::NOT_FOUND,
            None => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Ok(warp::reply::with_status("recovered", status))
    }
    let spans = Spans::new();
    let seen =
        instrument_with(routes().or_else(observe_rejection).recover(answer), spans.options());
    assert_eq!(observe(&spans, &seen, "GET /mine").await, "GET /mine 503 unhandled_rejection");
    assert_eq!(observe(&spans, &seen, "GET /large").await, "GET /large 422 -");
    assert_eq!(observe(&spans, &seen, "GET /nowhere").await, "GET 404 -");
    let unseen = instrument_with(routes().recover(answer), spans.options());
    assert_eq!(observe(&spans, &unseen, "GET /mine").await, "GET /mine 503 503");
}
