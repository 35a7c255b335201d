//! Mounts the telemetry proxy.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use hyper::service::Service;
use logfire_rs_proxy::LogfireProxy;
pub use logfire_rs_tower::ProxyFuture;

/// Mounts `proxy` as a service that takes what browsers post to `/logfire-proxy/v1/traces`, `…/v1/logs` and
/// `…/v1/metrics`; give it the requests whose path begins with `/logfire-proxy/`.
///
/// It answers by itself what is not as it should be, and reads bodies up to the limit of the proxy, 50 MiB by default.
/// Those three paths are not recorded by the instrumentation; for [another path](ProxyService::at) use
/// `HttpServerOptions::excluded_urls`. Who may post is decided before it is called.
///
/// ```
/// use std::convert::Infallible;
///
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper::body::Incoming;
/// use hyper::service::{Service, service_fn};
/// use hyper::{Request, Response};
/// use logfire_rs_proxy::LogfireProxy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None).base_url("http://127.0.0.1:1");
/// let proxy = builder().tokens(["pylf_v1_us_0123456789"]).finish()?;
/// let proxy = logfire_rs_hyper::logfire_proxy(proxy);
/// let service = service_fn(move |request: Request<Incoming>| {
///     let proxy = proxy.clone();
///     async move {
///         if request.uri().path().starts_with("/logfire-proxy/") {
///             return proxy.call(request).await;
///         }
///         Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
///     }
/// });
/// let service = logfire_rs_hyper::instrument(service);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn logfire_proxy(proxy: LogfireProxy) -> ProxyService {
    ProxyService(logfire_rs_tower::logfire_proxy(proxy))
}

/// The service of [`logfire_proxy`].
#[derive(Clone, Debug)]
pub struct ProxyService(logfire_rs_tower::ProxyService);

impl ProxyService {
    /// Where the service is mounted. `/logfire-proxy` by default; a path that does not begin so is taken for what
    /// follows the mount.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::default();
    /// let service = logfire_rs_hyper::logfire_proxy(proxy).at("/telemetry");
    /// ```
    #[must_use]
    pub fn at(self, prefix: &str) -> Self {
        Self(self.0.at(prefix))
    }
}

impl<B: Body> Service<Request<B>> for ProxyService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ProxyFuture<B>;

    fn call(&self, request: Request<B>) -> Self::Future {
        self.0.answer(request)
    }
}
