//! The settings of a client as they are used, and the attributes that they lead to.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue};

use super::exporters::{self, Endpoint};
use super::way;
use crate::attributes::{self as keys, attribute};
use crate::header_capture::HeaderCapture;
use crate::headers::only_value;
use crate::message::ClientRequest;
use crate::method::{KnownMethods, Method};
use crate::names::Template;
use crate::options::{HttpClientOptions, SpanEnd};
use crate::patterns::ExcludedUrls;
use crate::recent::Recent;
use crate::redaction::FilterUrl;
use crate::{address, diagnostics};

/// What the caller set, what the environment says, and the defaults.
pub(super) struct ClientConfig {
    pub(super) options: HttpClientOptions,
    pub(super) known_methods: KnownMethods,
    pub(super) response_headers: HeaderCapture,
    pub(super) capture_request_body: bool,
    pub(super) capture_response_body: bool,
    pub(super) max_body: usize,
    pub(super) span_end: SpanEnd,
    request_headers: HeaderCapture,
    excluded_urls: ExcludedUrls,
    exporters: Vec<Endpoint>,
}

/// More of a body than anyone reads in an attribute, and less than hurts.
const MAX_BODY: usize = 64 * 1024;

/// The server that a request goes to.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: Option<StringValue>,
    pub(super) port: Option<u16>,
}

impl ClientConfig {
    pub(super) fn new(key: &str, mut options: HttpClientOptions) -> Self {
        let environment = &options.shared.environment;
        let exporters = exporters::endpoints(environment);
        let all = options.capture_all.unwrap_or_else(|| {
            environment.flag(&format!("LOGFIRE_{key}_CAPTURE_ALL")).unwrap_or(false)
        });
        if all {
            let every = || vec![".*".to_owned()];
            options.shared.request_headers.get_or_insert_with(every);
            options.shared.response_headers.get_or_insert_with(every);
        }
        let shared = &options.shared;
        let (request_headers, response_headers) = shared.header_captures("CLIENT");
        Self {
            known_methods: shared.methods(),
            response_headers,
            capture_request_body: options.capture_request_body.unwrap_or(all),
            capture_response_body: options.capture_response_body.unwrap_or(all),
            max_body: options.max_captured_body.unwrap_or(MAX_BODY),
            span_end: options.span_end.unwrap_or(SpanEnd::Head),
            request_headers,
            exporters,
            excluded_urls: shared.exclusion(key),
            options,
        }
    }

    /// Whether nothing is to be recorded of `request`.
    #[inline]
    pub(super) fn excludes(&self, request: &ClientRequest<'_>, url: &FilterUrl<'_>) -> bool {
        let whole = || Some(format!("{}://{}{}", url.scheme(), url.authority(), url.path()));
        self.excluded_urls.matches(url.path(), whole)
            || self.exporters.iter().any(|it| it.is(url))
            || self.options.exclude.as_ref().is_some_and(|exclude| {
                diagnostics::guarded("exclude", || exclude(request)).unwrap_or(false)
            })
    }

    /// The attributes that are known at the start.
    pub(super) fn attributes(
        &self,
        request: &ClientRequest<'_>,
        (url, target): (&FilterUrl<'_>, u64),
        method: Method,
        server: &Server,
        template: Option<&Template>,
    ) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(12);
        attributes.push(attribute(keys::HTTP_REQUEST_METHOD, method.as_str()));
        if method.is_other() && !request.method.is_empty() {
            let original = request.method.to_owned();
            attributes.push(attribute(keys::HTTP_REQUEST_METHOD_ORIGINAL, original));
        }
        if let Some(address) = &server.address {
            attributes.push(attribute(keys::SERVER_ADDRESS, address.clone()));
        }
        if let Some(port) = server.port {
            attributes.push(attribute(keys::SERVER_PORT, i64::from(port)));
        }
        attributes.push(attribute(keys::URL_FULL, self.full_url(url, target)));
        if let Some(template) = template {
            attributes.push(KeyValue::new(keys::URL_TEMPLATE, template.value()));
        }
        if request.resend_count > 0 {
            let count = i64::from(request.resend_count);
            attributes.push(attribute(keys::HTTP_REQUEST_RESEND_COUNT, count));
        }
        self.request_headers.record(request.headers, &mut attributes);
        attributes
    }

    /// The URL, filtered and redacted; `target` is what [`way::target`] says of it.
    #[inline]
    pub(super) fn full_url(&self, url: &FilterUrl<'_>, target: u64) -> StringValue {
        let shared = &self.options.shared;
        let Some(filter) = &shared.url_filter else {
            return match shared.redaction.parsed(url) {
                Cow::Borrowed(url) => recent_url(url, target),
                Cow::Owned(masked) => masked.into(),
            };
        };
        // Without the filter's word on it, no more than the server is recorded.
        let filtered = diagnostics::guarded("url_filter", || filter(url))
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| format!("{}://{}/", url.scheme(), url.authority()));
        shared.redaction.url(&filtered).into_owned().into()
    }
}

/// `url` as a value; that of a URL without secrets that a thread often sends to is shared.
fn recent_url(url: &str, target: u64) -> StringValue {
    const SLOTS: usize = 64;
    const LONGEST: usize = 256;
    thread_local! {
        /// Two of each slot: with one, URLs that meet there would drive each other out.
        static RECENT: Recent<Arc<str>, SLOTS, 2> = const { Recent::new() };
    }
    if url.len() > LONGEST {
        return url.to_owned().into();
    }
    let share = |known: &Arc<str>| Arc::clone(known).into();
    Recent::share(&RECENT, way::slot(target, SLOTS), |it| **it == *url, || url.into(), share)
}

/// The server of `request`: what `Host` says if the caller wrote one, else the URL.
#[inline]
pub(super) fn server(request: &ClientRequest<'_>, url: &FilterUrl<'_>) -> Server {
    let host = only_value(request.headers, "host").filter(|it| !it.sensitive);
    match host.and_then(|it| address::server(it.bytes)) {
        Some(host) => named(host, url),
        None => server_of(url),
    }
}

/// The server of `url`.
#[inline]
pub(super) fn server_of(url: &FilterUrl<'_>) -> Server {
    match address::server(url.authority().as_bytes()) {
        Some(host) => named(host, url),
        None => Server { address: None, port: address::default_port(url.scheme()) },
    }
}

fn named((host, port): address::Server, url: &FilterUrl<'_>) -> Server {
    let port = port.or_else(|| address::default_port(url.scheme()));
    Server { address: Some(host.into()), port }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::Lines;

    #[test]
    fn the_server_is_that_of_host_unless_it_is_marked_as_secret() {
        let address = |name: &str| {
            let request = ClientRequest {
                method: "GET",
                url: "https://a.b/",
                template: None,
                resend_count: 0,
                headers: &Lines(&[(name, b"c.d")]),
            };
            let server = server(&request, &FilterUrl::parse(request.url));
            server.address.map(|it| it.to_string())
        };
        assert_eq!(address("host").as_deref(), Some("c.d"));
        assert_eq!(address("!host").as_deref(), Some("a.b"));
    }
}
