//! The service that every front end serves.
//!
//! | method and route | answer |
//! | --- | --- |
//! | `GET /` | `hello` |
//! | `GET /users/{id}` | `user` with a span `load user` around it |
//! | `GET /api/v1/items/{id}` | `item`, from a nested router |
//! | `GET /fail` | 500 |
//! | `GET /error` | 503 from an error of the handler |
//! | `GET /panic` | none: the handler panics |
//! | `GET /slow` | none: the handler waits for ever |
//! | `GET /stream` | three chunks, with a span `make chunk` around each |
//! | `GET /endless` | chunks for ever |
//! | `GET /broken` | one chunk, then the body fails |
//! | `GET /panicking-body` | one chunk, then the body panics |
//! | `GET /events` | a `text/event-stream` with one event |
//! | `GET /empty` | 204 |
//! | `GET /not-modified` | 304 |
//! | `GET /headers` | repeated and secret response headers |
//! | `POST /echo` | the body of the request |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use logfire_rs_core::HttpServerOptions;
use opentelemetry::Context;
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::sync::Notify;

use crate::Telemetry;

/// What a front end needs to serve the site.
#[derive(Clone, Debug)]
pub struct Site {
    /// The options of the instrumentation.
    pub options: HttpServerOptions,
    /// Told when a handler has started that will not answer.
    pub started: Arc<Notify>,
    tracer: SdkTracer,
}

/// The text of an error of the application; it holds a secret.
pub(crate) const ERROR_TEXT: &str = "no database at postgres://app:s3cret-error@db/x";

impl Site {
    /// A site whose spans and metrics go to `telemetry`.
    #[must_use]
    pub fn new(telemetry: &Telemetry, options: HttpServerOptions) -> Self {
        Self::with_tracer(telemetry.tracer(), options)
    }

    /// A site whose own spans are those of `tracer`, for an SDK that is not a test's.
    #[must_use]
    pub fn with_tracer(tracer: SdkTracer, options: HttpServerOptions) -> Self {
        Self { options, started: Arc::new(Notify::new()), tracer }
    }

    /// The work of `GET /users/{id}`: a span that belongs to the request.
    pub async fn load_user(&self) -> &'static str {
        let span = self.tracer.start("load user");
        let context = Context::current().with_span(span);
        tokio::task::yield_now().await;
        context.span().end();
        "user"
    }

    /// The work of `GET /slow`: tells that it has started, and never ends.
    pub async fn wait_for_ever(&self) -> Infallible {
        self.started.notify_one();
        std::future::pending().await
    }

    /// The body of `GET /stream`.
    pub fn stream(&self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + Sync + use<> {
        let tracer = self.tracer.clone();
        stream::iter(0..3).then(move |i| {
            let tracer = tracer.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                tracer.start("make chunk").end();
                Ok(Bytes::from(format!("chunk {i}\n")))
            }
        })
    }

    /// The body of `GET /endless`.
    pub fn endless(&self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + Sync + use<> {
        stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 4096]))).then(|chunk| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            chunk
        })
    }

    /// The body of `GET /broken`.
    pub fn broken(&self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + Sync + use<> {
        // The head and the first chunk are sent before the body fails.
        stream::iter(0..2).then(|i| async move {
            tokio::time::sleep(Duration::from_millis(5 + 50 * i)).await;
            if i == 0 { Ok(Bytes::from_static(b"first")) } else { Err(BodyError) }
        })
    }

    /// The body of `GET /panicking-body`.
    ///
    /// # Panics
    ///
    /// When its second chunk is asked for.
    pub fn panicking(&self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + Sync + use<> {
        stream::iter(0..2).then(|i| async move {
            tokio::time::sleep(Duration::from_millis(5 + 50 * i)).await;
            assert!(i == 0, "the body panics with password=s3cret-panic");
            Ok(Bytes::from_static(b"first"))
        })
    }

    /// The work of `GET /panic`.
    ///
    /// # Panics
    ///
    /// Always.
    pub fn panic(&self) -> Infallible {
        panic!("the handler panics with password=s3cret-panic")
    }
}

/// The error of a body.
#[derive(Clone, Copy, Debug)]
pub struct BodyError;

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("disk failed with token=s3cret-body")
    }
}

impl std::error::Error for BodyError {}
