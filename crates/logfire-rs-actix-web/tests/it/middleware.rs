//! The order of middleware, and what shares a request.

use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::middleware::{
    Compress, Condition, DefaultHeaders, ErrorHandlerResponse, ErrorHandlers, Logger,
};
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, HttpResponse, web};
use logfire_rs_actix_web::{current_request, instrument_with, middleware, spawn};
use opentelemetry::Context;
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _};

use crate::Spans;

async fn ok() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn a_request_is_recorded_once() {
    let spans = Spans::new();
    let scope = web::scope("/a").wrap(middleware(spans.options())).route("/{id}", web::to(ok));
    let app = App::new().service(scope);
    let app = instrument_with(instrument_with(app, spans.options()), spans.options());
    let app = init_service(app).await;
    assert_eq!(
        spans.of(&app, "GET /a/1").await,
        "GET /a/{id} | route /a/{id} | path /a/1 | 200 | -"
    );

    // Nor is one recorded that the outer one excludes.
    let scope = web::scope("/a").wrap(middleware(spans.options())).route("/{id}", web::to(ok));
    let options = spans.options().excluded_urls(["/a/"]);
    let app = init_service(instrument_with(App::new().service(scope), options)).await;
    assert_eq!(spans.of(&app, "GET /a/1").await, "");
}

#[actix_web::test]
async fn the_context_of_what_is_not_recorded_is_passed_on_to_its_tasks() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let spans = Spans::new();
    for (options, sampled) in
        [(spans.options().spans(false), true), (spans.options().excluded_urls(["."]), false)]
    {
        let work = || async {
            let context = Context::current();
            let span = context.span();
            format!("{} {}", span.span_context().trace_id(), span.span_context().is_sampled())
        };
        let handler = move || async move { spawn(work()).await.unwrap() };
        let app = App::new().route("/", web::to(handler));
        let app = init_service(instrument_with(app, options)).await;
        let request = TestRequest::get().insert_header(("traceparent", PARENT)).to_request();
        let told = call_and_read_body(&app, request).await;
        assert_eq!(told, format!("0af7651916cd43dd8448eb211c80319c {sampled}"));
        assert!(spans.take().is_empty());
    }
}

#[actix_web::test]
async fn a_service_called_in_a_handler_is_another_request() {
    let spans = Spans::new();
    let inner = App::new().route("/inner", web::to(ok));
    let inner = std::rc::Rc::new(init_service(instrument_with(inner, spans.options())).await);
    let handler = move || {
        let inner = std::rc::Rc::clone(&inner);
        async move {
            let request = TestRequest::with_uri("/inner").to_request();
            let body = call_and_read_body(&*inner, request).await;
            assert_eq!(current_request().unwrap().path(), "/outer");
            body
        }
    };
    let app = App::new().route("/outer", web::to(handler));
    let app = init_service(instrument_with(app, spans.options())).await;
    call_and_read_body(&app, TestRequest::with_uri("/outer").to_request()).await;
    let recorded = spans.take();
    let names: Vec<_> = recorded.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["GET /inner", "GET /outer"]);
}

fn apology<B: 'static>() -> ErrorHandlers<B> {
    ErrorHandlers::new().handler(StatusCode::INTERNAL_SERVER_ERROR, |response| {
        let sorry = HttpResponse::ServiceUnavailable().body("sorry");
        let response = ServiceResponse::new(response.into_parts().0, sorry);
        Ok(ErrorHandlerResponse::Response(response.map_into_right_body()))
    })
}

#[actix_web::test]
async fn inside_and_outside_of_the_middleware_of_actix_web() {
    let spans = Spans::new();
    let routes = |config: &mut web::ServiceConfig| {
        config
            .route("/", web::to(|| async { "hello".repeat(1000) }))
            .route("/fail", web::to(|| async { HttpResponse::InternalServerError().finish() }));
    };
    let app = App::new()
        .configure(routes)
        .wrap(Compress::default())
        .wrap(apology())
        .wrap(DefaultHeaders::new().add(("x-default", "1")))
        .wrap(Condition::new(true, Logger::default()));
    let inside = init_service(instrument_with(app, spans.options())).await;
    assert_eq!(spans.of(&inside, "GET /").await, "GET / | route / | path / | 200 | -");
    assert_eq!(
        spans.of(&inside, "GET /fail").await,
        "GET /fail | route /fail | path /fail | 503 | 503"
    );
    let app = instrument_with(App::new().configure(routes), spans.options())
        .wrap(Compress::default())
        .wrap(apology())
        .wrap(Logger::default());
    let outside = init_service(app).await;
    assert_eq!(spans.of(&outside, "GET /").await, "GET / | route / | path / | 200 | -");
    assert_eq!(
        spans.of(&outside, "GET /fail").await,
        "GET /fail | route /fail | path /fail | 500 | 500"
    );
}

#[actix_web::test]
async fn the_context_is_current_from_the_first_call_on() {
    let spans = Spans::new();
    let tracer = spans.provider.tracer("application");
    let app = App::new().route("/", web::to(ok)).wrap_fn(move |request, service| {
        // Not in the future: in the call itself.
        tracer.start("in the call").end();
        actix_web::dev::Service::call(service, request)
    });
    let app = init_service(instrument_with(app, spans.options())).await;
    call_and_read_body(&app, TestRequest::with_uri("/").to_request()).await;
    let recorded = spans.take();
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[0].parent_span_id, recorded[1].span_context.span_id());
}
