//! The body of a request, shown to hooks while the application reads it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::UPGRADE;
use actix_web::web::Bytes;
use futures_core::Stream;
use logfire_rs_core::{Frame, RequestBodyObserver};

/// Shows the payload of `request` to `observer`.
///
/// actix-web gives an upgraded connection as a payload, too; that is no body, and is left alone.
pub(crate) fn observe(request: &mut ServiceRequest, observer: RequestBodyObserver) {
    // A request without a body was received whole, too.
    observer.received(0);
    if request.head().upgrade() && request.headers().contains_key(UPGRADE) {
        return;
    }
    let inner = request.take_payload();
    request.set_payload(observed(inner, observer));
}

/// The payload `inner`, shown to `observer`.
pub(crate) fn observed(inner: Payload, observer: RequestBodyObserver) -> Payload {
    if matches!(inner, Payload::None) {
        return inner;
    }
    // The type of a foreign payload is a box, given by actix-web.
    let observed = Box::new(ObservedPayload { inner, observer });
    Payload::Stream { payload: Box::into_pin(observed) }
}

struct ObservedPayload {
    inner: Payload,
    observer: RequestBodyObserver,
}

impl Stream for ObservedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(Pin::new(&mut self.inner).poll_next(cx));
        match &chunk {
            Some(Ok(bytes)) => {
                self.observer.received(bytes.len() as u64);
                self.observer.frame(&Frame::Data(bytes));
            }
            Some(Err(_)) => {}
            None => self.observer.frame(&Frame::End),
        }
        Poll::Ready(chunk)
    }
}
