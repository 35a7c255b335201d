//! hyper-util's client against real servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so at once")]

mod connections;
mod telemetry;

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use logfire_rs_hyper::{HttpClientOptions, PerRequest, instrument_client, instrument_client_with};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use self::telemetry::{Telemetry, attribute};

/// Answers with the headers of the request that matter here.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let header = |name| request.headers().get(name).map_or("-", |it| it.to_str().unwrap_or("?"));
    let lines = request.headers().get_all("traceparent").iter().count();
    let body = format!("{} {} {lines}", header("traceparent"), header("tracestate"));
    let mut response = Response::new(Full::from(body));
    if request.uri().path() == "/missing" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let builder = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await
            });
        }
    });
    address
}

/// What is recorded of one request, and the body of the answer.
async fn observe(
    request: Request<Full<Bytes>>,
    options: impl FnOnce(HttpClientOptions) -> HttpClientOptions,
) -> (String, String) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let plain = legacy::Client::builder(TokioExecutor::new()).build_http();
    let defaults = HttpClientOptions::default()
        .tracer_provider(provider.clone())
        .metrics(false)
        .env_lookup(|_| None);
    let client = instrument_client_with(plain, options(defaults));
    let body = match client.request(request).await {
        Ok(response) => response.into_body().collect().await.unwrap().to_bytes().to_vec(),
        Err(_) => Vec::new(),
    };
    let spans = exporter.get_finished_spans().unwrap();
    let lines = spans.iter().map(|span| {
        let wanted = ["error.type", "http.response.status_code", "url.full", "url.template"];
        let found = span.attributes.iter().filter(|it| wanted.contains(&it.key.as_str()));
        let mut values: Vec<_> = found.map(|it| it.value.to_string()).collect();
        values.sort();
        format!("{} {}", span.name, values.join(" "))
    });
    (lines.collect::<Vec<_>>().join("\n"), String::from_utf8(body).unwrap())
}

fn get(uri: String) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn requests_are_recorded_and_carry_the_context() {
    let address = serve().await;
    let (span, sent) = observe(get(format!("http://{address}/a?sig=s3cret")), |it| it).await;
    assert_eq!(span, format!("GET 200 http://{address}/a?sig=REDACTED"));
    assert!(sent.starts_with("00-") && sent.ends_with("-01 - 1"), "{sent}");

    let mut stale = get(format!("http://{address}/missing"));
    stale.headers_mut().insert("traceparent", "stale".parse().unwrap());
    stale.headers_mut().insert("tracestate", "stale=1".parse().unwrap());
    let (span, sent) = observe(stale, |it| it).await;
    assert_eq!(span, format!("GET 404 404 http://{address}/missing"));
    assert!(sent.starts_with("00-") && sent.ends_with("-01 - 1"), "{sent}");
}

#[tokio::test]
async fn settings_of_one_request() {
    let address = serve().await;
    let mut request = get(format!("http://{address}/users/1"));
    let settings = PerRequest::default().url_template("/users/{id}").no_propagation();
    request.extensions_mut().insert(settings);
    let (span, sent) = observe(request, |it| it).await;
    assert_eq!(span, format!("GET /users/{{id}} /users/{{id}} 200 http://{address}/users/1"));
    assert_eq!(sent, "- - 0");

    let mut untraced = get(format!("http://{address}/users/1"));
    untraced.extensions_mut().insert(PerRequest::default().untraced());
    assert_eq!(observe(untraced, |it| it).await, (String::new(), "- - 0".to_owned()));
    let excluded = get(format!("http://{address}/health"));
    let options = |it: HttpClientOptions| it.excluded_urls(["health"]);
    assert_eq!(observe(excluded, options).await, (String::new(), "- - 0".to_owned()));
}

#[tokio::test]
async fn a_hook_sees_the_extensions_and_may_fail() {
    let (address, telemetry) = (serve().await, Telemetry::new());
    let plain = legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client =
        instrument_client_with(plain, telemetry.options()).on_request(|span, extensions| {
            let Some(number) = extensions.get::<i64>() else { panic!("on purpose") };
            span.set_attribute(KeyValue::new("number", *number));
        });
    let mut request = get(format!("http://{address}/"));
    request.extensions_mut().insert(7_i64);
    client.request(request).await.unwrap();
    client.request(get(format!("http://{address}/"))).await.unwrap();
    let spans = telemetry.take();
    let found = spans.iter().map(|it| attribute(it, "number"));
    assert_eq!(found.collect::<Vec<_>>(), [Some("7".to_owned()), None]);
}

#[tokio::test]
async fn bodies_of_answers_are_captured_while_they_are_read() {
    let address = serve().await;
    let request = get(format!("http://{address}/"));
    let (spans, _) = observe(request, |it| it.capture_response_body(true)).await;
    assert!(spans.contains("Reading response body"), "{spans}");
}

#[tokio::test]
async fn errors_are_one_of_few_words() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (span, _) = observe(get(format!("http://{closed}/")), |it| it).await;
    assert_eq!(span, format!("GET connection_refused http://{closed}/"));

    let (span, _) = observe(get("http://does-not-exist.invalid/".to_owned()), |it| it).await;
    assert_eq!(span, "GET http://does-not-exist.invalid/ name_resolution_error");

    for (answer, expected) in [("", "response_ended"), ("nonsense\r\n\r\n", "invalid_response")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The request is read first, so that the answer is not a reset.
            stream.readable().await.unwrap();
            let _ = stream.try_read(&mut [0; 4096]);
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let (span, _) = observe(get(format!("http://{address}/")), |it| it).await;
        // The connection may be found closed or reset first.
        let words = [expected, "connection_closed", "connection_reset"];
        assert!(words.iter().any(|it| span.contains(it)), "{span}");
    }
}

/// The futures of clients are often boxed. With a body that has a boxed error, `oneshot` in an `async`
/// block is refused by the compiler with hyper-util's own client too; these are not.
#[tokio::test]
async fn futures_may_be_sent_to_other_threads() {
    fn boxed<F>(future: F) -> std::pin::Pin<Box<dyn Future<Output = F::Output> + Send>>
    where
        F: Future + Send + 'static,
    {
        Box::pin(future)
    }
    type AnyBody = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    let address = serve().await;
    let request = || Request::get(format!("http://{address}/"));
    let plain = legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client = instrument_client(plain);
    let whole = request().body(Full::default()).unwrap();
    let plain = legacy::Client::builder(TokioExecutor::new()).build_http::<AnyBody>();
    let any_client = instrument_client(plain);
    let any = || request().body(Full::default().map_err(|error| match error {}).boxed()).unwrap();
    let (first, second) = (any(), any());
    let outside = any_client.clone().oneshot(first);
    for future in [
        boxed(async move { client.oneshot(whole).await }),
        boxed(outside),
        boxed(async move { any_client.request(second).await }),
    ] {
        assert_eq!(future.await.unwrap().status(), StatusCode::OK);
    }
}
