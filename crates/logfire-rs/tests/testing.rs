//! `testing::capture` as a user has it: an app, a client, a socket between them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use axum::{Router, body::Body, extract::Path, http::Request, routing::get};
use logfire_rs::{
    HttpClientOptions, HttpServerOptions,
    opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _},
    sdk::opentelemetry_sdk::trace::Sampler,
    testing::{Captured, Recorder, capture},
};
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;

#[tracing::instrument]
async fn load(id: u32) -> String {
    tracing::info!(id, "loaded");
    format!("user {id}")
}

fn app(options: HttpServerOptions) -> Router {
    let user = async |Path(id): Path<u32>| load(id).await;
    logfire_rs::instrument_axum_with(Router::new().route("/users/{id}", get(user)), options)
}

async fn one_request() -> Captured {
    capture(HttpServerOptions::default(), async |options| {
        let request = Request::get("/users/7").body(Body::empty()).unwrap();
        let response = app(options).oneshot(request).await.unwrap();
        axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn an_app_and_what_tracing_records_in_it() {
    let expected = "\
GET /users/{id} [server]
    http.request.method = \"GET\"
    http.response.status_code = 200
    http.route = \"/users/{id}\"
    network.protocol.version = \"1.1\"
    url.path = \"/users/7\"
    url.scheme = \"http\"
  load [internal]
      id = \"7\"
      target = \"testing\"
    - INFO loaded
        id = 7

http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
";
    assert_eq!(one_request().await.to_string(), expected);
}

#[tokio::test]
async fn ids_and_times_are_the_same_in_every_run() {
    let (first, second) = (one_request().await, one_request().await);
    assert_eq!(*first.spans, *second.spans);
    let ids: Vec<_> = first.spans.iter().map(|it| it.span_context.span_id().to_string()).collect();
    assert_eq!(ids, ["0000000000000002", "0000000000000001"]);
    assert_eq!(first.logs[0].timestamp(), second.logs[0].timestamp());
    // The request starts, the work starts, the log, the work ends, the request ends.
    let seconds =
        |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let times: Vec<_> =
        first.spans.iter().map(|it| (seconds(it.start_time), seconds(it.end_time))).collect();
    assert_eq!((times, first.logs[0].timestamp().map(seconds)), (vec![(2, 4), (1, 5)], Some(3)));
}

#[tokio::test]
async fn a_client_and_a_server_over_a_socket() {
    let options = (HttpServerOptions::default(), HttpClientOptions::default());
    let captured = capture(options, async |(server, client)| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/users/7", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app(server)).await });
        // Tests of other packages may have turned TLS on in reqwest; it wants to be told by whom.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = logfire_rs::instrument_reqwest_with(reqwest::Client::new(), client);
        // The server may see the end of its response later than its client.
        assert_eq!(client.get(url).send().await.unwrap().text().await.unwrap(), "user 7");
    })
    .await;
    let text = captured.spans.to_string();
    let names: Vec<_> = text.lines().filter(|line| line.ends_with(']')).collect();
    let expected =
        ["GET [client]", "  GET /users/{id} [server from remote]", "    load [internal]"];
    assert_eq!(names, expected, "{text}");
    assert_eq!(captured.logs.to_string(), "- INFO loaded\n    id = 7\n");
    let metrics = captured.metrics.to_string();
    assert!(metrics.contains("http.client.request.duration{"), "{metrics}");
    assert!(metrics.contains("server.port=<port>"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_another_thread_is_given_the_subscriber() {
    let captured = capture((), async |()| {
        let work = async {
            load(7).await;
        };
        tokio::spawn(work.with_current_subscriber()).await.unwrap();
    })
    .await;
    let expected = "\
load [internal]
    id = \"7\"
    target = \"testing\"
  - INFO loaded
      id = 7
";
    assert_eq!(captured.to_string(), expected);
}

#[tokio::test]
async fn captures_side_by_side_do_not_mix() {
    let texts = futures_util::future::join(one_request(), one_request()).await;
    assert_eq!(texts.0.to_string(), texts.1.to_string());
}

#[tokio::test]
async fn what_stays_open_is_waited_for_and_then_left_out() {
    let recorder = Recorder::default();
    let mut late = recorder.tracer_provider().tracer("test").start("late");
    let captured = recorder
        .record(async {
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                late.end();
            });
        })
        .await;
    assert_eq!(captured.to_string(), "late [internal]\n");

    let recorder = Recorder::default();
    let forgotten = recorder.tracer_provider().tracer("test").start("forgotten");
    assert_eq!(recorder.record(async {}).await.to_string(), "");
    drop(forgotten);
    assert_eq!(recorder.captured().to_string(), "forgotten [internal]\n");
}

#[tokio::test]
async fn samplers_by_ratio_see_ids_that_are_spread() {
    let recorder = Recorder::with_sampler(Sampler::TraceIdRatioBased(0.25));
    let tracer = recorder.tracer_provider().tracer("test");
    (0..100).for_each(|_| tracer.in_span("work", |_| ()));
    let sampled = recorder.captured().spans.len();
    assert!((20..30).contains(&sampled), "{sampled}");
}
