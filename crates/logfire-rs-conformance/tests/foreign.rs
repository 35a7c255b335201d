//! Frameworks without a crate of their own: tonic as a tower service, salvo as a hyper service.

use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use insta::assert_snapshot;
use logfire_rs_conformance::{Leave, Site, Telemetry, bind, exchange};
use logfire_rs_tower::HttpServerLayer;
use salvo_core::http::uri::Scheme;
use salvo_core::{Router, Service, handler};
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// What is recorded, without the addresses of this run.
async fn recorded(telemetry: &Telemetry, count: usize) -> String {
    let text = telemetry.server_spans(count).await.to_string();
    let lines = text.lines().filter(|it| !it.contains("user_agent") && !it.contains("host"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("{lines}\n{}", telemetry.metrics())
}

/// An HTTP span: the status of gRPC is in the trailers of a 200, and no error of HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn tonic() {
    let telemetry = Telemetry::default();
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("shop", ServingStatus::Serving).await;
    let (listener, address) = bind().await;
    let layer = HttpServerLayer::new(telemetry.server_options());
    let server = Server::builder().layer(layer).add_service(health);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await;
    let mut client = HealthClient::new(channel.unwrap());
    let mut check = async |service: &str| {
        client.check(HealthCheckRequest { service: service.to_owned() }).await
    };
    assert!(check("shop").await.is_ok());
    assert_eq!(check("unknown").await.unwrap_err().code(), tonic::Code::NotFound);
    assert_snapshot!(recorded(&telemetry, 2).await, @r#"
    POST [server]
        http.request.method = "POST"
        http.response.status_code = 200
        network.protocol.version = "2"
        server.address = "127.0.0.1"
        server.port = <port>
        url.path = "/grpc.health.v1.Health/Check"
        url.scheme = "http"
    POST [server]
        http.request.method = "POST"
        http.response.status_code = 200
        network.protocol.version = "2"
        server.address = "127.0.0.1"
        server.port = <port>
        url.path = "/grpc.health.v1.Health/Check"
        url.scheme = "http"
    http.server.active_requests{http.request.method=POST, url.scheme=http} = 0
    http.server.request.duration{http.request.method=POST, http.response.status_code=200, network.protocol.version=2, url.scheme=http} count=2
    "#);
}

#[handler]
async fn user() -> &'static str {
    "user"
}

#[tokio::test(flavor = "multi_thread")]
async fn salvo() {
    let telemetry = Telemetry::default();
    let site = Site::new(&telemetry, telemetry.server_options());
    let service = Service::new(Router::with_path("users/{id}").get(user));
    let (listener, address) = bind().await;
    let options = site.options.clone();
    tokio::spawn(async move {
        let (stream, peer): (_, SocketAddr) = listener.accept().await.unwrap();
        let handler = service.hyper_handler(address.into(), peer.into(), Scheme::HTTP, None, None);
        let service = logfire_rs_hyper::instrument_with(handler, options).peer(peer);
        let builder = auto::Builder::new(TokioExecutor::new());
        builder.serve_connection(TokioIo::new(stream), service).await.unwrap();
    });
    let request = b"GET /users/1 HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n";
    let reply = exchange(address, &site, request, Leave::AtTheEnd).await;
    assert!(reply.text.ends_with("user"), "{}", reply.text);
    assert_snapshot!(recorded(&telemetry, 1).await, @r#"
    GET [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "site.example"
        server.port = 80
        url.path = "/users/1"
        url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}
