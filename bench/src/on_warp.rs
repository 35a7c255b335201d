//! Filters of warp.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use logfire_rs::{instrument_warp, instrument_warp_with};
use tower::Service;
use warp::reply::{WithHeader, with_header};
use warp::{Filter, Rejection};

use crate::configuration::Configuration;
use crate::on_axum::trace;
use crate::request::{ANSWER, Requests};
use crate::subscriber::Subscriber;
use crate::{Candidate, Drive};

/// Ours, and the spans of warp itself.
pub fn candidates() -> Vec<Candidate> {
    vec![
        Candidate::new("bare", |it| drive(warp::service(filter()), it)),
        Candidate::new("**logfire-rs**", |it| drive(instrument_warp(observed()), it)),
        Candidate::new("**logfire-rs**, trace", |it| {
            drive(instrument_warp_with(observed(), trace()), it)
        }),
        Candidate::traced(
            "`warp::trace` with tracing-opentelemetry, trace",
            Subscriber::OpenTelemetry,
            |it| drive(warp::service(filter().with(warp::trace::request())), it),
        ),
    ]
}

fn filter() -> impl Filter<Extract = (WithHeader<&'static str>,), Error = Rejection> + Clone {
    let health = warp::path!("health").map(|| "ok");
    let user = warp::path!("users" / u64).map(answer_for);
    health.map(|it| with_header(it, "content-type", "text/plain")).or(user).unify()
}

fn observed() -> impl Filter<Extract = (WithHeader<&'static str>,), Error = Rejection> + Clone {
    let health = logfire_rs::warp::path!("health").map(|| "ok");
    let user = logfire_rs::warp::path!("users" / id: u64).map(answer_for);
    health.map(|it| with_header(it, "content-type", "text/plain")).or(user).unify()
}

fn answer_for(id: u64) -> WithHeader<&'static str> {
    black_box(id);
    with_header(ANSWER, "content-type", "application/json")
}

fn drive<S, B>(mut service: S, configuration: Configuration) -> Drive
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible> + 'static,
    B: http_body::Body,
{
    let mut requests = Requests::new(configuration);
    let runtime = crate::runtime();
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let request = requests.make_with(Full::default());
                let Ok(response) = service.call(request).await;
                let _ = black_box(response.into_body().collect().await.is_ok());
            }
        });
    })
}
