//! The clients that are compared.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::rt::TokioExecutor;
use logfire_rs_core::{HttpClientOptions, PerRequest};
use logfire_rs_tower::{HttpClientLayer, InstrumentedBody};
use tower::ServiceBuilder;
use tower_layer::Layer as _;
use tower_service::Service as _;

/// A request, and its own settings.
#[derive(Clone, Copy, Default)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    pub(crate) settings: Settings,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) template: Option<&'static str>,
    pub(crate) name: Option<&'static str>,
    pub(crate) attribute: Option<(&'static str, &'static str)>,
    pub(crate) no_propagation: bool,
    pub(crate) untraced: bool,
}

impl Settings {
    fn per_request(self) -> PerRequest {
        let mut settings = PerRequest::default();
        if let Some(template) = self.template {
            settings = settings.url_template(template);
        }
        if let Some(name) = self.name {
            settings = settings.span_name(name);
        }
        if let Some((key, value)) = self.attribute {
            settings = settings.attribute(key, value);
        }
        if self.no_propagation {
            settings = settings.no_propagation();
        }
        if self.untraced { settings.untraced() } else { settings }
    }
}

/// What the application reads of an answer; `None` if it fails.
pub(crate) type Reading = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// The environment key.
    pub(crate) key: &'static str,
    /// Whether it sees the body that it sends.
    pub(crate) sees_body: bool,
    pub(crate) send: fn(HttpClientOptions, &str, Call) -> Reading,
}

pub(crate) const CLIENTS: [Client; 4] = [
    Client { name: "reqwest", key: "REQWEST", sees_body: true, send: with_reqwest },
    Client { name: "hyper", key: "HYPER_CLIENT", sees_body: false, send: with_hyper },
    Client { name: "hyper's layer", key: "HYPER_CLIENT", sees_body: true, send: with_layer },
    Client { name: "tower", key: "TOWER_CLIENT", sees_body: true, send: with_tower },
];

fn with_reqwest(options: HttpClientOptions, base: &str, call: Call) -> Reading {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = logfire_rs_reqwest::instrument_with(plain, options);
    let mut request = client.request(call.method.parse().unwrap(), format!("{base}{}", call.path));
    for (name, value) in call.headers {
        request = request.header(*name, *value);
    }
    let settings = call.settings;
    if let Some(template) = settings.template {
        request = request.url_template(template);
    }
    if let Some(name) = settings.name {
        request = request.span_name(name);
    }
    if let Some((key, value)) = settings.attribute {
        request = request.attribute(key, value);
    }
    if settings.no_propagation {
        request = request.no_propagation();
    }
    if settings.untraced {
        request = request.untraced();
    }
    if !call.body.is_empty() {
        request = request.body(call.body);
    }
    let sent = request.send();
    Box::pin(async move { sent.await.ok()?.bytes().await.ok() })
}

fn request(base: &str, call: Call) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::builder().method(call.method);
    for (name, value) in call.headers {
        request = request.header(*name, *value);
    }
    let request = request.uri(format!("{base}{}", call.path));
    let request = request.extension(call.settings.per_request());
    request.body(Full::from(call.body)).unwrap()
}

fn with_hyper(options: HttpClientOptions, base: &str, call: Call) -> Reading {
    let plain = legacy::Client::builder(TokioExecutor::new()).build_http();
    let client = logfire_rs_hyper::instrument_client_with(plain, options);
    let sent = client.request(request(base, call));
    Box::pin(async move { Some(sent.await.ok()?.collect().await.ok()?.to_bytes()) })
}

/// The client of hyper-util, with a body that is watched.
fn watched() -> legacy::Client<HttpConnector, InstrumentedBody<Full<Bytes>>> {
    legacy::Client::builder(TokioExecutor::new()).build_http()
}

fn with_layer(options: HttpClientOptions, base: &str, call: Call) -> Reading {
    let layer = logfire_rs_hyper::client_layer(options).observe_request_body();
    let sent = layer.layer(watched()).call(request(base, call));
    Box::pin(async move { Some(sent.await.ok()?.collect().await.ok()?.to_bytes()) })
}

fn with_tower(options: HttpClientOptions, base: &str, call: Call) -> Reading {
    let layer = HttpClientLayer::new(options)
        .peer(|extensions| extensions.get::<HttpInfo>().map(HttpInfo::remote_addr))
        .observe_request_body();
    let boxed = |error: legacy::Error| -> tower::BoxError { error.into() };
    let mut client = ServiceBuilder::new().layer(layer).map_err(boxed).service(watched());
    let sent = client.call(request(base, call));
    Box::pin(async move { Some(sent.await.ok()?.collect().await.ok()?.to_bytes()) })
}
