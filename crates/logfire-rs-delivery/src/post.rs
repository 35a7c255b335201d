//! One HTTP request, and what its answer means.

use std::{
    io::{Read, Write},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, Method, Request, StatusCode, header};
use ureq::{
    Agent, Proxy,
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    Destination, Export, partial, retry,
    transport::{Answer, Attempt, Transport, USER_AGENT, connect_timeout},
};

/// Answers are read up to this length so that the connection can be used again.
const MAX_ANSWER: u64 = 64 * 1024;

/// A blocking HTTP client for one destination; no async runtime, no redirects.
#[derive(Debug)]
pub(crate) struct Poster {
    agent: Agent,
    destination: Destination,
}

impl Poster {
    pub(crate) fn new(destination: Destination) -> Self {
        let proxy = destination.proxy(|name| std::env::var(name).ok());
        let proxy = proxy.and_then(|url| Proxy::new(&url).ok());
        let roots = destination
            .trusted()
            .map_or(RootCerts::WebPki, |pem| RootCerts::new_with_certs(&certificates(pem)));
        let identity = destination.identity().and_then(|identity| {
            let key = PrivateKey::from_pem(&identity.key).ok()?;
            Some(ClientCert::new_with_certs(&certificates(&identity.certificates), key))
        });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The headers hold a token that must not travel on.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .timeout_global(Some(destination.request_timeout()))
            .timeout_connect(Some(connect_timeout(destination.request_timeout())))
            .tls_config(TlsConfig::builder().root_certs(roots).client_cert(identity).build())
            .user_agent(USER_AGENT)
            .build()
            .new_agent();
        Self { agent, destination }
    }

    /// The request for `export`, compressed once for all tries.
    fn request(&self, export: &Export) -> Result<Request<Bytes>, String> {
        let mut headers = self.destination.headers().clone();
        headers.extend(
            export.headers().iter().map(|(name, value)| (Some(name.clone()), value.clone())),
        );
        let mut body = export.body().clone();
        if self.destination.compresses() && !headers.contains_key(header::CONTENT_ENCODING) {
            body = gzip(&body).map_err(|error| error.to_string())?.into();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.destination.url(export.path()))
            .body(body)
            .map_err(|error| error.to_string())?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// One try, which takes at most `timeout`, or else the destination's.
    fn post(&self, request: &Request<Bytes>, timeout: Option<Duration>) -> Answer {
        let mut copy = Request::new(request.body().as_ref());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        if let Some(timeout) = timeout {
            let config = self.agent.configure_request(copy).timeout_global(Some(timeout));
            copy = config.timeout_connect(Some(connect_timeout(timeout))).build();
        }
        match self.agent.run(copy) {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let mut answer = Vec::new();
                // An answer that breaks off is an answer all the same.
                let _ = body.into_reader().take(MAX_ANSWER).read_to_end(&mut answer);
                if parts.status.is_success() {
                    let content_type = parts.headers.get(header::CONTENT_TYPE);
                    let is_json = content_type
                        .is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
                    let said = match is_json {
                        true => partial::in_json(&answer),
                        false => partial::in_protobuf(&answer),
                    };
                    Answer::accepted(said, &self.destination)
                } else if retry::is_retryable(parts.status) {
                    Answer::Busy {
                        reason: format!("status {}", parts.status.as_u16()),
                        retry_after: retry::retry_after(&parts.headers, SystemTime::now()),
                    }
                } else {
                    Answer::Refused { reason: refusal(parts.status) }
                }
            }
            Err(error) => {
                Answer::Silent { reason: error.to_string(), connected: !is_nobody_there(&error) }
            }
        }
    }
}

impl Transport for Poster {
    fn attempt<'a>(&'a self, export: &'a Export) -> Result<Attempt<'a>, String> {
        let request = self.request(export)?;
        Ok(Box::new(move || self.post(&request, export.own_timeout())))
    }
}

fn refusal(status: StatusCode) -> String {
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; check the token",
        StatusCode::NOT_FOUND => "; check the URL",
        _ => "",
    };
    format!("status {}{hint}", status.as_u16())
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    parse_pem(pem).filter_map(certificate).collect()
}

fn is_nobody_there(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

/// The fastest level: telemetry is repetitive, and the time is the application's.
fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
