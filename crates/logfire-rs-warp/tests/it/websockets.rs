//! WebSockets over real connections: one span each, with the right end.

use futures_util::{SinkExt as _, StreamExt as _};
use logfire_rs_warp::{Ws, current_request, instrument_with, path, ws};
use opentelemetry::trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _};
use tokio::net::TcpListener;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message as Sent;
use warp::Filter;

use crate::Spans;

async fn observe(say: Option<&str>) -> Vec<String> {
    let spans = Spans::new();
    let tracer = spans.provider.tracer("application");
    let echo = path!("echo" / id: u32).and(ws()).map(move |_: u32, ws: Ws| {
        let tracer = tracer.clone();
        ws.on_upgrade(|mut socket| async move {
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() {
                    tracer.start("work").end();
                    assert_eq!(current_request().unwrap().path(), "/echo/1");
                    socket.send(message).await.unwrap();
                }
            }
        })
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(instrument_with(echo, spans.options()).serve(listener).run());

    let (mut client, _) = connect_async(format!("ws://{address}/echo/1")).await.unwrap();
    assert!(spans.exporter.get_finished_spans().unwrap().is_empty());
    if let Some(text) = say {
        client.send(Sent::text(text)).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Sent::text(text));
        client.close(None).await.unwrap();
        while let Some(Ok(_)) = client.next().await {}
    }
    drop(client);
    loop {
        let finished = spans.wait().await;
        let Some(server) = finished.iter().find(|it| it.span_kind == SpanKind::Server) else {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let wanted = ["error.type", "http.response.status_code", "websocket.close_code"];
        let attributes = server.attributes.iter().filter(|it| wanted.contains(&it.key.as_str()));
        let mut lines: Vec<_> = attributes.map(|it| format!("{}={}", it.key, it.value)).collect();
        lines.sort();
        lines.insert(0, server.name.to_string());
        let parent = server.span_context.span_id();
        let children = finished.iter().filter(|it| it.parent_span_id == parent);
        lines.extend(children.map(|it| it.name.to_string()));
        return lines;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_span_covers_the_connection() {
    assert_eq!(
        observe(Some("hi")).await,
        ["GET /echo/{id}", "http.response.status_code=101", "websocket.close_code=1005", "work"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_off_is_an_error() {
    assert_eq!(
        observe(None).await,
        [
            "GET /echo/{id}",
            "error.type=websocket_closed_abnormally",
            "http.response.status_code=101",
            "websocket.close_code=1006"
        ]
    );
}
