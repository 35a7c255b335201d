//! Tests of instrumented programs: what they record, without globals, as values and as text.
//!
//! See [`capture`] for the one line, and [`Recorder`] for tests that need more.

mod captured;
mod clock;
mod recorder;
mod render;

use logfire_rs_core::{HttpClientOptions, HttpServerOptions};

pub use self::{
    captured::{Captured, Logs, Metrics, Spans},
    recorder::Recorder,
};

/// Runs `work` with `options` that report to this capture, and gives what was recorded.
///
/// `options` are those of a server, of a client, or a tuple of both; `work` gets them back and instruments with them.
/// No global is read or set, so that tests run side by side. With the feature `tracing`, spans and events of the
/// `tracing` crate are captured too: those of `work`, and until it is done those of all tasks that run on the same thread,
/// as those do that a `#[tokio::test]` spawns. Tasks of other threads need [`with_current_subscriber`].
///
/// Ids are counted. Times count in seconds from the Unix epoch, one for each start and end; only durations in metrics
/// are real. [`Captured`] is shown without either, so that the text is the same in every run.
///
/// When `work` is done, spans that are open may end within 5 seconds: a server sees the end of a response later than
/// its client. What is open then is left out.
///
/// The rule is that of `capfire`, the fixture of Logfire's Python SDK: <https://logfire.pydantic.dev/docs/reference/advanced/testing/>
///
/// ```
/// use logfire_rs_core::HttpServerOptions;
/// use logfire_rs_sdk::testing::capture;
///
/// # mod logfire_rs {
/// #     pub fn instrument_axum_with(_app: &str, _options: impl Sized) {}
/// # }
/// # let app = "";
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let captured = capture(HttpServerOptions::default(), async |options| {
///     let app = logfire_rs::instrument_axum_with(app, options);
///     // Send it requests.
/// })
/// .await;
/// assert_eq!(captured.to_string(), "");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// [`with_current_subscriber`]: https://docs.rs/tracing/latest/tracing/instrument/trait.WithSubscriber.html
pub async fn capture<O: Options>(options: O, work: impl AsyncFnOnce(O)) -> Captured {
    let recorder = Recorder::default();
    recorder.record(work(recorder.attach(options))).await
}

/// What can be attached to a [`Recorder`]: `HttpServerOptions`, `HttpClientOptions`, tuples of them, and `()`.
///
/// ```
/// use logfire_rs_core::{HttpClientOptions, HttpServerOptions};
/// use logfire_rs_sdk::testing::Recorder;
///
/// let both = (HttpServerOptions::default(), HttpClientOptions::default());
/// let (server, client) = Recorder::default().attach(both);
/// ```
pub trait Options: sealed::Attach {}

impl<O: sealed::Attach> Options for O {}

pub(crate) mod sealed {
    //! Nobody else can attach something.

    use super::{HttpClientOptions, HttpServerOptions, Recorder};

    #[expect(unnameable_types, reason = "only this crate knows what can be attached")]
    pub trait Attach: Sized {
        /// The same with the providers of `recorder`.
        fn attach(self, recorder: &Recorder) -> Self;
    }

    impl Attach for HttpServerOptions {
        fn attach(self, recorder: &Recorder) -> Self {
            self.tracer_provider(recorder.tracer_provider().clone())
                .meter_provider(recorder.meter_provider().clone())
        }
    }

    impl Attach for HttpClientOptions {
        fn attach(self, recorder: &Recorder) -> Self {
            self.tracer_provider(recorder.tracer_provider().clone())
                .meter_provider(recorder.meter_provider().clone())
        }
    }

    impl Attach for () {
        fn attach(self, _recorder: &Recorder) -> Self {}
    }

    impl<A: Attach, B: Attach> Attach for (A, B) {
        fn attach(self, recorder: &Recorder) -> Self {
            (self.0.attach(recorder), self.1.attach(recorder))
        }
    }
}
