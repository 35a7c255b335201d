//! The reqwest client against the site: what it records, and one trace across both sides.

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Request, Response};
use insta::assert_snapshot;
use logfire_rs_conformance::{FRONT_ENDS, Site, Telemetry};
use logfire_rs_sdk::testing::Spans;
use logfire_rs_tower::{HttpClientLayer, InstrumentedClientBody, PerRequest};
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry_sdk::trace::SpanData;
use tower::retry::Policy;
use tower::{Service as _, ServiceBuilder, ServiceExt as _};

/// Sends one request to the site, and gives the spans of the client and the metrics.
async fn observe(path: &str) -> String {
    let telemetry = Telemetry::default();
    let site = Site::new(&telemetry, telemetry.server_options().spans(false).metrics(false));
    let address = (FRONT_ENDS[0].serve)(site).await;
    let client = logfire_rs_reqwest::instrument_with(plain_client(), telemetry.client_options());
    let _ = client.get(format!("http://ada:s3cret@{address}{path}")).send().await;
    let text = of_kind(&telemetry.spans(), &SpanKind::Client);
    let text = format!("{text}\n{}", telemetry.metrics());
    text.replace(&address.to_string(), "site.example")
}

/// A client without instrumentation.
///
/// Tests of other packages may have turned TLS on in reqwest; it wants to be told by whom then.
fn plain_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn of_kind(spans: &[SpanData], kind: &SpanKind) -> Spans {
    spans.iter().filter(|it| it.span_kind == *kind).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answered() {
    assert_snapshot!(observe("/users/1?a=b&sig=s3cret").await, @r#"
    GET [client]
        http.request.method = "GET"
        http.response.status_code = 200
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/users/1?a=b&sig=REDACTED"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.duration{http.request.method=GET, http.response.status_code=200, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found() {
    assert_snapshot!(observe("/nowhere").await, @r#"
    GET [client] error
        error.type = "404"
        http.request.method = "GET"
        http.response.status_code = 404
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.1"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/nowhere"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.duration{error.type=404, http.request.method=GET, http.response.status_code=404, network.protocol.version=1.1, server.address=127.0.0.1, server.port=<port>} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer() {
    assert_snapshot!(observe("/panic").await, @r#"
    GET [client] error: error sending request: client error (SendRequest): connection closed before message completed
        error.type = "response_ended"
        http.request.method = "GET"
        server.address = "127.0.0.1"
        server.port = <port>
        url.full = "http://site.example/panic"
      ! exception
        exception.message = "error sending request: client error (SendRequest): connection closed before message completed"
        exception.type = "response_ended"

    http.client.active_requests{http.request.method=GET, server.address=127.0.0.1, server.port=<port>} = 0
    http.client.request.duration{error.type=response_ended, http.request.method=GET, server.address=127.0.0.1, server.port=<port>} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_on_both_sides() {
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        let site = Site::new(&telemetry, telemetry.server_options());
        let address = (front_end.serve)(site).await;
        let client =
            logfire_rs_reqwest::instrument_with(plain_client(), telemetry.client_options());
        let outer = telemetry.tracer().start("outer");
        let context = opentelemetry::Context::current().with_span(outer);
        let request = {
            let _current = context.clone().attach();
            client.get(format!("http://{address}/users/1")).header("traceparent", "stale").send()
        };
        request.await.unwrap().text().await.unwrap();
        context.span().end();
        let recorded = telemetry.server_spans(1).await;
        let names: Vec<_> = recorded
            .to_string()
            .lines()
            .filter(|it| it.ends_with(']'))
            .map(str::to_owned)
            .collect();
        let expected = [
            "outer [internal]",
            "  GET [client]",
            "    GET /users/{id} [server from remote]",
            "      load user [internal]",
        ];
        assert_eq!(names, expected, "{}", front_end.name);
    }
}

/// Sends a request again as long as the answer is a 503.
#[derive(Clone)]
struct WhileBusy;

impl Policy<Request<String>, Response<String>, Infallible> for WhileBusy {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<String>,
        answer: &mut Result<Response<String>, Infallible>,
    ) -> Option<Self::Future> {
        let busy = answer.as_ref().is_ok_and(|it| it.status() == 503);
        busy.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<String>) -> Option<Request<String>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn the_attempts_of_a_layer_that_retries_are_counted_if_asked_for() {
    for (counted, expected) in [(true, vec![None, Some(1), Some(2), None]), (false, vec![None; 4])]
    {
        let telemetry = Telemetry::default();
        let sent = Arc::new(AtomicU32::new(0));
        let send = move |_: Request<String>| {
            let busy = sent.fetch_add(1, Ordering::Relaxed) < 2;
            let answer = Response::builder().status(if busy { 503 } else { 200 });
            ready(Ok::<_, Infallible>(answer.body(String::new()).unwrap()))
        };
        let mut client = ServiceBuilder::new()
            .map_request(move |mut request: Request<String>| {
                let settings = PerRequest::default();
                let settings = if counted { settings.count_attempts() } else { settings };
                request.extensions_mut().insert(settings);
                request
            })
            .retry(WhileBusy)
            .map_response(|it: Response<InstrumentedClientBody<String>>| it.map(|_| String::new()))
            .layer(HttpClientLayer::new(telemetry.client_options()))
            .service_fn(send);
        for _ in 0..2 {
            let request = Request::get("http://site.example/").body(String::new()).unwrap();
            let answer = client.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(answer.status(), 200);
        }
        let spans = telemetry.spans();
        let count = |span: &SpanData| {
            let mut attributes = span.attributes.iter();
            let count = attributes.find(|it| it.key.as_str() == "http.request.resend_count")?;
            Some(count.value.clone())
        };
        let expected: Vec<_> = expected.into_iter().map(|it| it.map(Value::I64)).collect();
        assert_eq!(spans.iter().map(count).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_target_may_be_less_than_a_url() {
    for (method, target, host, expected) in [
        ("GET", "/a?b=c", Some("site.example:81"), "http://site.example:81/a?b=c site.example 81"),
        ("GET", "/a", None, "http:///a - 80"),
        ("OPTIONS", "*", Some("site.example"), "http://site.example site.example 80"),
        ("CONNECT", "site.example:443", None, "http://site.example:443 site.example 443"),
        ("GET", "https://site.example", Some("[::1]:82"), "https://site.example/ ::1 82"),
        ("GET", "ftp://site.example/a", None, "ftp://site.example/a site.example -"),
    ] {
        let telemetry = Telemetry::default();
        let send = |_: Request<String>| ready(Ok::<_, Infallible>(Response::new(String::new())));
        let layer = HttpClientLayer::new(telemetry.client_options());
        let client = ServiceBuilder::new().layer(layer).service_fn(send);
        let mut request = Request::builder().method(method).uri(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        client.oneshot(request.body(String::new()).unwrap()).await.unwrap();
        let spans = telemetry.spans();
        let text = |key| {
            let found = spans[0].attributes.iter().find(|it| it.key.as_str() == key);
            found.map_or_else(|| "-".to_owned(), |it| it.value.to_string())
        };
        let keys = ["url.full", "server.address", "server.port"];
        assert_eq!(keys.map(text).join(" "), expected, "{method} {target}");
    }
}

#[tokio::test]
async fn the_limit_of_time_of_a_tower_service_is_a_timeout() {
    let telemetry = Telemetry::default();
    let client = ServiceBuilder::new()
        .layer(HttpClientLayer::new(telemetry.client_options()))
        .timeout(Duration::from_millis(1))
        .service_fn(|_: Request<String>| pending::<Result<Response<String>, Infallible>>());
    let request = Request::get("http://site.example/").body(String::new()).unwrap();
    client.oneshot(request).await.unwrap_err();
    let span = telemetry.spans().to_string();
    assert!(span.contains(r#"error.type = "timeout""#), "{span}");
}
