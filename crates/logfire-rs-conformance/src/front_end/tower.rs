//! The site on a bare tower service, served by hyper: what a framework without a crate of its own
//! does.

use std::net::SocketAddr;

use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use logfire_rs_tower::HttpServerLayer;
use tokio::net::TcpListener;

use super::by_hand::handle;
use crate::Site;

/// The other end of the connection, in the extensions of each request.
#[derive(Clone, Copy)]
struct RemoteAddress(SocketAddr);

pub(super) async fn serve(site: Site) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layer = HttpServerLayer::new(site.options.clone())
        .peer(|extensions| extensions.get::<RemoteAddress>().map(|it| it.0))
        .observe_request_body();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let site = site.clone();
            let service = tower::ServiceBuilder::new()
                .map_request(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(RemoteAddress(peer));
                    request
                })
                .layer(layer.clone())
                .service_fn(move |request| handle(site.clone(), request));
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
                    .await
            });
        }
    });
    address
}
