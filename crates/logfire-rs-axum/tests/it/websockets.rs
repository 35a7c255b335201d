//! WebSockets over real connections: one span each, with the right end.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use logfire_rs_axum::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use logfire_rs_axum::{HttpServerOptions, current_request, instrument_with};
use opentelemetry::Context;
use opentelemetry::trace::{
    Span as _, SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry_sdk::trace::{SdkTracer, SpanData};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame as SentClose, Role};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message as Sent};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::Spans;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn echo(mut socket: WebSocket, tracer: SdkTracer) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(_) = &message {
            tracer.start("work").end();
            assert_eq!(current_request().unwrap().path(), "/echo/1");
            if socket.send(message).await.is_err() {
                break;
            }
        }
    }
}

async fn server_close(mut socket: WebSocket) {
    let frame = CloseFrame { code: 1011, reason: "bye".into() };
    let _ = socket.send(Message::Close(Some(frame))).await;
    while let Some(Ok(_)) = socket.recv().await {}
}

async fn serve(spans: &Spans, options: HttpServerOptions) -> SocketAddr {
    let tracer = spans.provider.tracer("application");
    let app = Router::new()
        .route(
            "/echo/{id}",
            any(|ws: WebSocketUpgrade| async { ws.on_upgrade(|it| echo(it, tracer)) }),
        )
        .route("/early", any(|ws: WebSocketUpgrade| async { ws.on_upgrade(|_| async {}) }))
        .route("/server-close", any(|ws: WebSocketUpgrade| async { ws.on_upgrade(server_close) }))
        .route(
            "/panic",
            any(|ws: WebSocketUpgrade| async {
                ws.on_upgrade(|_socket| async { panic!("with token=s3cret") })
            }),
        )
        .route(
            "/split",
            any(|ws: WebSocketUpgrade| async {
                ws.on_upgrade(|socket| async {
                    let (sender, receiver) = socket.split();
                    let _ = receiver.forward(sender).await;
                })
            }),
        )
        .route("/unused", any(|_: WebSocketUpgrade| async { "no" }));
    let app = instrument_with(app, options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// What one connection leaves behind: the span of the server, then the others.
async fn observe(path: &str, client: impl AsyncFnOnce(Client)) -> String {
    let spans = Spans::new();
    let address = serve(&spans, spans.options()).await;
    let (connection, _) = connect_async(format!("ws://{address}{path}")).await.unwrap();
    if path.starts_with("/echo") {
        assert!(server(&spans.take()).is_none(), "the span ended with the handshake");
    }
    client(connection).await;
    describe(&wait(&spans).await)
}

async fn wait(spans: &Spans) -> Vec<SpanData> {
    for _ in 0..3000 {
        let finished = spans.exporter.get_finished_spans().unwrap();
        if server(&finished).is_some() {
            return finished;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the span of the server never ended");
}

fn server(spans: &[SpanData]) -> Option<&SpanData> {
    spans.iter().find(|it| it.span_kind == SpanKind::Server)
}

fn describe(spans: &[SpanData]) -> String {
    let server = server(spans).unwrap();
    let value = |key: &str| {
        let found = server.attributes.iter().find(|it| it.key.as_str() == key);
        found.map_or_else(|| "-".to_owned(), |it| it.value.to_string())
    };
    let mut text = format!(
        "{} {} {} close {} error {}",
        server.name,
        value("url.scheme"),
        value("http.response.status_code"),
        value("websocket.close_code"),
        value("error.type"),
    );
    for child in spans.iter().filter(|it| it.span_kind != SpanKind::Server) {
        assert_eq!(child.parent_span_id, server.span_context.span_id());
        text.push_str(&format!(" + {}", child.name));
    }
    text
}

async fn talk<S>(mut client: WebSocketStream<S>, close: Option<u16>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    client.send(Sent::text("hi")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Sent::text("hi"));
    let frame = close.map(|code| SentClose { code: code.into(), reason: "".into() });
    // The server may have read it, and have ended the stream of HTTP/2, before this returns.
    let _ = client.close(frame).await;
    while let Some(Ok(_)) = client.next().await {}
}

async fn listen(mut client: Client) {
    while let Some(Ok(_)) = client.next().await {}
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_covers_the_connection() {
    let normal = observe("/echo/1", async |it| talk(it, Some(1000)).await).await;
    assert_eq!(normal, "GET /echo/{id} http 101 close 1000 error - + work");
    let away = observe("/echo/1", async |it| talk(it, Some(1001)).await).await;
    assert_eq!(away, "GET /echo/{id} http 101 close 1001 error - + work");
    let empty = observe("/echo/1", async |it| talk(it, None).await).await;
    assert_eq!(empty, "GET /echo/{id} http 101 close 1005 error - + work");
    let split = observe("/split", async |it| talk(it, Some(4000)).await).await;
    assert_eq!(split, "GET /split http 101 close 4000 error -");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_of_what_is_not_recorded_is_passed_on_to_the_connection() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let spans = Spans::new();
    for (options, sampled) in
        [(spans.options().spans(false), true), (spans.options().excluded_urls(["."]), false)]
    {
        let tell = |mut socket: WebSocket, in_call: String| async move {
            let in_task = context();
            socket.send(Message::text(format!("{in_call} {in_task}"))).await.unwrap();
        };
        let upgrade = move |ws: WebSocketUpgrade| async move {
            ws.on_upgrade(move |socket| {
                let in_call = context();
                tell(socket, in_call)
            })
        };
        let app = instrument_with(Router::new().route("/", any(upgrade)), options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let request = ClientRequestBuilder::new(format!("ws://{address}/").parse().unwrap());
        let (mut client, _) =
            connect_async(request.with_header("traceparent", PARENT)).await.unwrap();
        let told = client.next().await.unwrap().unwrap().into_text().unwrap();
        let expected = format!("0af7651916cd43dd8448eb211c80319c {sampled}");
        assert_eq!(told.as_str(), format!("{expected} {expected}"));
        assert!(spans.take().is_empty());
    }
}

fn context() -> String {
    let context = Context::current();
    let span = context.span();
    format!("{} {}", span.span_context().trace_id(), span.span_context().is_sampled())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_covers_a_stream_of_http2() {
    let spans = Spans::new();
    let address = serve(&spans, spans.options().record_body_sizes(true)).await;
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let handshake = http2::handshake(TokioExecutor::new(), stream);
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    // An answer: the settings of the server are known.
    let uri = |path: &str| format!("http://{address}{path}");
    let request = Request::get(uri("/none")).body(Body::empty()).unwrap();
    sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    wait(&spans).await;
    spans.take();
    let request = Request::builder()
        .method("CONNECT")
        .uri(uri("/echo/1"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    let response = sender.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let upgraded = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let client = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    assert!(server(&spans.take()).is_none(), "the span ended with the handshake");
    talk(client, Some(1000)).await;
    let text = describe(&wait(&spans).await);
    assert_eq!(text, "CONNECT /echo/{id} http 200 close 1000 error - + work");
    connection.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abnormal_end_is_an_error() {
    let dropped = observe("/echo/1", async |it| drop(it)).await;
    assert_eq!(dropped, "GET /echo/{id} http 101 close 1006 error websocket_closed_abnormally");
    let server = observe("/server-close", listen).await;
    assert_eq!(server, "GET /server-close http 101 close 1011 error websocket_closed_abnormally");
    let panic = observe("/panic", listen).await;
    assert_eq!(panic, "GET /panic http 101 close - error panic");
    let early = observe("/early", listen).await;
    assert_eq!(early, "GET /early http 101 close - error -");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_upgraded_ends_as_any_request() {
    for (path, headers, expected) in [
        ("/echo/1", "", "GET /echo/{id} http 400 close - error -"),
        (
            "/unused",
            "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "GET /unused http 200 close - error -",
        ),
    ] {
        let spans = Spans::new();
        let address = serve(&spans, spans.options()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 64];
        let _ = stream.read(&mut answer).await.unwrap();
        drop(stream);
        assert_eq!(describe(&wait(&spans).await), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_get_spans_when_asked() {
    let spans = Spans::new();
    let address = serve(&spans, spans.options().record_send_receive(true)).await;
    let (client, _) = connect_async(format!("ws://{address}/echo/1")).await.unwrap();
    talk(client, Some(1000)).await;
    assert_eq!(
        describe(&wait(&spans).await),
        "GET /echo/{id} http 101 close 1000 error - \
         + GET /echo/{id} http send response.start \
         + GET /echo/{id} websocket receive + work + GET /echo/{id} websocket send \
         + GET /echo/{id} websocket receive"
    );
}

#[cfg(feature = "endpoint")]
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_may_open_a_websocket() {
    use axum::extract::{Path, ws as axum_ws};
    use axum::response::Response;

    #[logfire_rs_axum::endpoint]
    async fn ours(Path(room): Path<String>, ws: WebSocketUpgrade) -> Response {
        ws.on_upgrade(async move |mut socket| drop(socket.send(Message::Text(room.into())).await))
    }

    #[logfire_rs_axum::endpoint]
    async fn axums(Path(room): Path<String>, ws: axum_ws::WebSocketUpgrade) -> Response {
        ws.on_upgrade(async move |mut socket| {
            drop(socket.send(Message::Text(room.into())).await);
        })
    }

    let spans = Spans::new();
    let app = Router::new().route("/ours/{room}", any(ours)).route("/axums/{room}", any(axums));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = instrument_with(app, spans.options());
    tokio::spawn(async move { axum::serve(listener, app).await });
    for path in ["ours", "axums"] {
        let (mut client, _) = connect_async(format!("ws://{address}/{path}/lobby")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Sent::text("lobby"));
        listen(client).await;
        let finished = wait(&spans).await;
        spans.take();
        let attributes = format!("{:?}", server(&finished).unwrap().attributes);
        assert!(attributes.contains(r#"{\"room\":\"lobby\"}"#), "{attributes}");
        assert!(attributes.contains("endpoint_function.end_timestamp"), "{attributes}");
    }
    // A request that asks for no upgrade is rejected by the extractor.
    let response = TcpStream::connect(address).await;
    let mut stream = response.unwrap();
    let request = b"GET /ours/lobby HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let attributes = format!("{:?}", server(&wait(&spans).await).unwrap().attributes);
    assert!(attributes.contains(r#"\"type\":\"other\""#), "{attributes}");
    assert!(attributes.contains("WebSocketUpgradeRejection"), "{attributes}");
}
