//! Requests that are not answered, or not to the end.

use std::time::Duration;

use opentelemetry::trace::Status;
use reqwest::dns::{Name, Resolve, Resolving};

use crate::servers::{Server, raw, refused, reset, self_signed};
use crate::telemetry::{Telemetry, attribute, builder, plain};

struct NeverResolves;

impl Resolve for NeverResolves {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}

struct NoAddress;

impl Resolve for NoAddress {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err("no such host".into()) })
    }
}

#[tokio::test]
async fn an_error_has_a_type_and_a_text_without_secrets() {
    let telemetry = Telemetry::new();
    let server = Server::start().await;
    let resolving = |resolver: bool| {
        let builder = builder();
        let builder = builder.connect_timeout(Duration::from_millis(50));
        if resolver {
            builder.dns_resolver(NoAddress).build().unwrap()
        } else {
            builder.dns_resolver(NeverResolves).build().unwrap()
        }
    };
    let few = reqwest::redirect::Policy::limited(2);
    let few = builder().redirect(few).build().unwrap();
    let with = |url: &str| format!("{url}?sig=s3cret");
    for (client, url, expected) in [
        (plain(), refused(), "connection_refused"),
        (resolving(true), with("http://ada:s3cret@nowhere.test/"), "name_resolution_error"),
        (resolving(false), with("http://slow.test/"), "connect_timeout"),
        (plain(), raw(b"", false).await, "response_ended"),
        (plain(), raw(b"SSH-2.0-OpenSSH\r\n\r\n", false).await, "invalid_response"),
        (plain(), raw(b"HTTP/1.1 200 O", false).await, "response_ended"),
        (few, with(&server.url("/loop")), "redirect_error"),
        (plain(), reset().await, "connection_reset"),
        (plain(), server.url("/?sig=s3cret").replace("http:", "https:"), "secure_connection_error"),
        (plain(), self_signed().await.0, "server_certificate_invalid"),
        (plain(), with("ftp://127.0.0.1/"), "invalid_request"),
    ] {
        let client = logfire_rs_reqwest::instrument_with(client, telemetry.options());
        let error = client.get(&url).send().await.unwrap_err();
        let span = telemetry.one();
        assert_eq!(attribute(&span, "error.type").as_deref(), Some(expected), "{error:?}");
        assert_eq!(attribute(&span, "http.response.status_code"), None);
        let Status::Error { description } = &span.status else { panic!("{span:?}") };
        assert!(!description.is_empty() && !description.contains("http"), "{description}");
        let [event] = &span.events.events[..] else { panic!("{span:?}") };
        assert_eq!(event.name, "exception");
        assert!(!format!("{span:?}").contains("s3cret"), "{span:?}");
    }
    let metrics = telemetry.metrics().join("\n");
    assert!(metrics.contains("error.type=connect_timeout") && !metrics.contains("s3cret"));
}

#[tokio::test]
async fn a_timeout_is_an_error_and_giving_up_is_not() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    let request = client.get(server.url("/slow")).timeout(Duration::from_millis(50));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(attribute(&telemetry.one(), "error.type").unwrap(), "timeout");

    let request = client.get(server.url("/slow")).send();
    tokio::time::timeout(Duration::from_millis(50), request).await.unwrap_err();
    let span = telemetry.one();
    assert_eq!((&span.status, attribute(&span, "error.type")), (&Status::Unset, None));
    drop(client.get(server.url("/slow")).send());
    assert_eq!(telemetry.take().len(), 0);
    let active = "http.client.active_requests value=0";
    assert!(telemetry.metrics().iter().any(|it| it.starts_with(active)));
    assert_eq!(telemetry.metrics().len(), 3);
}

/// The settings of a server, and a frame that ends the stream or the connection, with the reason
/// `INTERNAL_ERROR`.
const RESET: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x03\0\0\0\0\x01\0\0\0\x02";
const GO_AWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x02";

#[tokio::test]
async fn a_stream_and_a_connection_of_http2_may_be_ended_by_the_server() {
    let telemetry = Telemetry::new();
    for (frames, expected) in [(RESET, "http2_reset"), (GO_AWAY, "http2_go_away")] {
        let client = builder().http2_prior_knowledge().build().unwrap();
        let client = logfire_rs_reqwest::instrument_with(client, telemetry.options());
        let error = client.get(raw(frames, true).await).send().await.unwrap_err();
        let span = telemetry.one();
        assert_eq!(attribute(&span, "error.type").as_deref(), Some(expected), "{error:?}");
        assert!(!format!("{span:?}").contains("s3cret"), "{span:?}");
    }
}

#[tokio::test]
async fn what_reqwest_cannot_build_is_no_request() {
    let telemetry = Telemetry::new();
    let error = telemetry.client().get("http://").send().await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(telemetry.take().len(), 0);
}

#[tokio::test]
async fn a_server_that_is_trusted_is_no_error() {
    let telemetry = Telemetry::new();
    let (url, certificate) = self_signed().await;
    let client = builder().tls_certs_only([certificate]).build().unwrap();
    let client = logfire_rs_reqwest::instrument_with(client, telemetry.options());
    assert_eq!(client.get(&url).send().await.unwrap().text().await.unwrap(), "hi");
    let span = telemetry.one();
    assert_eq!(attribute(&span, "url.full").unwrap(), url.replace("s3cret", "REDACTED"));
    assert_eq!(span.status, Status::Unset);
}

#[tokio::test]
async fn a_body_that_fails_is_not_the_fault_of_the_server() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    for text in ["broken", "broken pipe", "stream error"] {
        let parts = [Ok("ab"), Err(std::io::Error::new(std::io::ErrorKind::InvalidData, text))];
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
        telemetry.client().post(server.url("/echo")).body(body).send().await.unwrap_err();
        assert_eq!(attribute(&telemetry.one(), "error.type").unwrap(), "request_body_error");
    }
}
