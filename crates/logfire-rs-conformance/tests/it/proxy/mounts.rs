//! Every adapter that mounts the telemetry proxy, in an instrumented server with one more path, `/hello`.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use logfire_rs_core::HttpServerOptions;
use logfire_rs_proxy::LogfireProxy;
use tokio::net::TcpListener;

type Serving = Pin<Box<dyn Future<Output = SocketAddr> + Send>>;

/// One way to mount the proxy at `/logfire-proxy`.
pub(crate) struct Mount {
    pub(crate) name: &'static str,
    pub(crate) serve: fn(LogfireProxy, HttpServerOptions) -> Serving,
    /// How a route is written that has the parameter which the mount needs, if it needs one. The server has a route
    /// `/without-path` that has none.
    pub(crate) parameter: Option<&'static str>,
}

pub(crate) const MOUNTS: &[Mount] = &[
    Mount {
        name: "axum",
        serve: |proxy, options| Box::pin(axum(proxy, options)),
        parameter: Some("{*path}"),
    },
    Mount {
        name: "hyper",
        serve: |proxy, options| Box::pin(hyper(proxy, options)),
        parameter: None,
    },
    Mount {
        name: "tower",
        serve: |proxy, options| Box::pin(tower(proxy, options)),
        parameter: None,
    },
];

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn axum(proxy: LogfireProxy, options: HttpServerOptions) -> SocketAddr {
    let (listener, address) = bind().await;
    let app = axum::Router::new()
        .route("/hello", axum::routing::get(|| async { "hello" }))
        .route("/logfire-proxy/{*path}", logfire_rs_axum::logfire_proxy(proxy.clone()))
        .route("/without-path", logfire_rs_axum::logfire_proxy(proxy));
    let app = logfire_rs_axum::instrument_with(app, options);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn hyper(proxy: LogfireProxy, options: HttpServerOptions) -> SocketAddr {
    let (listener, address) = bind().await;
    let proxy = logfire_rs_hyper::logfire_proxy(proxy);
    let service = service_fn(move |request: Request<Incoming>| {
        let proxy = proxy.clone();
        async move {
            if request.uri().path().starts_with("/logfire-proxy/") {
                return proxy.call(request).await;
            }
            Ok(Response::new(Full::new(Bytes::from("hello"))))
        }
    });
    let service = logfire_rs_hyper::instrument_with(service, options);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            });
        }
    });
    address
}

async fn tower(proxy: LogfireProxy, options: HttpServerOptions) -> SocketAddr {
    let (listener, address) = bind().await;
    let proxy = logfire_rs_tower::logfire_proxy(proxy);
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let proxy = proxy.clone();
        async move {
            if request.uri().path().starts_with("/logfire-proxy/") {
                return tower::ServiceExt::oneshot(proxy, request).await;
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
        }
    });
    let service = logfire_rs_tower::instrument_with(service, options);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            });
        }
    });
    address
}
