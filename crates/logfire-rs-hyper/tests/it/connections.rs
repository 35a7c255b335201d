//! The connections of a client: spans, reuse, and how many there are in which state.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use logfire_rs_hyper::{
    Client, HttpClientOptions, InstrumentedConnector, instrument_client_builder,
};
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::telemetry::{Telemetry, attribute};

/// Answers at once, or to `/slow` when it is told to, or with an upgrade.
async fn answer(
    mut request: Request<Incoming>,
    go_on: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    match request.uri().path() {
        "/slow" => go_on.acquire().await.unwrap().forget(),
        "/upgrade" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let upgraded = upgrade.await.unwrap();
                go_on.acquire().await.unwrap().forget();
                drop(upgraded);
            });
            let response = Response::builder().status(101);
            let response = response.header("connection", "upgrade").header("upgrade", "test");
            return Ok(response.body(Full::default()).unwrap());
        }
        _ => {}
    }
    Ok(Response::new("hello".into()))
}

async fn serve() -> (SocketAddr, Arc<Semaphore>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let go_on = Arc::new(Semaphore::new(0));
    let semaphore = go_on.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let go_on = go_on.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(request, go_on.clone()));
                let builder = auto::Builder::new(TokioExecutor::new());
                builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await
            });
        }
    });
    (address, semaphore)
}

type Instrumented = Client<InstrumentedConnector<HttpConnector>, Empty<Bytes>>;

fn client(options: HttpClientOptions, http2: bool) -> Instrumented {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    instrument_client_builder(builder.http2_only(http2), HttpConnector::new(), options)
}

fn uri(address: SocketAddr, path: &str) -> hyper::Uri {
    format!("http://{address}{path}").parse().unwrap()
}

fn named<'a>(spans: &'a [SpanData], start: &str) -> &'a SpanData {
    spans.iter().find(|it| it.name.starts_with(start)).unwrap()
}

#[tokio::test]
async fn a_connection_is_active_from_the_request_to_the_end_of_the_answer() {
    let ((address, go_on), telemetry) = (serve().await, Telemetry::new());
    let client = client(telemetry.options(), false);
    let pending = tokio::spawn(client.get(uri(address, "/slow")));
    let port = address.port();
    telemetry.connections_become(port, &["1 http.connection.state=active {server}"]).await;
    go_on.add_permits(1);
    let response = pending.await.unwrap().unwrap();
    // The head is there, the body is not read.
    telemetry.connections_become(port, &["1 http.connection.state=active {server}"]).await;
    response.collect().await.unwrap();
    telemetry.connections_become(port, &["1 http.connection.state=idle {server}"]).await;

    let spans = telemetry.take();
    assert_eq!(spans.len(), 2, "{spans:?}");
    let (request, setup) = (named(&spans, "GET"), named(&spans, "HTTP"));
    assert_eq!(setup.name, format!("HTTP connection_setup 127.0.0.1:{port}"));
    assert_eq!(setup.parent_span_id, request.span_context.span_id());
    assert_eq!(attribute(setup, "network.peer.port").unwrap(), port.to_string());
    assert_eq!(attribute(request, "network.peer.port").unwrap(), port.to_string());
    assert_eq!(attribute(request, "http.connection.reused").unwrap(), "false");
    assert_eq!(request.links.links[0].span_context, setup.span_context);

    client.get(uri(address, "/")).await.unwrap().collect().await.unwrap();
    let spans = telemetry.take();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(attribute(&spans[0], "http.connection.reused").unwrap(), "true");
    assert!(spans[0].links.links.is_empty());
    telemetry.connections_become(port, &["1 http.connection.state=idle {server}"]).await;

    drop(client);
    telemetry.connections_become(port, &["closed 1 {server}"]).await;
}

#[tokio::test]
async fn requests_of_http2_share_a_connection() {
    let ((address, go_on), telemetry) = (serve().await, Telemetry::new());
    let client = client(telemetry.options(), true);
    let port = address.port();
    client.get(uri(address, "/")).await.unwrap().collect().await.unwrap();
    telemetry.connections_become(port, &["1 http.connection.state=idle {server}"]).await;
    let pending = [0, 1].map(|_| tokio::spawn(client.get(uri(address, "/slow"))));
    telemetry.connections_become(port, &["1 http.connection.state=active {server}"]).await;
    go_on.add_permits(1);
    let (first, _, mut others) = futures_util::future::select_all(pending).await;
    let (first, second) = (first.unwrap().unwrap(), others.remove(0));
    assert_eq!(first.version(), hyper::Version::HTTP_2);
    drop(first);
    telemetry.connections_become(port, &["1 http.connection.state=active {server}"]).await;
    // The other one gives up.
    second.abort();
    telemetry.connections_become(port, &["1 http.connection.state=idle {server}"]).await;
    let spans = telemetry.take();
    let reused = |it: &SpanData| attribute(it, "http.connection.reused");
    let reused: Vec<_> = spans.iter().filter_map(reused).collect();
    assert_eq!(reused, ["false", "true", "true"]);
    let version = attribute(&spans[2], "network.protocol.version");
    assert_eq!(version.as_deref(), Some("2"), "{spans:?}");
}

#[tokio::test]
async fn a_connection_that_is_given_up_is_closed() {
    let ((address, _), telemetry) = (serve().await, Telemetry::new());
    let client = client(telemetry.options(), false);
    let pending = tokio::spawn(client.get(uri(address, "/slow")));
    let port = address.port();
    telemetry.connections_become(port, &["1 http.connection.state=active {server}"]).await;
    pending.abort();
    telemetry.connections_become(port, &["closed 1 {server}"]).await;
}

#[tokio::test]
async fn an_upgraded_connection_is_active_until_it_is_closed() {
    let ((address, go_on), telemetry) = (serve().await, Telemetry::new());
    let client = client(telemetry.options(), false);
    let request = Request::get(uri(address, "/upgrade")).header("connection", "upgrade");
    let request = request.header("upgrade", "test").body(Empty::new()).unwrap();
    let mut response = client.request(request).await.unwrap();
    let upgraded = hyper::upgrade::on(&mut response).await.unwrap();
    drop(response);
    let port = address.port();
    assert_eq!(
        attribute(named(&telemetry.take(), "GET"), "http.response.status_code").unwrap(),
        "101"
    );
    telemetry.connections_become(port, &["1 http.connection.state=active {server}"]).await;
    go_on.add_permits(1);
    drop(upgraded);
    telemetry.connections_become(port, &["closed 1 {server}"]).await;
}

/// Says `.0`, or fails to say anything.
#[derive(Debug)]
struct Broken(Option<&'static str>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Err(fmt::Error), |text| f.write_str(text))
    }
}

impl std::error::Error for Broken {}

#[tokio::test]
async fn a_body_that_fails_is_not_the_fault_of_the_server() {
    let ((address, _), telemetry) = (serve().await, Telemetry::new());
    for text in [Some("broken"), Some("broken pipe"), Some("stream error"), None] {
        let client = legacy::Client::builder(TokioExecutor::new()).build_http();
        let client = logfire_rs_hyper::instrument_client_with(client, telemetry.options());
        let parts = [Ok(Frame::data(Bytes::from("ab"))), Err(Broken(text))];
        let body = StreamBody::new(futures_util::stream::iter(parts));
        let request = Request::post(uri(address, "/slow")).body(body).unwrap();
        client.request(request).await.unwrap_err();
        let spans = telemetry.take();
        let error_type = attribute(named(&spans, "POST"), "error.type");
        assert_eq!(error_type.as_deref(), Some("request_body_error"), "{text:?}");
    }
}

#[tokio::test]
async fn no_connection_is_no_open_one() {
    let telemetry = Telemetry::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    client(telemetry.options(), false).get(uri(closed, "/")).await.unwrap_err();
    let spans = telemetry.take();
    for name in ["HTTP", "GET"] {
        let span = named(&spans, name);
        assert_eq!(attribute(span, "error.type").unwrap(), "connection_refused");
        assert!(matches!(span.status, Status::Error { .. }));
    }
    telemetry.connections_become(closed.port(), &[]).await;
}

#[tokio::test]
async fn what_is_switched_off_stays_off() {
    let (address, _) = serve().await;
    let telemetry = Telemetry::new();
    let silent = client(telemetry.options().metrics(false).spans(false), false);
    silent.get(uri(address, "/")).await.unwrap().collect().await.unwrap();
    let suppressed = client(telemetry.options(), false);
    let request = suppressed.get(uri(address, "/"));
    drop(request);
    telemetry.take();
    let request = logfire_rs_hyper::core::suppress_instrumentation(async {
        suppressed.get(uri(address, "/")).await.unwrap().collect().await.unwrap();
    });
    request.await;
    assert_eq!(telemetry.take().len(), 0);
    telemetry.connections_become(address.port(), &[]).await;
}
