//! The site on actix-web.

use std::net::{SocketAddr, TcpListener};

use actix_web::body::BodyStream;
use actix_web::guard;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{
    App, FromRequest, Handler, HttpResponse, HttpServer, Resource, Responder, ResponseError,
};
use futures_util::Stream;
use logfire_rs_actix_web::current_request;

use crate::site::{BodyError, ERROR_TEXT};
use crate::{Site, run_actix_web};

pub(super) async fn serve(site: Site) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let app = move || {
        let app = App::new().app_data(Data::new(site.clone())).configure(routes);
        logfire_rs_actix_web::instrument_with(app, site.options.clone())
    };
    let server = HttpServer::new(app)
        .workers(1)
        .disable_signals()
        // As hyper does: by default actix-web lets a handler finish whose client is gone.
        .h1_allow_half_closed(false)
        .listen_auto_h2c(listener)
        .unwrap()
        .run();
    run_actix_web(server);
    address
}

fn routes(config: &mut ServiceConfig) {
    config
        .service(get("/", || async { "hello" }))
        .service(get("/users/{id}", |site: Data<Site>| async move { site.load_user().await }))
        .service(web::scope("/api/v1").service(get("/items/{id}", || async { "item" })))
        .service(get("/fail", || async { HttpResponse::InternalServerError().finish() }))
        .service(get("/error", || async { Err::<String, _>(Failure) }))
        .service(get("/panic", panic))
        .service(get("/slow", slow))
        .service(get("/stream", |site: Data<Site>| async move { stream(site.stream()) }))
        .service(get("/endless", |site: Data<Site>| async move { stream(site.endless()) }))
        .service(get("/broken", |site: Data<Site>| async move { stream(site.broken()) }))
        .service(get("/panicking-body", |it: Data<Site>| async move { stream(it.panicking()) }))
        .service(get("/events", events))
        .service(get("/empty", || async { HttpResponse::NoContent().finish() }))
        .service(get("/not-modified", || async { HttpResponse::NotModified().finish() }))
        .service(get("/headers", headers))
        .service(web::resource("/echo").route(web::post().to(|body: Bytes| async { body })));
}

/// GET and HEAD, as the other front ends do; a resource of its own, which answers other methods
/// with 405 where `App::route` would answer 404.
fn get<H, A>(path: &str, handler: H) -> Resource
where
    H: Handler<A, Output: Responder>,
    A: FromRequest + 'static,
{
    let methods = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path).route(web::route().guard(methods).to(handler))
}

async fn panic(site: Data<Site>) -> String {
    match site.panic() {}
}

async fn slow(site: Data<Site>) -> String {
    match site.wait_for_ever().await {}
}

async fn events() -> HttpResponse {
    HttpResponse::Ok().content_type("text/event-stream").body("data: 1\n\n")
}

async fn headers() -> HttpResponse {
    HttpResponse::Ok()
        .append_header(("x-reply", "one"))
        .append_header(("x-reply", "two"))
        .append_header(("set-cookie", "session=s3cret-cookie"))
        .finish()
}

fn stream(stream: impl Stream<Item = Result<Bytes, BodyError>> + 'static) -> HttpResponse {
    HttpResponse::Ok().body(BodyStream::new(stream))
}

#[derive(Debug)]
struct Failure;

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(ERROR_TEXT)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(request) = current_request() {
            request.record_error("database_unavailable", self);
        }
        HttpResponse::new(self.status_code())
    }
}
