//! The adapters, each serving the same site.

mod actix_web;
mod axum;
mod by_hand;
mod hyper;
mod tower;
mod warp;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::Site;

/// One way to serve the site.
#[derive(Clone, Copy, Debug)]
pub struct FrontEnd {
    /// The name of the adapter.
    pub name: &'static str,
    /// Serves the site on a free port of the loopback interface, until the process ends.
    pub serve: fn(Site) -> Pin<Box<dyn Future<Output = SocketAddr> + Send>>,
}

/// Every server adapter.
pub const FRONT_ENDS: &[FrontEnd] = &[
    FrontEnd { name: "axum", serve: |site| Box::pin(axum::serve(site)) },
    FrontEnd { name: "actix-web", serve: |site| Box::pin(actix_web::serve(site)) },
    FrontEnd { name: "hyper", serve: |site| Box::pin(hyper::serve(site)) },
    FrontEnd { name: "tower", serve: |site| Box::pin(tower::serve(site)) },
    FrontEnd { name: "warp", serve: |site| Box::pin(warp::serve(site)) },
];
