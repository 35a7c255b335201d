//! Mounts the telemetry proxy.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;

use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderMap, HeaderValue};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, Route};
use futures_core::Stream as _;
use logfire_rs_proxy::{ForwardResponse, LogfireProxy};

use crate::headers::ActixHeaders;

/// Mounts `proxy` for `/logfire-proxy/{path:.*}`, where browsers post to `…/v1/traces`, `…/v1/logs` and
/// `…/v1/metrics`.
///
/// It answers by itself what is not as it should be, and reads bodies up to the limit of the proxy, 50 MiB by default,
/// instead of actix-web's 256 KiB. At a path that ends so it is not recorded by the instrumentation; at any other, name
/// the route in `HttpServerOptions::exclude_routes`. Who may post is said by guards and middleware around it.
///
/// Make the proxy outside of the closure that builds the app: all workers share its queues.
///
/// ```
/// use actix_web::App;
/// use logfire_rs_proxy::LogfireProxy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None).base_url("http://127.0.0.1:1");
/// let proxy = builder().tokens(["pylf_v1_us_0123456789"]).finish()?;
/// let app = move || {
///     let proxy = logfire_rs_actix_web::logfire_proxy(proxy.clone());
///     logfire_rs_actix_web::instrument(App::new().route("/logfire-proxy/{path:.*}", proxy))
/// };
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn logfire_proxy(proxy: LogfireProxy) -> Route {
    web::route().to(move |request: HttpRequest, body: Payload| {
        let proxy = proxy.clone();
        async move {
            let response = receive(&proxy, &request, body).await;
            let status = StatusCode::from_u16(response.status);
            let mut answer =
                HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
            for header in response.headers {
                answer.append_header(header);
            }
            answer.body(response.body)
        }
    })
}

async fn receive(
    proxy: &LogfireProxy,
    request: &HttpRequest,
    mut body: Payload,
) -> ForwardResponse {
    let headers = with_host(request);
    let headers = ActixHeaders(&headers);
    let path = request.match_info().get("path").ok_or("{path:.*}");
    let mut upload = match proxy.receive(request.method().as_str(), path, &headers) {
        Ok(upload) => upload,
        Err(response) => return response,
    };
    while let Some(chunk) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
        let Ok(chunk) = chunk else { return upload.broken() };
        if let Err(response) = upload.push(&chunk) {
            return response;
        }
    }
    upload.finish()
}

/// The headers of `request`; HTTP/2 names the host in the target.
fn with_host(request: &HttpRequest) -> Cow<'_, HeaderMap> {
    let mut headers = Cow::Borrowed(request.headers());
    let authority = request.uri().authority().filter(|_| !headers.contains_key(HOST));
    if let Some(Ok(host)) = authority.map(|it| HeaderValue::from_str(it.as_str())) {
        headers.to_mut().insert(HOST, host);
    }
    headers
}
