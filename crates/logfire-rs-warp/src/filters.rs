//! Filters that give a handler what the instrumentation knows.

use std::convert::Infallible;
use std::net::SocketAddr;

use logfire_rs_core::{RequestSpan, current_request};
use warp::Filter;

/// The other end of the connection, in the extensions of each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address of the peer, in the place of [`warp::addr::remote`].
///
/// Only warp's own server can fill that one. `None` if the request did not come through the server of
/// an [`InstrumentedFilter`](crate::InstrumentedFilter).
///
/// ```
/// use std::net::SocketAddr;
///
/// use warp::Filter;
///
/// let who = warp::path("who")
///     .and(logfire_rs_warp::remote())
///     .map(|peer: Option<SocketAddr>| format!("{peer:?}"));
/// let service = logfire_rs_warp::instrument(who);
/// ```
pub fn remote() -> impl Filter<Extract = (Option<SocketAddr>,), Error = Infallible> + Copy {
    warp::ext::optional::<Peer>().map(|peer: Option<Peer>| peer.map(|it| it.0))
}

/// The span of the request, as an argument of a handler. Where nothing is recorded, it does nothing.
///
/// ```
/// use logfire_rs_warp::{RequestSpan, request_span};
/// use warp::Filter;
///
/// let checkout = warp::path("checkout").and(request_span()).map(|span: RequestSpan| {
///     span.set_name("checkout");
///     "done"
/// });
/// let service = logfire_rs_warp::instrument(checkout);
/// ```
pub fn request_span() -> impl Filter<Extract = (RequestSpan,), Error = Infallible> + Copy {
    warp::any().map(|| current_request().unwrap_or_else(RequestSpan::none))
}
