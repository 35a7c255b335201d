//! An instrumented client as that of an exporter, which must not record its own requests.

use async_trait::async_trait;
use bytes::Bytes;
use logfire_rs_core::suppress_instrumentation;
#[cfg(feature = "blocking")]
use opentelemetry::Context;
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::Request;

use crate::Client;
#[cfg(feature = "blocking")]
use crate::blocking;

/// Sends what an exporter sends, and records nothing of it.
///
/// A recorded request would make another one, and so on without end.
#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let request = Request::try_from(request)?;
        suppress_instrumentation(async {
            let response = self.inner.execute(request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut answer = http::Response::new(response.bytes().await?);
            *answer.status_mut() = status;
            *answer.headers_mut() = headers;
            Ok(answer)
        })
        .await
    }
}

/// The same, for exporters that send from a thread of their own, such as that of a batch processor.
#[cfg(feature = "blocking")]
#[async_trait]
impl HttpClient for blocking::Client {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::blocking::Request::try_from(request)?;
        let _suppressed = Context::current().with_telemetry_suppressed().attach();
        let response = self.as_ref().execute(request)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = http::Response::new(response.bytes()?);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}
