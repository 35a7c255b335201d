//! Export: where telemetry goes, and the exporters that take it to the delivery threads.
//!
//! The exporters only encode and queue. What takes time and can fail is done by
//! [`logfire_rs_delivery::Delivery`], whose waits have limits; the threads of the OpenTelemetry SDK never wait for a
//! network.

mod accounts;
mod destinations;
mod encode;
mod json;
mod logs;
mod metrics;
mod otlp;
mod split;
mod traces;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use logfire_rs_delivery::{
    Delivery, DeliveryOptions, Destination, Export, Problem, Tally, Unfinished,
};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    metrics::Temporality,
};

pub(crate) use self::destinations::Destinations;
use self::{
    accounts::{Accounts, Tell},
    encode::Encoding,
    otlp::Signal,
    split::Part,
};
use crate::{ConfigureError, ExportStatistics, environment::Environment, pipeline::Pipelines};

/// All ways out, and their deliveries, each once.
#[derive(Debug)]
pub(crate) struct Outlets {
    accounts: Arc<Accounts>,
    traces: Vec<Outlet>,
    metrics: Vec<Outlet>,
    logs: Vec<Outlet>,
    deliveries: Vec<(Destination, Arc<Delivery>)>,
    spool: Option<PathBuf>,
}

/// A way out for one signal: a delivery, and how bodies look there.
#[derive(Clone, Debug)]
struct Outlet {
    delivery: Arc<Delivery>,
    is_logfire: bool,
    /// Below the destination's base URL.
    path: &'static str,
    encoding: Encoding,
    /// For metrics only.
    temporality: Temporality,
    /// The base URL.
    destination: String,
    tally: Tally,
}

/// What a flush has to wait for when the providers are done.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    all: logfire_rs_delivery::Deliveries,
    /// None if nothing is recorded.
    accounts: Option<Arc<Accounts>>,
}

impl Outlets {
    fn new(spool: Option<PathBuf>, env: &Environment) -> Self {
        Self {
            accounts: Arc::new(Accounts::new(env.warnings.clone())),
            traces: Vec::new(),
            metrics: Vec::new(),
            logs: Vec::new(),
            deliveries: Vec::new(),
            spool,
        }
    }

    /// Puts exporters behind the providers.
    pub(crate) fn install(self, pipelines: &mut Pipelines, env: &Environment) -> Deliveries {
        let accounts = self.accounts;
        accounts.spans.open(&self.traces);
        accounts.metrics.open(&self.metrics);
        accounts.logs.open(&self.logs);
        if !self.traces.is_empty() {
            let scrubber = pipelines.scrubber.clone();
            let processor =
                traces::span_processor(self.traces, Arc::clone(&accounts), scrubber, env);
            pipelines.spans.push(Box::new(processor));
        }
        if pipelines.has_metrics {
            for outlet in self.metrics {
                pipelines.read_metrics(metrics::metric_reader(outlet, env));
            }
        }
        if !self.logs.is_empty() {
            pipelines.process_logs(logs::log_processor(self.logs, Arc::clone(&accounts), env));
        }
        let all = self.deliveries.into_iter().map(|(_, delivery)| delivery).collect();
        Deliveries { all, accounts: Some(accounts) }
    }

    const fn of(&mut self, signal: Signal) -> &mut Vec<Outlet> {
        match signal {
            Signal::Traces => &mut self.traces,
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        }
    }

    /// Signals that go to the same place share a queue, and what is told about it.
    fn deliver_to(
        &mut self,
        destination: Destination,
        env: &Environment,
    ) -> Result<Arc<Delivery>, ConfigureError> {
        if let Some((_, delivery)) = self.deliveries.iter().find(|(known, _)| *known == destination)
        {
            return Ok(Arc::clone(delivery));
        }
        let (warnings, accounts) = (env.warnings.clone(), Arc::clone(&self.accounts));
        let mut options = DeliveryOptions::default().on_problem(move |problem| match problem {
            Problem::Lost { .. } => accounts.tell(Tell::IfDue),
            other => warnings.warn(other),
        });
        if let Some(spool) = &self.spool {
            // Two queues to one place, which differ in a timeout, cannot have one directory.
            let place = destination.to_string();
            let others = self.deliveries.iter().filter(|(it, _)| it.to_string() == place).count();
            options = match others {
                0 => options.spool(spool),
                others => options.spool(spool.join((others + 1).to_string())),
            };
        }
        let delivery = Delivery::start(destination.clone(), options);
        let delivery = Arc::new(delivery.map_err(ConfigureError::Thread)?);
        self.deliveries.push((destination, Arc::clone(&delivery)));
        Ok(delivery)
    }
}

impl Outlet {
    fn submit(&self, (body, items): Part) -> OTelSdkResult {
        let export = Export::new(self.path, self.encoding.content_type(), body);
        self.delivery
            .submit(export.counted(&self.tally, items))
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }
}

impl Deliveries {
    /// These and `others`.
    #[cfg(feature = "proxy")]
    pub(crate) fn with(&self, others: &logfire_rs_delivery::Deliveries) -> Self {
        let all = self.all.iter().chain(others.iter()).map(Arc::clone).collect();
        Self { all, accounts: self.accounts.clone() }
    }

    /// What became of everything so far.
    pub(crate) fn statistics(&self) -> ExportStatistics {
        self.accounts.as_ref().map(|accounts| accounts.statistics()).unwrap_or_default()
    }

    /// Tells losses that have not been told yet.
    pub(crate) fn tell_losses(&self) {
        if let Some(accounts) = &self.accounts {
            accounts.tell(Tell::Now);
        }
    }

    /// Waits until everything has arrived; what has not.
    pub(crate) fn flush(&self, deadline: Instant) -> Vec<String> {
        texts(&self.all.flush(deadline.saturating_duration_since(Instant::now())))
    }

    /// Takes nothing more, and waits until everything has arrived; what has not.
    pub(crate) fn shutdown(&self, deadline: Instant) -> Vec<String> {
        texts(&self.all.shutdown(deadline.saturating_duration_since(Instant::now())))
    }
}

fn texts(unfinished: &[Unfinished]) -> Vec<String> {
    unfinished.iter().map(ToString::to_string).collect()
}

fn milliseconds(env: &Environment, names: &[&str]) -> Option<Duration> {
    env.parsed(names, "a positive number of milliseconds", |text| {
        // More than this is more than some clocks can add.
        text.parse().ok().filter(|it| *it > 0).map(|it: u32| Duration::from_millis(it.into()))
    })
}

fn size(env: &Environment, name: &str, default: usize) -> usize {
    // The SDK makes room for all of a queue at once.
    let parse = |text: &str| text.parse().ok().filter(|size| (1..=1_000_000).contains(size));
    env.parsed(&[name], "a number from 1 to 1000000", parse).unwrap_or(default)
}
