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
use hyper_util::service::TowerToHyperService;
use logfire_rs_conformance::{bind, run_actix_web, serve_hyper};
use logfire_rs_core::HttpServerOptions;
use logfire_rs_proxy::LogfireProxy;
use warp::Filter as _;

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
        name: "actix-web",
        serve: |proxy, options| Box::pin(actix_web(proxy, options)),
        parameter: Some("{path:.*}"),
    },
    Mount { name: "warp", serve: |proxy, options| Box::pin(warp(proxy, options)), parameter: None },
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

async fn actix_web(proxy: LogfireProxy, options: HttpServerOptions) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let app = move || {
        let proxy = || logfire_rs_actix_web::logfire_proxy(proxy.clone());
        let app = actix_web::App::new()
            .route("/hello", actix_web::web::get().to(|| async { "hello" }))
            .route("/logfire-proxy/{path:.*}", proxy())
            .route("/without-path", proxy());
        logfire_rs_actix_web::instrument_with(app, options.clone())
    };
    let server = actix_web::HttpServer::new(app).workers(1).disable_signals();
    let server = server.listen_auto_h2c(listener).unwrap().run();
    run_actix_web(server);
    address
}

async fn warp(proxy: LogfireProxy, options: HttpServerOptions) -> SocketAddr {
    let (listener, address) = bind().await;
    let hello = warp::path("hello").map(|| "hello");
    let proxy = warp::path("logfire-proxy").and(logfire_rs_warp::logfire_proxy(proxy));
    let service = logfire_rs_warp::instrument_with(hello.or(proxy), options);
    tokio::spawn(service.serve(listener).run());
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
    serve_hyper(listener, move |_| service.clone());
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
    serve_hyper(listener, move |_| TowerToHyperService::new(service.clone()));
    address
}

type Guarded = (&'static str, fn(LogfireProxy) -> Serving, &'static str);

/// Mounts that only a request with a cookie `session` comes to, by the means of the framework, and what others get.
pub(crate) const GUARDED: &[Guarded] = &[
    ("axum", |proxy| Box::pin(guarded_axum(proxy)), "401"),
    ("actix-web", |proxy| Box::pin(guarded_actix_web(proxy)), "404"),
    ("warp", |proxy| Box::pin(guarded_warp(proxy)), "400"),
];

/// An extractor that rejects.
struct Session;

impl<S: Sync> axum::extract::FromRequestParts<S> for Session {
    type Rejection = http::StatusCode;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        match parts.headers.contains_key("cookie") {
            true => Ok(Self),
            false => Err(http::StatusCode::UNAUTHORIZED),
        }
    }
}

async fn guarded_axum(proxy: LogfireProxy) -> SocketAddr {
    let (listener, address) = bind().await;
    let guard = axum::middleware::from_extractor::<Session>();
    let app = axum::Router::new()
        .route("/logfire-proxy/{*path}", logfire_rs_axum::logfire_proxy(proxy).layer(guard));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn guarded_actix_web(proxy: LogfireProxy) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let app = move || {
        let telemetry = actix_web::web::resource("/logfire-proxy/{path:.*}")
            .guard(actix_web::guard::fn_guard(|it| it.head().headers().contains_key("cookie")))
            .route(logfire_rs_actix_web::logfire_proxy(proxy.clone()));
        actix_web::App::new().service(telemetry)
    };
    let server = actix_web::HttpServer::new(app).workers(1).disable_signals();
    let server = server.listen(listener).unwrap().run();
    run_actix_web(server);
    address
}

async fn guarded_warp(proxy: LogfireProxy) -> SocketAddr {
    let (listener, address) = bind().await;
    let session = warp::cookie("session").map(|_: String| ()).untuple_one();
    let mount = logfire_rs_warp::logfire_proxy(proxy);
    let filter = warp::path("logfire-proxy").and(session).and(mount);
    tokio::spawn(logfire_rs_warp::instrument(filter).serve(listener).run());
    address
}
