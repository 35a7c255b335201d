//! Whether the cost grows with the number of requests at once.
//!
//! What is measured is the time of processors, not of clocks on walls: more threads than processors
//! wait for each other, and that is not a cost.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use cpu_time::ThreadTime;
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use logfire_rs::instrument_axum;
use tower::ServiceExt as _;

use crate::configuration::Configuration;
use crate::on_axum::{drive, router};
use crate::request::Requests;
use crate::statistics::over;

/// One row of the table.
pub struct Row {
    /// What there is more of.
    pub what: String,
    /// Nanoseconds of a processor for one request: the median of the differences between the bare
    /// service and the instrumented one, and the quartiles.
    pub over: [f64; 3],
}

/// Measures all of it, in so many rounds.
pub fn rows(rounds: u32) -> Vec<Row> {
    let mut rows = Vec::new();
    for at_once in [1, 16] {
        let mut services = [false, true].map(|instrumented| waiting(instrumented, at_once));
        let over = compare(rounds, &mut services, |service| {
            let started = ThreadTime::now();
            service(50);
            started.elapsed().as_nanos() as f64 / (50.0 * at_once as f64)
        });
        rows.push(Row { what: format!("requests at once in one thread: {at_once}"), over });
    }
    for threads in [1, 2, 16] {
        let mut apps = [router().with_state(()), instrument_axum(router()).with_state(())];
        let over = compare(rounds.div_ceil(4), &mut apps, |app| in_threads(app, threads));
        rows.push(Row { what: format!("threads: {threads}"), over });
    }
    rows
}

fn compare<S>(
    rounds: u32,
    services: &mut [S; 2],
    mut measure: impl FnMut(&mut S) -> f64,
) -> [f64; 3] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (service, times) in services.iter_mut().zip(&mut times) {
            times.push(measure(service));
        }
    }
    over(&times[1], &times[0])
}

/// A service whose requests all wait for each other before they are answered.
fn waiting(instrumented: bool, at_once: usize) -> crate::Drive {
    let app = Router::new().route(
        "/users/{id}",
        get(async |Path(id): Path<u64>| {
            tokio::task::yield_now().await;
            id.to_string()
        }),
    );
    let app = if instrumented { instrument_axum(app) } else { app };
    let app: Router = app.with_state(());
    let runtime = crate::runtime();
    let mut requests = Requests::new(Configuration::Sampled);
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let sent = (0..at_once).map(|_| {
                    let request = requests.make();
                    let app = app.clone();
                    async move {
                        let response = app.oneshot(request).await.expect("an answer");
                        let _ = black_box(response.into_body().collect().await);
                    }
                });
                join_all(sent.collect::<Vec<_>>()).await;
            }
        });
    })
}

/// The time of a processor for one request, when so many threads answer requests.
fn in_threads(app: &Router, threads: usize) -> f64 {
    const EACH: u32 = 2_000;
    let all_there = Barrier::new(threads);
    let times = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut service = drive(app.clone(), Requests::new(Configuration::Sampled));
                    service(200);
                    all_there.wait();
                    let started = ThreadTime::now();
                    service(EACH);
                    started.elapsed().as_nanos() as f64
                })
            })
            .collect();
        handles.into_iter().map(|it| it.join().expect("a thread that ends")).sum::<f64>()
    });
    times / (threads as f64 * f64::from(EACH))
}
