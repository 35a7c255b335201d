//! The site on a bare tower service, served by hyper: what a framework without a crate of its own
//! does.

use std::net::SocketAddr;

use http::Request;
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use logfire_rs_tower::HttpServerLayer;

use super::by_hand::handle;
use crate::{Site, bind, serve_hyper};

/// The other end of the connection, in the extensions of each request.
#[derive(Clone, Copy)]
struct RemoteAddress(SocketAddr);

pub(super) async fn serve(site: Site) -> SocketAddr {
    let (listener, address) = bind().await;
    let layer = HttpServerLayer::new(site.options.clone())
        .peer(|extensions| extensions.get::<RemoteAddress>().map(|it| it.0))
        .observe_request_body();
    serve_hyper(listener, move |peer| {
        let site = site.clone();
        let service = tower::ServiceBuilder::new()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(RemoteAddress(peer));
                request
            })
            .layer(layer.clone())
            .service_fn(move |request| handle(site.clone(), request));
        TowerToHyperService::new(service)
    });
    address
}
