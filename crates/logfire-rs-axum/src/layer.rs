//! The layer: where axum keeps the route, the peer and the original URI.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use axum::http::Extensions;
use logfire_rs_core::{HttpServerOptions, RequestSpan};
use tower_layer::Layer;

use crate::service::HttpServerService;

/// The layer that [`instrument`](crate::instrument) adds; its environment key is `AXUM`.
///
/// ```
/// use axum::{Router, routing::get};
/// use logfire_rs_axum::HttpServerOptions;
///
/// let layer = logfire_rs_axum::layer(HttpServerOptions::default());
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
/// ```
#[must_use]
pub fn layer(options: HttpServerOptions) -> HttpServerLayer {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let tower = logfire_rs_tower::HttpServerLayer::for_adapter(name, version, "AXUM", options)
        .route(|extensions| extensions.get().map(MatchedPath::as_str))
        .peer(|extensions| extensions.get().map(|&ConnectInfo::<SocketAddr>(peer)| peer))
        .original_uri(|extensions| extensions.get::<OriginalUri>().map(|it| &it.0));
    HttpServerLayer { tower, is_lazy: false }
}

/// The layer for a [`Router`](axum::Router), a `MethodRouter` or a handler; made by [`layer()`].
///
/// A request that an outer layer has recorded already is left to it.
///
/// ```
/// use axum::{Router, routing::get};
/// use logfire_rs_axum::{HttpServerOptions, layer};
///
/// // One route of many:
/// let report = get(|| async { "report" }).layer(layer(HttpServerOptions::default()));
/// let app: Router = Router::new().route("/report", report);
/// ```
#[derive(Clone, Debug)]
pub struct HttpServerLayer {
    pub(crate) tower: logfire_rs_tower::HttpServerLayer,
    /// Whether a service does nothing until its future is polled: the call is not within the request.
    pub(crate) is_lazy: bool,
}

impl HttpServerLayer {
    /// Called with the span and the extensions of each request before it is handled. None by
    /// default.
    ///
    /// ```
    /// use axum::extract::MatchedPath;
    /// use logfire_rs_axum::HttpServerOptions;
    /// use logfire_rs_axum::core::opentelemetry::KeyValue;
    ///
    /// let layer = logfire_rs_axum::layer(HttpServerOptions::default()).on_request(
    ///     |span, extensions| {
    ///         let matched = extensions.get::<MatchedPath>().is_some();
    ///         span.set_attribute(KeyValue::new("matched", matched));
    ///     },
    /// );
    /// ```
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestSpan, &Extensions) + Send + Sync + 'static,
    ) -> Self {
        Self { tower: self.tower.on_request(hook), ..self }
    }

    /// For axum's own services alone: a route is lazy.
    pub(crate) fn around_routes(self) -> Self {
        Self { is_lazy: true, ..self }
    }
}

impl<S> Layer<S> for HttpServerLayer {
    type Service = HttpServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpServerService::new(inner, self.clone())
    }
}
