//! A real server: its workers, and clients that leave.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use logfire_rs_actix_web::{HttpServerOptions, in_request, instrument_with, middleware};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ScopeMetrics, SumDataPoint};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Spans, describe};

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Sends a request and leaves before there is an answer.
async fn leave(address: SocketAddr, path: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_of_four_workers_add_up() {
    const REQUESTS: u64 = 64;
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let lookups = Arc::new(AtomicUsize::new(0));
    let threads = Arc::new(Mutex::new(HashSet::<ThreadId>::new()));

    let options = HttpServerOptions::default().spans(false).meter_provider(provider.clone());
    let (seen, looked) = (Arc::clone(&threads), Arc::clone(&lookups));
    let app = move || {
        let (seen, looked) = (Arc::clone(&seen), Arc::clone(&looked));
        let options = options.clone().env_lookup(move |_| {
            looked.fetch_add(1, Ordering::Relaxed);
            None
        });
        let handler = move || {
            seen.lock().unwrap().insert(std::thread::current().id());
            async { "ok" }
        };
        instrument_with(App::new().route("/users/{id}", web::to(handler)), options)
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(app).workers(4).disable_signals().listen(listener).unwrap().run();
    let handle = server.handle();
    tokio::spawn(server);
    for id in 0..REQUESTS {
        assert!(get(address, &format!("/users/{id}")).await.starts_with("HTTP/1.1 200"));
    }
    let before = lookups.load(Ordering::Relaxed);
    handle.stop(true).await;
    assert_eq!(lookups.load(Ordering::Relaxed), before, "a request read the environment");
    assert!(threads.lock().unwrap().len() > 1, "there was one worker");

    provider.force_flush().unwrap();
    let (mut count, mut active) = (0, 0);
    for metrics in exporter.get_finished_metrics().unwrap() {
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            match metric.data() {
                AggregatedMetrics::F64(MetricData::Histogram(it)) => {
                    let points: Vec<_> = it.data_points().collect();
                    assert_eq!(points.len(), 1, "{points:?}");
                    count += points[0].count();
                }
                AggregatedMetrics::I64(MetricData::Sum(it)) => {
                    active += it.data_points().map(SumDataPoint::value).sum::<i64>();
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((count, active), (REQUESTS, 0));
}

/// Serves `/slow`, which answers after a while.
fn serve(spans: &Spans, half_closed: bool) -> (SocketAddr, ServerHandle) {
    let middleware = middleware(spans.options());
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        "done"
    };
    let app = move || App::new().route("/slow", web::to(slow)).wrap(middleware.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(app).workers(1).disable_signals();
    let server = server.h1_allow_half_closed(half_closed).listen(listener).unwrap().run();
    let handle = server.handle();
    tokio::spawn(server);
    (address, handle)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_is_noticed_as_the_server_is_set_up() {
    for (half_closed, expected) in [
        (true, "GET /slow | route /slow | path /slow | 200 | -"),
        (false, "GET /slow | route /slow | path /slow | - | cancelled"),
    ] {
        let spans = Spans::new();
        let (address, server) = serve(&spans, half_closed);
        leave(address, "/slow").await;
        assert_eq!(describe(&spans.wait().await), expected);
        server.stop(false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_a_connection_is_recorded() {
    let spans = Spans::new();
    let (address, server) = serve(&spans, true);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let one = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{one}{one}{last}").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.matches("HTTP/1.1 200").count(), 3);
    server.stop(true).await;
    let expected = ["GET /slow | route /slow | path /slow | 200 | -"; 3].join("\n");
    assert_eq!(describe(&spans.take()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_is_that_of_the_connection() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider());
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = tls.with_single_cert(vec![certificate.clone()], key).unwrap();

    let spans = Spans::new();
    let middleware = middleware(spans.options());
    let app = move || App::new().route("/", web::to(|| async { "ok" })).wrap(middleware.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(app).workers(1).disable_signals();
    let server = server.listen_rustls_0_23(listener, tls).unwrap().run();
    let handle = server.handle();
    tokio::spawn(server);

    let ask = move || {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let tls = ClientConfig::builder_with_provider(provider());
        let tls = tls.with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(roots).with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let client = ClientConnection::new(Arc::new(tls), name).unwrap();
        let mut stream = StreamOwned::new(client, std::net::TcpStream::connect(address).unwrap());
        // What a client says of the scheme is not believed.
        let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: ftp\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
    };
    tokio::task::spawn_blocking(ask).await.unwrap();
    let recorded = spans.wait().await;
    let scheme = recorded[0].attributes.iter().find(|it| it.key.as_str() == "url.scheme");
    assert_eq!(scheme.unwrap().value.to_string(), "https");
    handle.stop(false).await;
}

#[tokio::test]
async fn outside_of_a_request_in_request_only_runs_the_future() {
    assert_eq!(in_request(async { 1 }).await, 1);
}
