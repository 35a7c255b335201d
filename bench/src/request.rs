//! The request that every server gets: `GET /users/{id}`, with what a browser sends.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use crate::configuration::Configuration;

/// So many requests differ; then they are the same again.
pub const VARIETY: usize = 16;

/// What every service answers.
pub const ANSWER: &str = r#"{"id":1000,"name":"Ada Lovelace","active":true}"#;

const USER_AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1",
];

const PARENT: (&str, &str) =
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

/// The names of two headers of the request, to be captured.
pub const TO_CAPTURE: [&str; 2] = ["accept-language", "referer"];

/// The headers of the request with this number.
pub fn headers(number: usize, configuration: Configuration) -> Vec<(&'static str, &'static str)> {
    let mut headers = vec![
        ("host", "api.example.com:8080"),
        ("user-agent", USER_AGENTS[number % USER_AGENTS.len()]),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("referer", "https://www.example.com/users"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "same-site"),
    ];
    headers.extend(configuration.has_parent().then_some(PARENT));
    headers
}

/// The path and query of the request with this number.
pub fn uri(number: usize, configuration: Configuration) -> String {
    let query = match configuration {
        Configuration::Query => "?fields=name,email&sig=c2VjcmV0&verbose=true",
        _ => "",
    };
    format!("/users/{}{query}", 1000 + number)
}

/// Who sends the request with this number.
pub fn peer(number: usize) -> SocketAddr {
    let (host, port) = (number % 4 + 1, 40_000 + number);
    SocketAddr::from(([10, 0, 3, host as u8], port as u16))
}

/// Requests of `http` 1.x, one after the other.
pub struct Requests {
    templates: Vec<(Uri, HeaderMap, SocketAddr)>,
    next: usize,
}

impl Requests {
    /// Requests to `/users/{id}`.
    pub fn new(configuration: Configuration) -> Self {
        let uris = (0..VARIETY).map(|number| uri(number, configuration));
        Self::to(uris, configuration)
    }

    /// Requests to these URIs.
    pub fn to(uris: impl Iterator<Item = String>, configuration: Configuration) -> Self {
        let template = |(number, uri): (usize, String)| {
            // As from hyper: the values are parts of one buffer, not static.
            let value = |it: &'static str| {
                HeaderValue::from_maybe_shared(Bytes::from(it.as_bytes().to_vec()))
            };
            let headers = headers(number, configuration).into_iter();
            let headers = headers
                .map(|(name, it)| (HeaderName::from_static(name), value(it).expect("a value")));
            (uri.parse().expect("a URI"), headers.collect(), peer(number))
        };
        Self { templates: uris.enumerate().map(template).collect(), next: 0 }
    }

    /// The next one, from a peer that axum knows.
    pub fn make(&mut self) -> Request<Body> {
        self.make_with(Body::empty())
    }

    /// The next one, with this body.
    pub fn make_with<B>(&mut self, body: B) -> Request<B> {
        self.next = (self.next + 1) % self.templates.len();
        let (uri, headers, peer) = &self.templates[self.next];
        let mut request = Request::new(body);
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        request.extensions_mut().insert(ConnectInfo(*peer));
        request
    }
}
