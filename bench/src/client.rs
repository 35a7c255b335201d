//! Clients: over loopback, and on a stub, which is the instrumentation alone.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Once, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::future::FutureExt as _;
use fastrace::prelude::{Span, SpanContext};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Extensions, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use logfire_rs::tower::HttpClientLayer;
use logfire_rs::{HttpClientOptions, instrument_reqwest_with};
use logfire_rs_reqwest::HttpClientMiddleware;
use reqwest::{Client, Method, Request, Response, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use reqwest_tracing::TracingMiddleware;
use tokio::net::TcpListener;
use tower::{Layer as _, Service, service_fn};

use crate::request::{ANSWER, VARIETY};
use crate::subscriber::Subscriber;
use crate::{Candidate, Drive};

fn trace() -> HttpClientOptions {
    HttpClientOptions::default().metrics(false)
}

/// What a middleware of reqwest-middleware costs, when nothing is sent.
pub fn on_stub() -> Vec<Candidate> {
    vec![
        Candidate::new("bare", |_| {
            drive(stub_address(), |request| {
                black_box(&request);
                std::future::ready(answer())
            })
        }),
        Candidate::new("reqwest-middleware, nothing else", |_| {
            through(ClientBuilder::new(client()))
        }),
        Candidate::new("**logfire-rs** as a middleware", |_| {
            through(ClientBuilder::new(client()).with(HttpClientMiddleware::default()))
        }),
        Candidate::new("**logfire-rs** as a middleware, trace", |_| {
            through(ClientBuilder::new(client()).with(HttpClientMiddleware::new(trace())))
        }),
        Candidate::traced("reqwest-tracing (0.32), trace", Subscriber::OpenTelemetry032, |_| {
            through(ClientBuilder::new(client()).with(TracingMiddleware::default()))
        }),
    ]
}

fn through(builder: ClientBuilder) -> Drive {
    let client = Rc::new(builder.with(Stub).build());
    drive(stub_address(), move |request| {
        let client = Rc::clone(&client);
        async move { client.execute(request).await.expect("an answer") }
    })
}

/// Answers in the place of a server.
struct Stub;

#[async_trait]
impl Middleware for Stub {
    async fn handle(
        &self,
        request: Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        black_box(&request);
        Ok(answer())
    }
}

fn answer() -> Response {
    let mut response = http::Response::new(Bytes::from_static(ANSWER.as_bytes()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.into()
}

/// What our layer for clients costs, when nothing is sent.
pub fn on_tower() -> Vec<Candidate> {
    vec![
        Candidate::new("bare", |_| call(service_fn(answer_at_once))),
        Candidate::new("**logfire-rs**", |_| {
            call(
                HttpClientLayer::new(HttpClientOptions::default())
                    .layer(service_fn(answer_at_once)),
            )
        }),
        Candidate::new("**logfire-rs**, trace", |_| {
            call(HttpClientLayer::new(trace()).layer(service_fn(answer_at_once)))
        }),
    ]
}

async fn answer_at_once(
    request: http::Request<Full<Bytes>>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    black_box(&request);
    let mut response = http::Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn call<S, B>(mut service: S) -> Drive
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<B>, Error = Infallible>
        + 'static,
    B: http_body::Body,
{
    let runtime = crate::runtime();
    let uri = |it| format!("http://{}/users/{it}", stub_address()).parse().expect("a URI");
    let uris: Vec<http::Uri> = (0..VARIETY).map(uri).collect();
    let mut turn = 0;
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                turn = (turn + 1) % VARIETY;
                let mut request = http::Request::new(Full::default());
                *request.uri_mut() = uris[turn].clone();
                let json = HeaderValue::from_static("application/json");
                request.headers_mut().insert(ACCEPT, json);
                let Ok(response) = service.call(request).await;
                let _ = black_box(response.into_body().collect().await.is_ok());
            }
        });
    })
}

/// Clients of a server in another thread.
pub fn on_loopback() -> Vec<Candidate> {
    vec![
        Candidate::new("bare", |_| {
            let client = client();
            drive(server(), move |request| {
                let sent = client.execute(request);
                async move { sent.await.expect("an answer") }
            })
        }),
        Candidate::new("**logfire-rs**", |_| ours(HttpClientOptions::default())),
        Candidate::new("**logfire-rs**, trace", |_| ours(trace())),
        Candidate::new("reqwest-middleware, nothing else", |_| over(ClientBuilder::new(client()))),
        Candidate::traced("reqwest-tracing (0.32), trace", Subscriber::OpenTelemetry032, |_| {
            over(ClientBuilder::new(client()).with(TracingMiddleware::default()))
        }),
        Candidate::new("fastrace-reqwest, a span and its header", |_| {
            report_to_fastrace();
            let client = client();
            drive(server(), move |mut request| {
                let client = client.clone();
                let sent = async move {
                    request.headers_mut().extend(fastrace_reqwest::traceparent_headers());
                    client.execute(request).await.expect("an answer")
                };
                sent.in_span(Span::root("GET", SpanContext::random()))
            })
        }),
    ]
}

fn ours(options: HttpClientOptions) -> Drive {
    let client = instrument_reqwest_with(client(), options);
    drive(server(), move |request| {
        let sent = client.execute(request);
        async move { sent.await.expect("an answer") }
    })
}

fn over(builder: ClientBuilder) -> Drive {
    let client: Rc<ClientWithMiddleware> = Rc::new(builder.build());
    drive(server(), move |request| {
        let client = Rc::clone(&client);
        async move { client.execute(request).await.expect("an answer") }
    })
}

fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

/// A name for the server that nobody asks.
fn stub_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn drive<F>(server: SocketAddr, mut send: impl FnMut(Request) -> F + 'static) -> Drive
where
    F: Future<Output = Response>,
{
    let runtime = crate::runtime();
    let url = |it| Url::parse(&format!("http://{server}/users/{}", 1000 + it)).expect("a URL");
    let urls: Vec<Url> = (0..VARIETY).map(url).collect();
    let mut turn = 0;
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                turn = (turn + 1) % VARIETY;
                let mut request = Request::new(Method::GET, urls[turn].clone());
                let json = HeaderValue::from_static("application/json");
                request.headers_mut().insert(ACCEPT, json);
                let response = send(request).await;
                let _ = black_box(response.bytes().await.is_ok());
            }
        });
    })
}

/// A server for the whole process, in its own thread.
fn server() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            crate::runtime().block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    let service = hyper::service::service_fn(async |_| {
                        let body = Full::new(Bytes::from_static(ANSWER.as_bytes()));
                        Ok::<_, Infallible>(http::Response::new(body))
                    });
                    let connection = http1::Builder::new();
                    tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        address
    })
}

/// Has fastrace free its spans in its own thread.
pub(crate) fn report_to_fastrace() {
    struct Dropped;
    impl Reporter for Dropped {
        fn report(&mut self, _: Vec<SpanRecord>) {}
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| fastrace::set_reporter(Dropped, Config::default()));
}
