//! What a request costs with logfire-rs, and with others: services that differ in nothing but their
//! instrumentation, driven in one thread without sockets, unless said otherwise.
//!
//! `cargo xtask bench --peers` runs all of it and writes docs/performance.md.

#![expect(clippy::expect_used, reason = "a program that cannot go on says so at once")]

pub mod client;
pub mod configuration;
pub mod on_actix_web;
pub mod on_axum;
pub mod on_hyper;
pub mod on_tower;
pub mod on_warp;
pub mod request;
pub mod scaling;
pub mod statistics;
pub mod subscriber;
pub mod telemetry;
pub mod telemetry_0_32;

use configuration::Configuration;
use on_axum::Serving;
use subscriber::Subscriber;
use tracing::Dispatch;

/// Sends so many requests, one after the other.
pub type Drive = Box<dyn FnMut(u32)>;

/// A service to measure, not yet built.
pub struct Candidate {
    /// What it is called.
    pub name: &'static str,
    subscriber: Subscriber,
    build: Box<dyn Fn(Configuration) -> Drive>,
}

impl Candidate {
    /// A candidate that works without the crate `tracing`.
    pub fn new(name: &'static str, build: impl Fn(Configuration) -> Drive + 'static) -> Self {
        Self::traced(name, Subscriber::None, build)
    }

    /// A candidate whose spans come from the crate `tracing`.
    pub fn traced(
        name: &'static str,
        subscriber: Subscriber,
        build: impl Fn(Configuration) -> Drive + 'static,
    ) -> Self {
        Self { name, subscriber, build: Box::new(build) }
    }

    /// Builds the service, and has it answer until everything that happens once has happened.
    pub fn start(&self, configuration: Configuration) -> Service {
        let dispatch = self.subscriber.dispatch(configuration);
        let mut service = Service { drive: (self.build)(configuration), dispatch };
        service.within(|drive| drive(WARM_UP));
        service
    }
}

/// So many requests are answered before anything is measured.
const WARM_UP: u32 = 300;

/// A service that answers.
pub struct Service {
    drive: Drive,
    dispatch: Option<Dispatch>,
}

impl Service {
    /// Calls `measure` with what drives the service, in the service's own subscriber.
    pub fn within<T>(&mut self, measure: impl FnOnce(&mut Drive) -> T) -> T {
        let _guard = self.dispatch.as_ref().map(tracing::dispatcher::set_default);
        measure(&mut self.drive)
    }
}

/// Services that differ in nothing but their instrumentation.
pub struct FrontEnd {
    /// What it is called.
    pub name: &'static str,
    /// The first one is what the others are compared with.
    pub candidates: Vec<Candidate>,
}

/// All front ends.
pub fn front_ends() -> Vec<FrontEnd> {
    let front_end = |name, candidates| FrontEnd { name, candidates };
    vec![
        front_end("axum", on_axum::candidates(Serving::Served)),
        front_end("axum-direct", on_axum::candidates(Serving::Direct)),
        front_end("axum-fastrace", on_axum::fastrace()),
        front_end("axum-endpoint", on_axum::endpoint()),
        front_end("axum-routes-1", on_axum::routes(1)),
        front_end("axum-routes-10", on_axum::routes(10)),
        front_end("axum-routes-1000", on_axum::routes(1_000)),
        front_end("axum-at-once-1", on_axum::at_once(1)),
        front_end("axum-at-once-16", on_axum::at_once(16)),
        front_end("tower", on_tower::candidates()),
        front_end("hyper", on_hyper::candidates()),
        front_end("actix-web", on_actix_web::candidates()),
        front_end("warp", on_warp::candidates()),
        front_end("client-stub", client::on_stub()),
        front_end("client-tower", client::on_tower()),
        front_end("client-loopback", client::on_loopback()),
    ]
}

/// A runtime of this thread alone.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
