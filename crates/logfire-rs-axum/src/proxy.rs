//! Mounts the telemetry proxy.

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use logfire_rs_proxy::LogfireProxy;
use logfire_rs_tower::ProxyFuture;

/// Mounts `proxy` for `/logfire-proxy/{*path}`, where browsers post to `…/v1/traces`, `…/v1/logs` and `…/v1/metrics`.
///
/// It answers by itself what is not as it should be, and reads bodies up to the limit of the proxy, 50 MiB by default,
/// instead of axum's 2 MB. At a path that ends so it is not recorded by the instrumentation; at any other, name the
/// route in `HttpServerOptions::exclude_routes`. Who may post is said by layers and extractors around it.
///
/// ```
/// use axum::Router;
/// use logfire_rs_proxy::LogfireProxy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None).base_url("http://127.0.0.1:1");
/// let proxy = builder().tokens(["pylf_v1_us_0123456789"]).finish()?;
/// let app: Router =
///     Router::new().route("/logfire-proxy/{*path}", logfire_rs_axum::logfire_proxy(proxy));
/// # Ok(())
/// # }
/// ```
pub fn logfire_proxy<S>(proxy: LogfireProxy) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    any(move |parameters: Parameters, request: Request| {
        let answer = ProxyFuture::new(&proxy, request, path(&parameters));
        async move {
            let Ok(response) = answer.await;
            response.map(Body::new) as Response
        }
    })
}

type Parameters = Result<RawPathParams, RawPathParamsRejection>;

/// The parameter `path`, or how to write it.
fn path(parameters: &Parameters) -> Result<String, &'static str> {
    let path = match parameters {
        Ok(parameters) => parameters.iter().find(|(name, _)| *name == "path").map(|it| it.1),
        // A path with bytes that are not UTF-8 is there, and no good.
        Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) => Some("/"),
        Err(_) => None,
    };
    path.map(str::to_owned).ok_or("{*path}")
}
