//! What goes wrong between native-tls and a real server has the same words as with rustls.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so at once")]

use std::sync::Arc;

use logfire_rs_reqwest::{HttpClientOptions, instrument_with};
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// The URL of a server whose certificate is signed by itself, and the certificate.
async fn self_signed() -> (String, reqwest::Certificate) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = reqwest::Certificate::from_der(made.cert.der()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.into()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Who does not trust the server, leaves.
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(ANSWER).await;
            let _ = socket.flush().await;
        }
    });
    (format!("https://localhost:{port}/?sig=s3cret"), certificate)
}

/// The URL of a server without TLS, as one with it.
async fn plain_text() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(ANSWER).await;
        }
    });
    format!("https://localhost:{port}/?sig=s3cret")
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_backend_native().no_proxy()
}

/// The status of the answer, `error.type`, and the span as text.
async fn send(builder: reqwest::ClientBuilder, url: &str) -> (Option<u16>, Option<String>, String) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let options = HttpClientOptions::default().env_lookup(|_| None).metrics(false);
    let client = instrument_with(builder.build().unwrap(), options.tracer_provider(provider));
    let status = client.get(url).send().await.ok().map(|it| it.status().as_u16());
    let spans = exporter.get_finished_spans().unwrap();
    let [span] = &spans[..] else { panic!("{spans:?}") };
    let failed = matches!(&span.status, Status::Error { description } if !description.is_empty());
    assert_eq!(failed, status.is_none(), "{span:?}");
    let found = span.attributes.iter().find(|it| it.key.as_str() == "error.type");
    (status, found.map(|it| it.value.to_string()), format!("{span:?}"))
}

#[tokio::test]
async fn a_server_that_is_not_trusted_and_one_without_tls_have_their_words() {
    for (url, expected) in [
        (self_signed().await.0, "server_certificate_invalid"),
        (plain_text().await, "secure_connection_error"),
    ] {
        let (status, error_type, span) = send(builder(), &url).await;
        assert_eq!((status, error_type.as_deref()), (None, Some(expected)), "{span}");
        assert!(!span.contains("s3cret"), "{span}");
    }
}

#[tokio::test]
async fn a_server_that_is_trusted_is_no_error() {
    let (url, certificate) = self_signed().await;
    let (status, error_type, span) = send(builder().add_root_certificate(certificate), &url).await;
    assert_eq!((status, error_type), (Some(200), None), "{span}");
}
