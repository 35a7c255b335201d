//! Tasks that belong to a request: those of WebSockets.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::rt::task::JoinHandle;
use logfire_rs_core::{KeepOpen, current_request};
use pin_project_lite::pin_project;

/// Spawns `future` as a part of the current request: for the task of a WebSocket.
///
/// Its spans and logs are children of the request's span, [`current_request`] is the request, and
/// the span ends when the connection and the task are done. A panic is recorded. Outside of a
/// request it is `actix_web::rt::spawn`. A task that should outlive its request without keeping the
/// span open is none for this.
///
/// # Panics
///
/// If there is no runtime of actix-web or Tokio, as `actix_web::rt::spawn` does.
///
/// ```
/// use actix_web::{Error, HttpRequest, HttpResponse, web};
/// use futures_util::StreamExt as _;
///
/// async fn echo(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
///     let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
///     logfire_rs_actix_web::spawn(async move {
///         while let Some(Ok(actix_ws::Message::Text(text))) = messages.next().await {
///             if session.text(text).await.is_err() {
///                 return;
///             }
///         }
///         let _ = session.close(None).await;
///     });
///     Ok(response)
/// }
/// # let app = actix_web::App::new().route("/ws", web::get().to(echo));
/// ```
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    actix_web::rt::spawn(in_request(future))
}

/// Runs `future` as a part of the current request, wherever it is polled; see [`spawn`].
///
/// ```
/// async fn handler() -> &'static str {
///     let work = async { logfire_rs_actix_web::current_request() };
///     actix_web::rt::spawn(logfire_rs_actix_web::in_request(work));
///     "started"
/// }
/// # let app = actix_web::App::new().route("/", actix_web::web::get().to(handler));
/// ```
pub fn in_request<F: Future>(future: F) -> InRequest<F> {
    let request = KeepOpen::or_passing(current_request().as_ref());
    InRequest { inner: future, request }
}

pin_project! {
    /// The future of [`in_request`].
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is polled"]
    pub struct InRequest<F> {
        #[pin]
        inner: F,
        request: KeepOpen,
    }
}

impl<F: Future> Future for InRequest<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.request.run(|| this.inner.poll(cx))
    }
}
