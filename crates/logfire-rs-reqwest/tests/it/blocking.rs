//! The blocking client.

use logfire_rs_reqwest::blocking;
use opentelemetry::trace::{Status, TraceContextExt as _, Tracer as _, TracerProvider as _};

use crate::servers::{Server, refused};
use crate::telemetry::{Telemetry, attribute, is_child_of, shown};

#[tokio::test]
async fn the_blocking_client_is_recorded_too() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, options) = (server.url("/"), telemetry.options().capture_request_body(true));
    let tracer = telemetry.tracer_provider.tracer("test");
    let work = move || {
        let plain = reqwest::blocking::ClientBuilder::new().no_proxy().build().unwrap();
        let client = blocking::instrument_with(plain, options);
        let parent = opentelemetry::Context::new().with_span(tracer.start("parent"));
        let _parent = parent.attach();
        let request = client.post(&url).url_template("/").body("hello");
        let text = request.send().unwrap().text().unwrap();
        client.get(refused()).send().unwrap_err();
        client.get(&url).untraced().send().unwrap();
        client.execute(client.get(&url).build().unwrap()).unwrap();
        let (client, request) = client.get(&url).header("a", "b").build_split();
        blocking::RequestBuilder::from_parts(client, request.unwrap()).send().unwrap();
        text
    };
    assert_eq!(tokio::task::spawn_blocking(work).await.unwrap(), "hello");
    let spans = telemetry.take();
    let names: Vec<_> = spans.iter().map(|it| it.name.as_ref()).collect();
    assert_eq!(names, ["POST /", "GET", "GET", "GET", "parent"]);
    assert_eq!(
        shown(&spans[0], server.port()),
        "Client POST /\n  \
           http.request.body.text=hello\n  \
           http.request.method=POST\n  \
           http.response.status_code=200\n  \
           network.peer.address=127.0.0.1\n  \
           network.peer.port=PORT\n  \
           network.protocol.version=1.1\n  \
           server.address=127.0.0.1\n  \
           server.port=PORT\n  \
           url.full=http://127.0.0.1:PORT/\n  \
           url.template=/"
    );
    assert!(is_child_of(&spans[0], spans[4].span_context.span_id()));
    assert_eq!(attribute(&spans[1], "error.type").unwrap(), "connection_refused");
    assert!(matches!(spans[1].status, Status::Error { .. }));
    let sent: Vec<_> =
        server.seen().iter().map(|it| it.headers.contains_key("traceparent")).collect();
    assert_eq!(sent, [true, false, true, true]);
}

#[tokio::test]
async fn a_blocking_client_may_come_from_a_builder() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, options) = (server.url("/"), telemetry.options());
    let work = move || {
        let plain = reqwest::blocking::Client::builder();
        let client = blocking::instrument_builder(plain, options)
            .no_proxy()
            .timeout(None)
            .user_agent("test/1")
            .build()
            .unwrap();
        client.get(&url).send().unwrap();
        // Those that make their own builder are recorded too, with what is global.
        let own = [blocking::Client::builder(), blocking::ClientBuilder::new()];
        for builder in own {
            let client = builder.no_proxy().build().unwrap();
            client.get(&url).url_template("/").untraced().send().unwrap();
        }
        let _: blocking::Client = reqwest::blocking::Client::new().into();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(telemetry.one().name, "GET");
    assert_eq!(server.seen()[0].headers["user-agent"], "test/1");
}
