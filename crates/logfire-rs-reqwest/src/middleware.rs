//! A middleware of the crate reqwest-middleware.

use std::fmt;
use std::future::poll_fn;

use async_trait::async_trait;
use http::Extensions;
use logfire_rs_core::{HttpClientOptions, PerRequest};
use opentelemetry::Context;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::recorder::{self, Recorder};

/// Records the requests of a client of [`reqwest_middleware`].
///
/// Placed inside a middleware that retries, it records each attempt as a span of its own, with
/// `http.request.resend_count`. The settings of a request are an extension of it.
///
/// ```
/// use logfire_rs_reqwest::{HttpClientMiddleware, PerRequest};
/// use reqwest_middleware::ClientBuilder;
///
/// # async fn example() -> reqwest_middleware::Result<()> {
/// let client = ClientBuilder::new(reqwest::Client::new())
///     // A middleware that retries goes here.
///     .with(HttpClientMiddleware::default())
///     .build();
/// let settings = PerRequest::default().url_template("/users/{id}");
/// client.get("http://127.0.0.1:8000/users/1").with_extension(settings).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClientMiddleware(Recorder);

impl HttpClientMiddleware {
    /// A middleware with `options`; the environment key is `REQWEST`.
    ///
    /// ```
    /// use logfire_rs_reqwest::{HttpClientMiddleware, HttpClientOptions};
    ///
    /// let options = HttpClientOptions::default().capture_response_headers(["retry-after"]);
    /// let middleware = HttpClientMiddleware::new(options);
    /// ```
    #[must_use]
    pub fn new(options: HttpClientOptions) -> Self {
        Self(Recorder::new(options))
    }
}

impl Default for HttpClientMiddleware {
    fn default() -> Self {
        Self::new(HttpClientOptions::default())
    }
}

impl fmt::Debug for HttpClientMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpClientMiddleware").field(&self.0.instrumenter).finish()
    }
}

/// How many attempts a request has had; the extensions are those of all of them.
#[derive(Clone, Default)]
struct Attempts(u32);

#[async_trait]
impl Middleware for HttpClientMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let attempts = extensions.get_or_insert_default::<Attempts>();
        let resend_count = attempts.0;
        attempts.0 += 1;
        let settings = extensions.get::<PerRequest>().cloned().unwrap_or_default();
        let parent = Context::current();
        let Some(mut span) = self.0.start(&parent, &mut request, &settings, resend_count) else {
            return next.run(request, extensions).await;
        };
        let mut answer = next.run(request, extensions);
        let result = poll_fn(|cx| {
            let _entered = span.enter();
            answer.as_mut().poll(cx)
        })
        .await;
        match result {
            Ok(response) => Ok(self.0.answered(span, response)),
            Err(error) => {
                match &error {
                    Error::Reqwest(error) => recorder::failed(span, error),
                    Error::Middleware(error) => recorder::failed(span, &**error),
                }
                Err(error)
            }
        }
    }
}
