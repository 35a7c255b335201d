//! The settings of a server as they are used, and the attributes that they lead to.

use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue};

use super::origin::Origin;
use super::telemetry_proxy;
use crate::attributes::{self as keys, attribute};
use crate::header_capture::HeaderCapture;
use crate::message::{Peer, ServerRequest};
use crate::method::{KnownMethods, Method};
use crate::names::Template;
use crate::options::{DistributedTracing, HttpServerOptions, SpanDetails};
use crate::patterns::{ExcludedUrls, template_matches};
use crate::redaction::FilterUrl;
use crate::{address, diagnostics, user_agent};

/// What the caller set, what the environment says, and the defaults.
pub(super) struct ServerConfig {
    pub(super) options: HttpServerOptions,
    pub(super) known_methods: KnownMethods,
    pub(super) exclude_children: bool,
    pub(super) distributed_tracing: DistributedTracing,
    pub(super) body_sizes: bool,
    pub(super) response_headers: HeaderCapture,
    request_headers: HeaderCapture,
    excluded_urls: ExcludedUrls,
}

impl ServerConfig {
    pub(super) fn new(key: &str, options: HttpServerOptions) -> Self {
        let shared = &options.shared;
        let (request_headers, response_headers) = shared.header_captures("SERVER");
        Self {
            known_methods: shared.methods(),
            exclude_children: options.exclude_children.unwrap_or(true),
            distributed_tracing: distributed_tracing(&options),
            body_sizes: shared.body_sizes.unwrap_or(false),
            response_headers,
            request_headers,
            excluded_urls: shared.exclusion(key),
            options,
        }
    }

    /// Whether there is anything that excludes requests.
    pub(super) fn may_exclude(&self) -> bool {
        telemetry_proxy::exists()
            || !self.excluded_urls.is_empty()
            || !self.options.exclude_routes.is_empty()
            || self.options.exclude.is_some()
    }

    /// Whether nothing is to be recorded of `request`.
    #[inline]
    pub(super) fn excludes(&self, request: &ServerRequest<'_>, origin: &Origin<'_>) -> bool {
        if telemetry_proxy::takes(request.method, request.path) {
            return true;
        }
        let url = || Some(format!("{}://{}{}", origin.scheme, origin.authority()?, request.path));
        if self.excluded_urls.matches(request.path, url) {
            return true;
        }
        let routes = &self.options.exclude_routes;
        let excluded = |template: &String| match request.route {
            Some(route) => template == route,
            None => template_matches(template, request.path),
        };
        if routes.iter().any(excluded) {
            return true;
        }
        self.options.exclude.as_ref().is_some_and(|exclude| {
            diagnostics::guarded("exclude", || exclude(request)).unwrap_or(false)
        })
    }

    pub(super) fn details(&self, request: &ServerRequest<'_>) -> Option<SpanDetails> {
        let details = self.options.span_details.as_ref()?;
        diagnostics::guarded("span_details", || details(request))
    }

    /// The attributes that a sampler may read, and the others that are known at the start.
    ///
    /// `recorded_path` gets the path as it is recorded, shared with the attribute.
    pub(super) fn attributes(
        &self,
        request: &ServerRequest<'_>,
        origin: &Origin<'_>,
        method: Method,
        route: Option<&Template>,
        recorded_path: &mut Option<Arc<str>>,
    ) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(16);
        attributes.push(attribute(keys::HTTP_REQUEST_METHOD, method.as_str()));
        if method.is_other() && !request.method.is_empty() {
            let original = request.method.to_owned();
            attributes.push(attribute(keys::HTTP_REQUEST_METHOD_ORIGINAL, original));
        }
        attributes.push(attribute(keys::URL_SCHEME, origin.scheme));
        let path = self.push_url(request, origin, &mut attributes);
        *recorded_path = Some(path);
        if let Some(route) = route {
            attributes.push(KeyValue::new(keys::HTTP_ROUTE, route.value()));
        }
        if let Some(version) = request.version {
            attributes.push(attribute(keys::NETWORK_PROTOCOL_VERSION, version.as_str()));
        }
        push_addresses(request, origin, &mut attributes);
        let agent = origin.headers.user_agent();
        if let Some(agent) = agent.filter(|it| !it.bytes.is_empty() && !it.sensitive) {
            user_agent::push(agent.bytes, &mut attributes);
        }
        self.request_headers.record(request.headers, &mut attributes);
        attributes
    }

    /// Adds path and query, filtered and redacted, and gives the path.
    fn push_url(
        &self,
        request: &ServerRequest<'_>,
        origin: &Origin<'_>,
        attributes: &mut Vec<KeyValue>,
    ) -> Arc<str> {
        let filtered = self.filtered_url(request, origin);
        let (path, query) = match &filtered {
            Some(url) => {
                let url = FilterUrl::parse(url);
                (url.path(), url.query())
            }
            None => (request.path, request.query),
        };
        let path: Arc<str> = path.into();
        if !path.is_empty() {
            attributes.push(attribute(keys::URL_PATH, StringValue::from(Arc::clone(&path))));
        }
        if let Some(query) = query.and_then(|it| self.options.shared.redaction.query(it)) {
            attributes.push(attribute(keys::URL_QUERY, query.into_owned()));
        }
        path
    }

    /// The path as it would be recorded.
    pub(super) fn path(&self, request: &ServerRequest<'_>, origin: &Origin<'_>) -> Arc<str> {
        match self.filtered_url(request, origin) {
            Some(url) => FilterUrl::parse(&url).path().into(),
            None => request.path.into(),
        }
    }

    fn filtered_url(&self, request: &ServerRequest<'_>, origin: &Origin<'_>) -> Option<String> {
        let filter = self.options.shared.url_filter.as_ref()?;
        let mut url = match origin.authority() {
            Some(authority) => format!("{}://{authority}{}", origin.scheme, request.path),
            None => request.path.to_owned(),
        };
        if let Some(query) = request.query {
            url.push('?');
            url.push_str(query);
        }
        // Without the filter's word on it, the URL is not recorded at all.
        let filtered = diagnostics::guarded("url_filter", || filter(&FilterUrl::parse(&url)));
        Some(filtered.unwrap_or_default())
    }
}

fn push_addresses(
    request: &ServerRequest<'_>,
    origin: &Origin<'_>,
    attributes: &mut Vec<KeyValue>,
) {
    if let Some((host, port)) = origin.server() {
        let host = StringValue::from(host);
        attributes.push(attribute(keys::SERVER_ADDRESS, host));
        if let Some(port) = port.or_else(|| address::default_port(origin.scheme)) {
            attributes.push(attribute(keys::SERVER_PORT, i64::from(port)));
        }
    }
    let (peer, port) = match request.peer {
        Some(Peer::Inet(peer)) => (Some(address::ip_text(peer.ip())), Some(peer.port())),
        Some(Peer::Unix(path)) if !path.is_empty() => (Some(path.into()), None),
        Some(Peer::Unix(_)) | None => (None, None),
    };
    if let Some(client) = origin.client.map(address::ip_text).or_else(|| peer.clone()) {
        attributes.push(attribute(keys::CLIENT_ADDRESS, StringValue::from(client)));
    }
    if let Some(peer) = peer {
        attributes.push(attribute(keys::NETWORK_PEER_ADDRESS, StringValue::from(peer)));
    }
    if let Some(port) = port {
        attributes.push(attribute(keys::NETWORK_PEER_PORT, i64::from(port)));
    }
}

fn distributed_tracing(options: &HttpServerOptions) -> DistributedTracing {
    const NAME: &str = "LOGFIRE_DISTRIBUTED_TRACING";
    options.distributed_tracing.unwrap_or_else(|| {
        let Some(value) = options.shared.environment.get(NAME) else {
            return DistributedTracing::default();
        };
        DistributedTracing::parse(&value).unwrap_or_else(|| {
            diagnostics::invalid_setting(NAME, &value, "`accept`, `link` or `ignore`");
            DistributedTracing::default()
        })
    })
}
