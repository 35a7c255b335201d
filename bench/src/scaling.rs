//! Whether the cost grows with the number of threads.
//!
//! What is measured is the time of processors, not of clocks on walls: more threads than processors
//! wait for each other, and that is not a cost.

use std::sync::Barrier;
use std::thread;

use axum::Router;
use cpu_time::ThreadTime;
use logfire_rs::instrument_axum;

use crate::configuration::Configuration;
use crate::on_axum::{Instrument, drive, router, with_tower_peer};
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
    let instrumentations: [(_, Instrument); 2] = [
        ("**logfire-rs**", instrument_axum),
        ("opentelemetry-instrumentation-tower", with_tower_peer),
    ];
    for threads in [1, 2, 16] {
        for (name, instrument) in instrumentations {
            let apps = [router().with_state(()), instrument(router()).with_state(())];
            let over = compare(rounds, &apps, |app| in_threads(app, threads));
            rows.push(Row { what: format!("{name}, threads: {threads}"), over });
        }
    }
    rows
}

fn compare(rounds: u32, apps: &[Router; 2], measure: impl Fn(&Router) -> f64) -> [f64; 3] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (app, times) in apps.iter().zip(&mut times) {
            times.push(measure(app));
        }
    }
    over(&times[1], &times[0])
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
