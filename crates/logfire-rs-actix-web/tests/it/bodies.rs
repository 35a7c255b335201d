//! The body of a response ends its span, whichever way it goes.

use std::sync::{Arc, Mutex};

use actix_web::body::{BodySize, BodyStream, MessageBody, None};
use actix_web::http::StatusCode;
use actix_web::http::header::UPGRADE;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, web};
use futures_util::{StreamExt as _, stream};
use logfire_rs_actix_web::{core::Frame, current_request, instrument_with};

use crate::{Spans, describe};

fn chunks() -> BodyStream<impl futures_util::Stream<Item = Result<Bytes, std::io::Error>>> {
    BodyStream::new(stream::iter([Ok(Bytes::from("ab")), Ok(Bytes::from("c"))]))
}

#[actix_web::test]
async fn sizes_and_bytes_are_those_of_the_inner_body() {
    let spans = Spans::new();
    let app = App::new()
        .route("/sized", web::to(|| async { "hello" }))
        .route("/empty", web::to(|| async { "" }))
        .route("/none", web::to(|| async { HttpResponse::with_body(StatusCode::OK, None::new()) }))
        .route("/stream", web::to(|| async { HttpResponse::Ok().body(chunks()) }));
    let app = init_service(instrument_with(app, spans.options())).await;
    let get = async |path: &str| {
        let request = TestRequest::with_uri(path).to_request();
        call_service(&app, request).await.into_body()
    };
    let body = get("/sized").await;
    assert_eq!(body.size(), BodySize::Sized(5));
    assert_eq!(spans.take().len(), 0, "the span ended before its body");
    assert_eq!(body.try_into_bytes().unwrap(), "hello");
    assert_eq!(describe(&spans.take()), "GET /sized | route /sized | path /sized | 200 | -");

    // A body without bytes is not polled.
    assert_eq!(get("/empty").await.size(), BodySize::Sized(0));
    assert_eq!(describe(&spans.take()), "GET /empty | route /empty | path /empty | 200 | -");
    assert_eq!(get("/none").await.size(), BodySize::None);
    assert_eq!(describe(&spans.take()), "GET /none | route /none | path /none | 200 | -");

    let body = get("/stream").await;
    assert_eq!(body.size(), BodySize::Stream);
    let body = body.try_into_bytes().unwrap_err();
    assert_eq!(actix_web::body::to_bytes(body).await.unwrap(), "abc");
    assert_eq!(describe(&spans.take()), "GET /stream | route /stream | path /stream | 200 | -");

    drop(get("/stream").await);
    assert_eq!(
        describe(&spans.take()),
        "GET /stream | route /stream | path /stream | 200 | incomplete_response"
    );
}

/// Notes the route of the current request when it is dropped.
struct LastBreath(Arc<Mutex<Vec<String>>>);

impl Drop for LastBreath {
    fn drop(&mut self) {
        let route = current_request().and_then(|it| it.route());
        self.0.lock().unwrap().push(route.unwrap_or_default());
    }
}

#[actix_web::test]
async fn what_a_cancelled_request_does_last_belongs_to_it() {
    let spans = Spans::new();
    let seen = Arc::default();
    let (slow, streamed) = (Arc::clone(&seen), Arc::clone(&seen));
    let slow = move || {
        let breath = LastBreath(Arc::clone(&slow));
        async move {
            let _breath = breath;
            std::future::pending::<&str>().await
        }
    };
    let streamed = move || {
        let breath = LastBreath(Arc::clone(&streamed));
        let more = stream::repeat_with(move || {
            let _breath = &breath;
            Ok::<_, std::io::Error>(Bytes::from("more"))
        });
        async { HttpResponse::Ok().body(BodyStream::new(more)) }
    };
    let app = App::new().route("/slow", web::to(slow)).route("/stream", web::to(streamed));
    let app = init_service(instrument_with(app, spans.options())).await;
    let get = |path| call_service(&app, TestRequest::with_uri(path).to_request());

    let mut answer = Box::pin(get("/slow"));
    assert!(futures_util::poll!(&mut answer).is_pending());
    drop(answer);
    drop(get("/stream").await);
    assert_eq!(*seen.lock().unwrap(), ["/slow", "/stream"]);
}

#[actix_web::test]
async fn frames_of_both_bodies_reach_the_hooks() {
    type Seen = Arc<Mutex<Vec<String>>>;
    fn tell(seen: &Seen, side: &str, frame: &Frame<'_>) {
        let text = match frame {
            Frame::Data(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        seen.lock().unwrap().push(format!("{side} {text}"));
    }
    let spans = Spans::new();
    let seen = Seen::default();
    let (received, sent) = (Arc::clone(&seen), Arc::clone(&seen));
    let options = spans
        .options()
        .receive_hook(move |_, frame| tell(&received, "received", frame))
        .send_hook(move |_, frame| tell(&sent, "sent", frame));
    let echo = |mut payload: web::Payload| async move {
        let mut chunks = Vec::new();
        while let Some(Ok(chunk)) = payload.next().await {
            chunks.push(Ok::<_, std::io::Error>(chunk));
        }
        HttpResponse::Ok().body(BodyStream::new(stream::iter(chunks)))
    };
    let app = App::new().route("/", web::to(echo));
    let app = init_service(instrument_with(app, options)).await;
    spans.after(&app, TestRequest::post().uri("/").set_payload("ping")).await;
    assert_eq!(
        *seen.lock().unwrap(),
        ["received ping", "received End", "sent Head", "sent ping", "sent End"]
    );
    seen.lock().unwrap().clear();

    // The bytes of a connection that is upgraded are no body.
    let upgrade = TestRequest::post().uri("/").set_payload("frames");
    let upgrade =
        upgrade.insert_header((UPGRADE, "websocket")).insert_header(("connection", "upgrade"));
    spans.after(&app, upgrade).await;
    assert!(!seen.lock().unwrap().iter().any(|it| it.starts_with("received")), "{seen:?}");
}
