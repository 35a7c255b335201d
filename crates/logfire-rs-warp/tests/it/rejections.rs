//! Rejections: answered by warp or by the application, errors only if the answer is a 5xx.

use std::convert::Infallible;

use http::StatusCode;
use http_body_util::Empty;
use logfire_rs_warp::{instrument_with, observe as observe_rejection, path};
use tower::ServiceExt as _;
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

/// The alternatives for other methods have refused, too, and are not what the request failed of.
#[tokio::test]
async fn a_rejection_of_the_application_among_others() {
    async fn answer(rejection: Rejection) -> Result<impl Reply, Infallible> {
        Ok(match rejection.find::<Mine>() {
            Some(_) => StatusCode::SERVICE_UNAVAILABLE,
            None => StatusCode::INTERNAL_SERVER_ERROR,
        })
    }
    let routes = || {
        let other = warp::post().and(path!("other")).map(|| "ok");
        let limited = path!("limited").and(warp::header::<u8>("x-limit")).map(|_| "ok");
        let limited = limited.or(path!("limited").and_then(|| async {
            Err::<&str, _>(warp::reject::custom(Mine { password: "s3cret" }))
        }));
        routes().or(other).or(limited)
    };
    let spans = Spans::new();
    let own = instrument_with(routes(), spans.options());
    assert_eq!(observe(&spans, &own, "GET /mine").await, "GET /mine 500 unhandled_rejection");
    assert_eq!(observe(&spans, &own, "GET /limited").await, "GET /limited 500 unhandled_rejection");
    assert!(!format!("{:?}", spans.wait().await).contains("s3cret"));
    let recovered = routes().or_else(observe_rejection).recover(answer);
    let recovered = instrument_with(recovered, spans.options());
    let seen = observe(&spans, &recovered, "GET /mine").await;
    assert_eq!(seen, "GET /mine 503 unhandled_rejection");
    assert_eq!(observe(&spans, &recovered, "GET /other").await, "GET 500 method_not_allowed");
}

/// What is not recorded is not asked what it is either.
#[tokio::test]
async fn a_rejection_of_a_request_that_is_not_recorded() {
    struct Rude;
    impl std::fmt::Debug for Rude {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("it was asked");
        }
    }
    impl Reject for Rude {}
    async fn answer(_: Rejection) -> Result<impl Reply, Infallible> {
        Ok(StatusCode::SERVICE_UNAVAILABLE)
    }
    let rude = path!("rude").and_then(|| async { Err::<&str, _>(warp::reject::custom(Rude)) });
    let spans = Spans::new();
    let options = spans.options().excluded_urls(["rude"]);
    let service = instrument_with(rude.or_else(observe_rejection).recover(answer), options);
    let request = http::Request::get("/rude").body(Empty::<bytes::Bytes>::new()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 503);
    assert!(spans.exporter.get_finished_spans().unwrap().is_empty());
}
