//! The site on a bare hyper service.

use std::net::SocketAddr;

use hyper::service::service_fn;

use super::by_hand::handle;
use crate::{Site, bind, serve_hyper};

pub(super) async fn serve(site: Site) -> SocketAddr {
    let (listener, address) = bind().await;
    let options = site.options.clone();
    let service = service_fn(move |request| handle(site.clone(), request));
    let service = logfire_rs_hyper::instrument_with(service, options).observe_request_body();
    serve_hyper(listener, move |peer| service.clone().peer(peer));
    address
}
