//! WebSockets of `actix-ws` over real connections: one span each, with its task's spans below it.

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::Message;
use futures_util::{SinkExt as _, StreamExt as _};
use logfire_rs_actix_web::{current_request, middleware, spawn};
use opentelemetry::trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Sent;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Spans, describe};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn echo(
    request: HttpRequest,
    payload: web::Payload,
    tracer: web::Data<SdkTracer>,
) -> Result<HttpResponse, Error> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, payload)?;
    spawn(async move {
        while let Some(Ok(Message::Text(text))) = messages.next().await {
            tracer.start("work").end();
            assert_eq!(current_request().unwrap().path(), "/echo/1");
            assert!(text != "panic", "with token=s3cret");
            if session.text(text).await.is_err() {
                return;
            }
        }
        let _ = session.close(None).await;
        tracer.start("good-bye").end();
    });
    Ok(response)
}

fn serve(spans: &Spans) -> (SocketAddr, ServerHandle) {
    let tracer = web::Data::new(spans.provider.tracer("application"));
    // The bytes of the connection are no frames of a body.
    let middleware = middleware(spans.options().record_send_receive(true));
    let app = move || {
        let app = App::new().app_data(tracer.clone()).route("/echo/{id}", web::get().to(echo));
        app.wrap(middleware.clone())
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
    let handle = server.handle();
    tokio::spawn(server);
    (address, handle)
}

/// What one connection leaves behind: the span of the server, then those below it.
async fn observe(client: impl AsyncFnOnce(Client)) -> String {
    let spans = Spans::new();
    let (address, server) = serve(&spans);
    let (connection, _) = connect_async(format!("ws://{address}/echo/1")).await.unwrap();
    let early = spans.take();
    assert!(early.iter().all(|it| it.span_kind != SpanKind::Server), "it ended at the 101");
    client(connection).await;
    let (servers, others): (Vec<_>, Vec<_>) =
        spans.wait().await.into_iter().partition(|it| it.span_kind == SpanKind::Server);
    server.stop(false).await;
    let mut text = describe(&servers);
    for child in &others {
        assert_eq!(child.parent_span_id, servers[0].span_context.span_id());
        text.push_str(&format!("\n+ {}", child.name));
    }
    text
}

async fn say(client: &mut Client, text: &str) {
    client.send(Sent::text(text.to_owned())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_covers_the_connection() {
    let text = observe(async |mut client: Client| {
        say(&mut client, "hi").await;
        assert_eq!(client.next().await.unwrap().unwrap(), Sent::text("hi"));
        client.close(None).await.unwrap();
        while let Some(Ok(_)) = client.next().await {}
    });
    assert_eq!(
        text.await,
        "GET /echo/{id} | route /echo/{id} | path /echo/1 | 101 | -\n+ work\n+ good-bye"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_and_a_task_that_panics() {
    let text = observe(async |client: Client| drop(client)).await;
    assert_eq!(text, "GET /echo/{id} | route /echo/{id} | path /echo/1 | 101 | -\n+ good-bye");
    let text = observe(async |mut client: Client| {
        say(&mut client, "panic").await;
        while let Some(Ok(_)) = client.next().await {}
    });
    assert_eq!(
        text.await,
        "GET /echo/{id} | route /echo/{id} | path /echo/1 | 101 | panic\n\
         ! panic: with token=REDACTED\n+ work"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_upgraded_ends_as_any_request() {
    let spans = Spans::new();
    let tracer = web::Data::new(spans.provider.tracer("application"));
    let app = App::new().app_data(tracer).route("/echo/{id}", web::get().to(echo));
    let app = actix_web::test::init_service(app.wrap(middleware(spans.options()))).await;
    let text = spans.of(&app, "GET /echo/1").await;
    assert!(
        text.starts_with("GET /echo/{id} | route /echo/{id} | path /echo/1 | 400 | -"),
        "{text}"
    );
}
