//! Mounts the telemetry proxy.

use futures_util::TryStreamExt;
use http::uri::Authority;
use http::{HeaderMap, Request, Uri};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use logfire_rs_proxy::LogfireProxy;
use logfire_rs_tower::ProxyFuture;
use warp::path::Tail;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply as _};

/// Mounts `proxy`, after the path that it is mounted at: browsers post to `…/v1/traces`, `…/v1/logs` and `…/v1/metrics`.
///
/// It takes the rest of the path, answers by itself what is not as it should be, and reads bodies up to the limit of the
/// proxy, 50 MiB by default. Under `logfire-proxy` it is not recorded by the instrumentation; at any other path, name it
/// in `HttpServerOptions::excluded_urls`. Who may post is said by filters before it.
///
/// ```
/// use logfire_rs_proxy::LogfireProxy;
/// use warp::Filter;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None).base_url("http://127.0.0.1:1");
/// let proxy = builder().tokens(["pylf_v1_us_0123456789"]).finish()?;
/// let telemetry = warp::path("logfire-proxy").and(logfire_rs_warp::logfire_proxy(proxy));
/// let hello = warp::path("hello").map(|| "hello");
/// let service = logfire_rs_warp::instrument(telemetry.or(hello));
/// # Ok(())
/// # }
/// ```
pub fn logfire_proxy(
    proxy: LogfireProxy,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    // Never a rejection: a host that cannot be read is none.
    let host = warp::host::optional().or(warp::any().map(|| None)).unify();
    warp::method()
        .and(host)
        .and(warp::path::tail())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method, host: Option<Authority>, tail: Tail, headers: HeaderMap, body| {
            let mut request =
                Request::new(StreamBody::new(TryStreamExt::map_ok(body, Frame::data)));
            *request.method_mut() = method;
            *request.uri_mut() = host.map(Uri::from).unwrap_or_default();
            *request.headers_mut() = headers;
            let answer = ProxyFuture::new(&proxy, request, Ok(tail.as_str()));
            async move {
                let Ok(response) = answer.await;
                let (head, body) = response.into_parts();
                let Ok(body) = body.collect().await;
                http::Response::from_parts(head, body.to_bytes()).into_response()
            }
        })
}
