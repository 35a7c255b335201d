//! Mounts the telemetry proxy.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::Full;
use logfire_rs_proxy::{ForwardResponse, LogfireProxy, Upload};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::HttpHeaders;

/// Mounts `proxy` as a service that takes what browsers post to `/logfire-proxy/v1/traces`, `…/v1/logs` and
/// `…/v1/metrics`; give it the requests whose path begins with `/logfire-proxy/`.
///
/// It answers by itself what is not as it should be. Those three paths are not recorded by the instrumentation; for
/// [another path](ProxyService::at) use `exclude_routes` or `excluded_urls`. Who may post is the business of the layers
/// around it.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use http_body_util::Full;
/// use logfire_rs_proxy::LogfireProxy;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None).base_url("http://127.0.0.1:1");
/// let proxy = builder().tokens(["pylf_v1_us_0123456789"]).finish()?;
/// let service = logfire_rs_tower::logfire_proxy(proxy);
///
/// let request = Request::post("/logfire-proxy/v1/traces").header("content-type", "application/json");
/// let response = service.oneshot(request.body(Full::<Bytes>::from("{}"))?).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn logfire_proxy(proxy: LogfireProxy) -> ProxyService {
    ProxyService { proxy, prefix: Cow::Borrowed("/logfire-proxy/") }
}

/// The service of [`logfire_proxy`].
#[derive(Clone, Debug)]
pub struct ProxyService {
    proxy: LogfireProxy,
    prefix: Cow<'static, str>,
}

impl ProxyService {
    /// Where the service is mounted. `/logfire-proxy` by default; a path that does not begin so is taken for what
    /// follows the mount, as routers give it that cut their prefix off.
    ///
    /// ```
    /// # let proxy = logfire_rs_proxy::LogfireProxy::default();
    /// let service = logfire_rs_tower::logfire_proxy(proxy).at("/telemetry");
    /// ```
    #[must_use]
    pub fn at(self, prefix: &str) -> Self {
        let prefix = format!("{}/", prefix.trim_end_matches('/'));
        Self { prefix: Cow::Owned(prefix), ..self }
    }

    /// Answers `request`; a service that is called by reference uses this.
    pub fn answer<B: Body>(&self, request: Request<B>) -> ProxyFuture<B> {
        let uri = request.uri().clone();
        let path = uri.path().strip_prefix(self.prefix.as_ref()).unwrap_or(uri.path());
        ProxyFuture::new(&self.proxy, request, Ok(path))
    }
}

impl<B: Body> Service<Request<B>> for ProxyService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ProxyFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.answer(request)
    }
}

pin_project! {
    /// The answer to one post, once its body is there; it reads no more of it than the limit, and nothing of one that is
    /// refused by its head.
    pub struct ProxyFuture<B> {
        #[pin]
        body: B,
        // `None` when it is done.
        upload: Option<Result<Upload, ForwardResponse>>,
    }
}

impl<B: Body> ProxyFuture<B> {
    /// For an adapter: `path` is what follows the mount, percent-encoded as it came, or an error that says how a route is
    /// written that has it.
    pub fn new(proxy: &LogfireProxy, request: Request<B>, path: Result<&str, &str>) -> Self {
        let (mut head, body) = request.into_parts();
        // HTTP/2 names the host in the target; nothing of it is passed on.
        let authority = head.uri.authority().map(|it| HeaderValue::try_from(it.as_str()));
        if let Some(Ok(host)) = authority {
            head.headers.entry(HOST).or_insert(host);
        }
        let upload = proxy.receive(head.method.as_str(), path, &HttpHeaders(&head.headers));
        Self { body, upload: Some(upload) }
    }
}

impl<B: Body> Future for ProxyFuture<B> {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let response = loop {
            let Some(Ok(upload)) = this.upload else { break None };
            match ready!(this.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let pushed = frame.into_data().map_or(Ok(()), |data| push(upload, data));
                    if let Err(response) = pushed {
                        break Some(response);
                    }
                }
                end => {
                    let Some(Ok(upload)) = this.upload.take() else { break None };
                    break Some(if end.is_some() { upload.broken() } else { upload.finish() });
                }
            }
        };
        // Without one the head was answered, or somebody polls again.
        let response = response.or_else(|| this.upload.take()?.err());
        let response: Response<Bytes> = response.map_or_else(Response::default, Into::into);
        Poll::Ready(Ok(response.map(Full::new)))
    }
}

fn push(upload: &mut Upload, mut data: impl Buf) -> Result<(), ForwardResponse> {
    while data.has_remaining() {
        let chunk = data.chunk();
        upload.push(chunk)?;
        let length = chunk.len();
        data.advance(length);
    }
    Ok(())
}

impl<B> fmt::Debug for ProxyFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyFuture").finish_non_exhaustive()
    }
}
