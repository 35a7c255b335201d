//! How a proxy is built by hand.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, iter};

use logfire_rs_delivery::{
    Compression, Deliveries, Delivery, DeliveryOptions, Destination, InvalidDestination, Region,
};

use crate::environment::{Environment, Warnings};
use crate::proxy::{Forwarding, Way};
use crate::{LogfireProxy, Signal};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A proxy that is being built; made by [`LogfireProxy::builder`].
///
/// What is unset is read from the environment. `Debug` shows how many tokens there are, and no secret.
///
/// ```
/// use logfire_rs_proxy::{Destination, LogfireProxy};
///
/// let collector = Destination::new("http://collector:4318")?.header("x-team", "shop")?;
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None);
/// let proxy = builder().destination(collector).max_queued(100).finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "nothing is started before `finish`"]
pub struct LogfireProxyBuilder {
    tokens: Option<Vec<String>>,
    base_url: Option<String>,
    destinations: Vec<(Signal, &'static str, Destination)>,
    timeouts: Vec<(Signal, Duration)>,
    queue: DeliveryOptions,
    environment: Environment,
    warnings: Warnings,
}

impl LogfireProxyBuilder {
    /// Logfire write tokens: each gets everything. None by default, and then nothing goes to Logfire.
    ///
    /// Environment: `LOGFIRE_TOKEN`, several separated by commas, if there is no [destination](Self::destination) either
    /// and `LOGFIRE_SEND_TO_LOGFIRE` is not `false`.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder().tokens(["pylf_v1_us_0123456789"]);
    /// ```
    pub fn tokens<S: Into<String>>(mut self, tokens: impl IntoIterator<Item = S>) -> Self {
        self.tokens = Some(tokens.into_iter().map(Into::into).collect());
        self
    }

    /// The base URL of Logfire, for a self-hosted one. By default that of the token's region.
    ///
    /// Environment: `LOGFIRE_BASE_URL`.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder().base_url("https://logfire.example.com");
    /// ```
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Adds an OTLP endpoint, with its headers; the paths of the signals are appended to its base URL.
    ///
    /// Bodies go there as they came, compressed or not, and within the [timeout](Self::timeout) of their signal. None by
    /// default.
    ///
    /// ```
    /// # use logfire_rs_proxy::{Destination, LogfireProxy};
    /// let collector = Destination::new("http://collector:4318")?;
    /// let builder = LogfireProxy::builder().destination(collector);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn destination(mut self, destination: Destination) -> Self {
        self.destinations.extend(every_signal(destination));
        self
    }

    /// Adds an OTLP endpoint for one signal. `path` is appended to its base URL, which is the whole address if it is
    /// empty. None by default.
    ///
    /// ```
    /// # use logfire_rs_proxy::{Destination, LogfireProxy, Signal};
    /// let collector = Destination::new("http://collector:4318")?;
    /// let builder = LogfireProxy::builder().destination_of(Signal::Traces, "/ingest/spans", collector);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn destination_of(
        mut self,
        signal: Signal,
        path: &'static str,
        destination: Destination,
    ) -> Self {
        self.destinations.push((signal, path, destination));
        self
    }

    /// How long one try to deliver a signal may take.
    ///
    /// Environment: `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `…_LOGS_TIMEOUT`, `…_METRICS_TIMEOUT`, else
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`, in milliseconds. 10 seconds by default. Connecting takes at most 3 of them.
    ///
    /// ```
    /// # use {logfire_rs_proxy::{LogfireProxy, Signal}, std::time::Duration};
    /// let builder = LogfireProxy::builder().timeout(Signal::Traces, Duration::from_secs(30));
    /// ```
    pub fn timeout(mut self, signal: Signal, timeout: Duration) -> Self {
        self.timeouts.insert(0, (signal, timeout));
        self
    }

    /// How many posts may wait for one destination, the one under way included. 1000 by default, at least one.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder().max_queued(100);
    /// ```
    pub fn max_queued(mut self, posts: usize) -> Self {
        self.queue = self.queue.max_exports(posts);
        self
    }

    /// How many bytes may wait for one destination, those under way included. 64 MiB by default.
    ///
    /// Destinations share the memory of a body.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder().max_queued_bytes(8 * 1024 * 1024);
    /// ```
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.queue = self.queue.max_bytes(bytes);
        self
    }

    /// The wait before the first retry, which doubles with each further one up to 64 times. 1 second by default.
    ///
    /// ```
    /// # use {logfire_rs_proxy::LogfireProxy, std::time::Duration};
    /// let builder = LogfireProxy::builder().first_retry_after(Duration::from_millis(100));
    /// ```
    pub fn first_retry_after(mut self, wait: Duration) -> Self {
        self.queue = self.queue.first_retry_after(wait);
        self
    }

    /// How long one post is tried before it is lost. 5 minutes by default.
    ///
    /// ```
    /// # use {logfire_rs_proxy::LogfireProxy, std::time::Duration};
    /// let builder = LogfireProxy::builder().give_up_after(Duration::from_secs(60));
    /// ```
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.queue = self.queue.give_up_after(time);
        self
    }

    /// Reads settings from `lookup`. By default from the environment of the process; with it, proxy variables are not
    /// read.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder()
    ///     .env_lookup(|name| (name == "LOGFIRE_TOKEN").then(|| "pylf_v1_us_0123456789".to_owned()));
    /// ```
    pub fn env_lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Environment(Some(Arc::new(lookup)));
        self
    }

    /// Calls `listener` for each warning, from any thread: what is wrong with the environment, and what the destinations
    /// have answered. By default each is a line on stderr.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder().on_warning(|warning| println!("{warning}"));
    /// ```
    pub fn on_warning(mut self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warnings = Warnings(Arc::new(listener));
        self
    }

    /// Starts a thread for each destination. Without a destination every post is answered with `403`.
    ///
    /// # Errors
    ///
    /// If a base URL or a token cannot be used, or the operating system has no thread to give.
    ///
    /// ```
    /// # use logfire_rs_proxy::LogfireProxy;
    /// let builder = LogfireProxy::builder().env_lookup(|_| None).tokens(["two\nlines"]);
    /// let error = builder.finish().unwrap_err().to_string();
    /// assert_eq!(error, "tokens: the value of `authorization` cannot be sent in a header");
    /// ```
    pub fn finish(self) -> Result<LogfireProxy, InvalidProxy> {
        let destinations = self.ways()?;
        let warnings = self.warnings.clone();
        let options = self.queue.clone().on_problem(move |problem| warnings.warn(problem));
        let timeouts = Signal::ALL.map(|signal| (signal, self.timeout_of(signal)));
        let timeout = |signal| {
            let timeout = timeouts.iter().find(|(name, _)| *name == signal);
            timeout.map_or(TIMEOUT, |(_, timeout)| *timeout)
        };

        let mut started: Vec<(Destination, Arc<Delivery>)> = Vec::new();
        let mut ways = Vec::new();
        for (signal, path, destination) in destinations {
            // Signals that go to the same place share a queue.
            let delivery = match started.iter().find(|(known, _)| *known == destination) {
                Some((_, delivery)) => Arc::clone(delivery),
                None => {
                    let delivery = Delivery::start(destination.clone(), options.clone());
                    let delivery = Arc::new(delivery.map_err(InvalidProxy::Thread)?);
                    started.push((destination.clone(), Arc::clone(&delivery)));
                    delivery
                }
            };
            let (base_url, timeout) = (destination.to_string(), timeout(signal));
            ways.push(Way { signal, path, base_url, timeout, delivery });
        }
        let deliveries = started.into_iter().map(|(_, delivery)| delivery);
        let deliveries = Deliveries::from_iter(deliveries);
        Ok(LogfireProxy::new(Forwarding { ways, deliveries, warnings: self.warnings }))
    }

    /// Tokens first, each way once, with bodies as they come.
    fn ways(&self) -> Result<Vec<(Signal, &'static str, Destination)>, InvalidProxy> {
        let logfire = self.logfire_destinations()?.into_iter().flat_map(every_signal);
        let mut ways = Vec::new();
        for (signal, path, destination) in logfire.chain(self.destinations.iter().cloned()) {
            let way = (signal, path, destination.compression(Compression::None));
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        Ok(ways)
    }

    fn logfire_destinations(&self) -> Result<Vec<Destination>, InvalidProxy> {
        let (setting, tokens) = match &self.tokens {
            Some(tokens) => ("tokens", tokens.join(",")),
            None if self.destinations.is_empty() && self.sends_to_logfire() => {
                let name = "LOGFIRE_TOKEN";
                (name, self.environment.text(name).unwrap_or_default())
            }
            None => return Ok(Vec::new()),
        };
        let base_url = self.logfire_base_url()?;
        let destination = |token: &str| {
            let destination = match &base_url {
                Some(base_url) => base_url.clone().header("authorization", token),
                None => {
                    if Region::of_token(token).is_none() {
                        let us = Region::Us.base_url();
                        self.warnings.warn(&format_args!(
                            "{setting} names no known region of Logfire: sending to {us}"
                        ));
                    }
                    Destination::logfire(token)
                }
            };
            let destination = destination.map_err(|error| InvalidProxy::of(setting, error))?;
            Ok(destination.environment_proxy(self.environment.is_process()))
        };
        let tokens = tokens.split(',').map(str::trim).filter(|token| !token.is_empty());
        tokens.map(destination).collect()
    }

    /// The base URL for all tokens, if there is one.
    fn logfire_base_url(&self) -> Result<Option<Destination>, InvalidProxy> {
        let (setting, base_url) = match &self.base_url {
            Some(base_url) => ("base_url", Some(base_url.clone())),
            None => ("LOGFIRE_BASE_URL", self.environment.text("LOGFIRE_BASE_URL")),
        };
        let destination = base_url.map(|base_url| Destination::new(&base_url)).transpose();
        destination.map_err(|error| InvalidProxy::of(setting, error))
    }

    fn sends_to_logfire(&self) -> bool {
        let send = self.environment.text("LOGFIRE_SEND_TO_LOGFIRE").unwrap_or_default();
        !["0", "f", "false", "no"].contains(&send.to_ascii_lowercase().as_str())
    }

    fn timeout_of(&self, signal: Signal) -> Duration {
        let set = self.timeouts.iter().find(|(name, _)| *name == signal).map(|(_, it)| *it);
        let timeout = set.or_else(|| self.environment.timeout(signal, &self.warnings));
        timeout.unwrap_or(TIMEOUT)
    }
}

/// Tokens are secrets, and a base URL may hold one.
impl fmt::Debug for LogfireProxyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogfireProxyBuilder")
            .field("tokens", &self.tokens.as_ref().map(Vec::len))
            .field("has_base_url", &self.base_url.is_some())
            .field("destinations", &self.destinations)
            .field("timeouts", &self.timeouts)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

fn every_signal(
    destination: Destination,
) -> impl Iterator<Item = (Signal, &'static str, Destination)> {
    let each = Signal::ALL.into_iter().zip(iter::repeat_n(destination, Signal::ALL.len()));
    each.map(|(signal, destination)| (signal, signal.path(), destination))
}

/// Why a [`LogfireProxy`] cannot be. The text holds no secret.
///
/// ```
/// # use logfire_rs_proxy::LogfireProxy;
/// let builder = LogfireProxy::builder().env_lookup(|_| None).tokens(["a"]).base_url("localhost");
/// let error = builder.finish().unwrap_err().to_string();
/// assert_eq!(error, "base_url: `localhost` is not a URL like `https://host[:port][/path]`");
/// ```
#[non_exhaustive]
pub enum InvalidProxy {
    /// A setting that cannot be used.
    #[non_exhaustive]
    Setting {
        /// The setter or the variable.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread could not be started.
    Thread(io::Error),
}

impl InvalidProxy {
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    fn of(setting: &'static str, error: InvalidDestination) -> Self {
        Self::Setting { setting, reason: error.to_string() }
    }
}

impl fmt::Display for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { setting, reason } => write!(f, "{setting}: {reason}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

/// What `main` prints of an error that it returns is this: the text, for people.
impl fmt::Debug for InvalidProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InvalidProxy {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Setting { .. } => None,
            Self::Thread(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_set_or_the_signal_s_own_or_the_general_one_or_ten_seconds() {
        let own = ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2000");
        let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000");
        let bad = ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "0");
        for (variables, expected) in [
            (vec![], [10, 10, 1]),
            (vec![own], [10, 2, 1]),
            (vec![general], [3, 3, 1]),
            (vec![own, general], [3, 2, 1]),
            (vec![bad, general], [3, 3, 1]),
        ] {
            let builder = LogfireProxy::builder()
                .on_warning(|_| ())
                .timeout(Signal::Metrics, Duration::from_secs(5))
                .timeout(Signal::Metrics, Duration::from_secs(1))
                .env_lookup(move |name| {
                    variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned())
                });
            let timeouts = Signal::ALL.map(|signal| builder.timeout_of(signal).as_secs());
            assert_eq!(timeouts, expected);
        }
    }
}
