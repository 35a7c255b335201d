//! A hostile request: it is one span, counted once, in a series that others are in too, and without its secrets.

#![no_main]

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logfire_rs_core::{
    DistributedTracing, FilterUrl, HttpServerInstrumenter, HttpServerOptions, HttpVersion, Peer,
    ServerRequest, TrustedProxies,
};
use logfire_rs_fuzz::{
    Lines, SECRET, SECRET_KEYS, Telemetry, assert_no_secret, assert_only_values_replaced,
    attribute, input,
};
use opentelemetry::trace::{SpanKind, Status};

const ROUTES: [Option<&str>; 4] = [None, Some("/users/{id}"), Some("/"), Some("")];
const STATUSES: [u16; 5] = [200, 101, 204, 404, 503];
const METHODS: [&str; 11] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
    "_OTHER",
];
/// All that a series may tell of a request.
const DIMENSIONS: [&str; 6] = [
    "http.request.method",
    "url.scheme",
    "http.route",
    "http.response.status_code",
    "network.protocol.version",
    "error.type",
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    options: u8,
    method: &'a str,
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    before: &'a str,
    key: u8,
    after: &'a str,
    route: u8,
    peer: Option<(IpAddr, u16)>,
    unix: Option<&'a str>,
    status: u8,
    end: u8,
    error: &'a str,
    length: Option<u64>,
    sent: u32,
    headers: Lines,
    response: Lines,
}

static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(Telemetry::default);

static INSTRUMENTERS: LazyLock<[HttpServerInstrumenter; 3]> = LazyLock::new(|| {
    let options = || {
        HttpServerOptions::default()
            .tracer_provider(TELEMETRY.tracers.clone())
            .meter_provider(TELEMETRY.meters.clone())
            .capture_headers(true)
            .env_lookup(|_| None)
    };
    let networks = TrustedProxies::networks(["0.0.0.0/0", "::/0"]).expect("two networks");
    [
        options(),
        options().trusted_proxies(1).distributed_tracing(DistributedTracing::Link),
        options()
            .trusted_proxies(networks)
            .trace_response(true)
            .excluded_urls(["^/health$", "^https?://[^/]*/internal"])
            .url_filter(|url: &FilterUrl<'_>| url.as_str().to_owned()),
    ]
    .map(|it| HttpServerInstrumenter::new("fuzz", "0", "FUZZ", it))
});

fuzz_target!(|data: &[u8]| {
    let Some(input) = input::<Input<'_>>(data) else { return };
    let option = usize::from(input.options) % INSTRUMENTERS.len();
    let instrumenter = &INSTRUMENTERS[option];
    let key = SECRET_KEYS[usize::from(input.key) % SECRET_KEYS.len()];
    let query = format!("{}&{key}={SECRET}&{}", input.before, input.after).replace('#', "");
    let path = format!("/{}", input.path.replace(['?', '#'], ""));
    let authority = input.authority.map(|it| format!("ada:{SECRET}@{it}"));
    let mut headers = input.headers;
    headers.add("authorization", format!("Bearer {SECRET}"));
    headers.add("cookie", format!("id={SECRET}"));
    headers.add("x-my-api-key", SECRET);
    headers.add_sensitive("x-marked", SECRET);
    headers.add("location", format!("https://ada:{SECRET}@a.b/?sig={SECRET}"));
    let route = ROUTES[usize::from(input.route) % ROUTES.len()];
    let peer = match (input.peer, input.unix) {
        (Some((ip, port)), _) => Some(Peer::Inet(SocketAddr::new(ip, port))),
        (None, unix) => unix.map(Peer::Unix),
    };
    let request = ServerRequest {
        method: input.method,
        scheme: input.scheme,
        authority: authority.as_deref(),
        path: &path,
        query: Some(&query),
        route,
        version: Some(HttpVersion::Http11),
        headers: &headers,
        peer,
    };
    let status = STATUSES[usize::from(input.status) % STATUSES.len()];
    let mut response = input.response;
    response.add("set-cookie", format!("id={SECRET}"));
    let error = format!("{} password={SECRET} {}", input.error, input.after);

    let mut span = instrumenter.start(&request);
    assert_no_secret(&request);
    if let Some(told) = span.trace_response() {
        for (_, value) in told.headers() {
            assert!(value.bytes().all(|it| (b' '..=b'~').contains(&it)), "{value:?}");
        }
    }
    let answered = input.end % 5 != 0;
    if answered {
        span.record_response(status, &response);
        span.expect_body(input.length, false);
        span.sent(u64::from(input.sent));
    }
    match input.end % 5 {
        1 => span.complete(),
        2 => span.record_body_error(&error),
        3 => {
            let handle = span.request_span().cloned();
            handle.into_iter().for_each(|it| it.record_error("app", &error));
        }
        4 if input.error.len() % 2 == 0 => drop(span.keep_open()),
        _ => {}
    }
    let is_recorded = span.request_span().is_some();
    drop(span);

    let spans = TELEMETRY.take_spans();
    let series = TELEMETRY.take_series();
    assert_no_secret(&spans);
    assert_no_secret(&series);

    // Nothing that the client writes makes a series, and nothing stays open.
    for it in &series {
        for attribute in &it.attributes {
            let value = attribute.value.as_str();
            assert!(DIMENSIONS.contains(&attribute.key.as_str()), "{it:?}");
            match attribute.key.as_str() {
                "http.request.method" => assert!(METHODS.contains(&&*value), "{it:?}"),
                "url.scheme" => assert!(["http", "https"].contains(&&*value), "{it:?}"),
                "http.route" => assert_eq!(Some(&*value), route, "{it:?}"),
                _ => {}
            }
        }
        if it.name == "http.server.active_requests" {
            assert_eq!(it.value, 0, "{it:?}");
        }
    }
    let durations = series.iter().filter(|it| it.name == "http.server.request.duration");
    let counted = durations.map(|it| it.value).sum::<i64>();
    let sampled = usize::from(is_recorded) * spans.len();
    assert_eq!(counted, i64::from(is_recorded), "{series:?}");
    assert!(option == 2 || is_recorded, "only one has exclusions");
    assert_eq!(spans.len(), sampled, "an excluded request has no span");

    // A caller that does not sample is obeyed, and then there is no span.
    let Some(span) = spans.first() else { return };
    assert_eq!((spans.len(), &span.span_kind), (1, &SpanKind::Server));
    assert!(!span.name.is_empty() && span.name.len() < 40, "{}", span.name);
    let text = |key: &str| attribute(span, key).map(|it| it.as_str().into_owned());
    assert_eq!(text("url.path").as_deref(), Some(&*path));
    assert_only_values_replaced(&query, &text("url.query").unwrap_or_default());
    assert_eq!(text("http.route").as_deref(), route.filter(|it| !it.is_empty()));
    if let Some(host) = text("server.address") {
        assert!(!host.is_empty() && !host.contains(['@', '/', '?', '#', ' ']), "{host}");
    }
    if let Some(port) = text("server.port") {
        assert!(port.parse::<u16>().is_ok(), "{port}");
    }
    assert!(span.end_time >= span.start_time);
    let failed = matches!(span.status, Status::Error { .. });
    assert_eq!(failed, text("error.type").is_some(), "{span:?}");
    for it in &span.attributes {
        assert!(!it.value.as_str().is_empty() || it.key.as_str().contains(".header."), "{it:?}");
    }
});
