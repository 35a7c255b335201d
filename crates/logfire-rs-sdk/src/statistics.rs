//! What became of what was recorded.

/// What became of the spans and logs that were recorded so far, per destination; from
/// [`Logfire::export_statistics`](crate::Logfire::export_statistics).
///
/// ```
/// use logfire_rs_sdk::{configure, opentelemetry::trace::{Tracer, TracerProvider}};
///
/// // Nothing listens on port 1.
/// let configuration = configure().local().env_lookup(|_| None).console(false).on_warning(|_| ());
/// let logfire = configuration.token("pylf_v1_us_x").base_url("http://127.0.0.1:1").finish()?;
/// logfire.tracer_provider().tracer("doc").start("lost");
/// logfire.shutdown().unwrap_err();
/// let statistics = logfire.export_statistics();
/// assert_eq!(statistics.spans[0].recorded, 1);
/// assert_eq!(statistics.spans[0].dropped, 1);
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportStatistics {
    /// Sampled spans that have ended. What announces them to Logfire is not counted.
    pub spans: Vec<DestinationStatistics>,
    /// Log records.
    pub logs: Vec<DestinationStatistics>,
}

/// What became of one kind of telemetry that one destination should have got.
///
/// `recorded` is the sum of the other counts: nothing leaves the account.
///
/// ```
/// # let logfire = logfire_rs_sdk::configure().local().env_lookup(|_| None).console(false).finish()?;
/// for spans in logfire.export_statistics().spans {
///     println!("{}: {} of {} spans lost", spans.destination, spans.dropped, spans.recorded);
/// }
/// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DestinationStatistics {
    /// The base URL, without credentials.
    pub destination: String,
    /// How many were recorded.
    pub recorded: u64,
    /// How many the destination has accepted.
    pub delivered: u64,
    /// How many are lost: a queue was full, the destination refused them, or time was up.
    pub dropped: u64,
    /// How many are still on their way.
    pub waiting: u64,
    /// How many wait on disk. What earlier processes have left there is not counted.
    pub spooled: u64,
}
