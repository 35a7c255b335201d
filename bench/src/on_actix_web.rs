//! Applications of actix-web.

use std::future::poll_fn;
use std::hint::black_box;
use std::net::SocketAddr;
use std::pin::pin;

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service as _, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{App, Error, HttpResponse, web};
use bytes::Bytes;
use logfire_rs::{instrument_actix_web, instrument_actix_web_with};
use opentelemetry_instrumentation_actix_web::{RequestMetrics, RequestTracing};
use serde::Serialize;
use tracing_actix_web::TracingLogger;

use crate::configuration::Configuration;
use crate::on_axum::{metrics, trace, with_provider};
use crate::request::{self, VARIETY};
use crate::subscriber::Subscriber;
use crate::{Candidate, Drive};

/// Everything that instruments an application.
pub fn candidates() -> Vec<Candidate> {
    vec![
        Candidate::new("bare", |it| drive(App::new(), it)),
        Candidate::new("**logfire-rs**", |it| drive(instrument_actix_web(App::new()), it)),
        Candidate::new("**logfire-rs**, trace", |it| {
            drive(instrument_actix_web_with(App::new(), trace()), it)
        }),
        Candidate::new("**logfire-rs**, trace, provider in the options", |it| {
            drive(instrument_actix_web_with(App::new(), with_provider(trace())), it)
        }),
        Candidate::new("**logfire-rs**, metrics", |it| {
            drive(instrument_actix_web_with(App::new(), metrics()), it)
        }),
        Candidate::new("opentelemetry-instrumentation-actix-web, trace", |it| {
            drive(App::new().wrap(RequestTracing::new()), it)
        }),
        Candidate::new("opentelemetry-instrumentation-actix-web, metrics", |it| {
            drive(App::new().wrap(RequestMetrics::default()), it)
        }),
        Candidate::new("opentelemetry-instrumentation-actix-web, trace and metrics", |it| {
            drive(App::new().wrap(RequestTracing::new()).wrap(RequestMetrics::default()), it)
        }),
        Candidate::traced("tracing-actix-web, no OpenTelemetry", Subscriber::Registry, |it| {
            drive(App::new().wrap(TracingLogger::default()), it)
        }),
        Candidate::traced("tracing-actix-web (0.32), trace", Subscriber::OpenTelemetry032, |it| {
            drive(App::new().wrap(TracingLogger::default()), it)
        }),
    ]
}

#[derive(Serialize)]
struct User {
    id: u64,
    name: &'static str,
    active: bool,
}

async fn user(id: web::Path<u64>) -> web::Json<User> {
    web::Json(User { id: *id, name: "Ada Lovelace", active: true })
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().body("ok")
}

fn routes(config: &mut web::ServiceConfig) {
    let users = web::resource("/users").route(web::get().to(ok)).route(web::post().to(ok));
    let one = web::resource("/users/{id}").route(web::get().to(user)).route(web::delete().to(ok));
    config
        .route("/", web::get().to(ok))
        .route("/health", web::get().to(ok))
        .service(users)
        .service(one)
        .route("/users/{id}/posts", web::get().to(ok));
}

fn drive<T, B>(app: App<T>, configuration: Configuration) -> Drive
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let runtime = actix_web::rt::Runtime::new().expect("a runtime");
    let service = runtime.block_on(actix_web::test::init_service(app.configure(routes)));
    let mut requests = Requests::new(configuration);
    Box::new(move |count| {
        runtime.block_on(async {
            for _ in 0..count {
                let response = service.call(requests.make()).await.expect("an answer");
                let mut body = pin!(response.into_body());
                while let Some(part) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                    let _ = black_box(part.is_ok());
                }
            }
        });
    })
}

/// Requests of `http` 0.2, one after the other.
struct Requests {
    templates: Vec<(Uri, HeaderMap, SocketAddr)>,
    next: usize,
}

impl Requests {
    fn new(configuration: Configuration) -> Self {
        let template = |number| {
            let value = |it: &'static str| {
                HeaderValue::from_maybe_shared(Bytes::from(it.as_bytes().to_vec()))
            };
            let headers = request::headers(number, configuration).into_iter();
            let headers = headers
                .map(|(name, it)| (HeaderName::from_static(name), value(it).expect("a value")));
            let uri = request::uri(number, configuration).parse().expect("a URI");
            (uri, headers.collect(), request::peer(number))
        };
        Self { templates: (0..VARIETY).map(template).collect(), next: 0 }
    }

    fn make(&mut self) -> Request {
        self.next = (self.next + 1) % self.templates.len();
        let (uri, headers, peer) = &self.templates[self.next];
        let mut request = Request::new();
        let head = request.head_mut();
        head.uri = uri.clone();
        head.headers = headers.clone();
        head.peer_addr = Some(*peer);
        request
    }
}
