//! What an error of a handler, an extractor or a middleware leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{
    ErrorBadGateway, ErrorBadRequest, ErrorUnauthorized, InternalError, JsonPayloadError,
    UrlencodedError,
};
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpResponse, ResponseError, web};
use logfire_rs_actix_web::{current_request, instrument_with};
use serde::Deserialize;

use crate::Spans;

#[derive(Deserialize)]
struct Order {
    #[expect(dead_code, reason = "only its type counts")]
    amount: u32,
}

#[derive(Debug)]
struct Broken {
    status: StatusCode,
    own_word: bool,
    answers: Arc<AtomicUsize>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no database at postgres://app:s3cret@db/x")
    }
}

impl ResponseError for Broken {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if self.own_word {
            current_request().unwrap().record_error("database", &"own words");
        }
        HttpResponse::new(self.status)
    }
}

#[actix_web::test]
async fn errors_of_handlers() {
    let spans = Spans::new();
    let answers = Arc::new(AtomicUsize::new(0));
    let broken = |status: StatusCode, own_word| {
        let answers = Arc::clone(&answers);
        web::to(move || {
            let answers = Arc::clone(&answers);
            async move { Err::<String, _>(Broken { status, own_word, answers }) }
        })
    };
    let app = App::new()
        .route("/500", broken(StatusCode::INTERNAL_SERVER_ERROR, false))
        .route("/409", broken(StatusCode::CONFLICT, false))
        .route("/own", broken(StatusCode::INTERNAL_SERVER_ERROR, true))
        .route("/502", web::to(|| async { Err::<String, _>(ErrorBadGateway("token=s3cret")) }));
    let app = init_service(instrument_with(app, spans.options())).await;
    for (path, expected) in [
        (
            "/500",
            "GET /500 | route /500 | path /500 | 500 | handler_error\n\
             ! handler_error: no database at postgres://REDACTED:REDACTED@db/x",
        ),
        (
            "/409",
            "GET /409 | route /409 | path /409 | 409 | -\n\
             ! handler_error: no database at postgres://REDACTED:REDACTED@db/x",
        ),
        ("/own", "GET /own | route /own | path /own | 500 | database\n! database: own words"),
        (
            "/502",
            "GET /502 | route /502 | path /502 | 502 | handler_error\n\
             ! handler_error: token=REDACTED",
        ),
    ] {
        assert_eq!(spans.of(&app, &format!("GET {path}")).await, expected);
    }
    assert_eq!(answers.load(Ordering::Relaxed), 3, "an answer was made twice");
}

#[actix_web::test]
async fn errors_of_extractors_do_not_quote_the_client() {
    let spans = Spans::new();
    let own_answer = web::JsonConfig::default().error_handler(|error, _| {
        InternalError::from_response(error, HttpResponse::UnprocessableEntity().finish()).into()
    });
    let app = App::new()
        .app_data(web::FormConfig::default().limit(16))
        .route("/json", web::to(|_: web::Json<Order>| async { "ok" }))
        .route("/query", web::to(|_: web::Query<Order>| async { "ok" }))
        .route("/form", web::to(|_: web::Form<Order>| async { "ok" }))
        .route("/path/{amount}", web::to(|_: web::Path<u32>| async { "ok" }))
        .service(
            web::resource("/own").app_data(own_answer).to(|_: web::Json<Order>| async { "ok" }),
        );
    let app = init_service(instrument_with(app, spans.options())).await;
    let post = |path: &str, content: ContentType, body: &'static str| {
        TestRequest::post().uri(path).insert_header(content).set_payload(body)
    };
    let form = ContentType::form_url_encoded;
    for (request, expected) in [
        (
            post("/json", ContentType::json(), r#"{"amount": "s3cret"}"#),
            "POST /json | route /json | path /json | 400 | -\n! json_type: line 1 column 19",
        ),
        (
            post("/json", ContentType::json(), "s3cret"),
            "POST /json | route /json | path /json | 400 | -\n! json_invalid: line 1 column 1",
        ),
        (
            post("/json", form(), "s3cret"),
            "POST /json | route /json | path /json | 400 | -\n\
             ! missing_content_type: Content type error",
        ),
        (
            post("/own", ContentType::json(), r#"{"amount": "s3cret"}"#),
            "POST /own | route /own | path /own | 422 | -\n\
             ! json_invalid: the JSON body is invalid",
        ),
        (
            TestRequest::with_uri("/query?amount=s3cret"),
            "GET /query | route /query | path /query | 400 | -\n\
             ! query_invalid: the query is invalid",
        ),
        (
            post("/form", form(), "amount=s3cret"),
            "POST /form | route /form | path /form | 400 | -\n! form_invalid: the form is invalid",
        ),
        (
            post("/form", form(), "amount=12345678901234567890"),
            "POST /form | route /form | path /form | 413 | -\n\
             ! body_too_large: URL encoded payload is larger (27 bytes) than allowed (limit: 16 bytes).",
        ),
        (
            TestRequest::with_uri("/path/x"),
            "GET /path/{amount} | route /path/{amount} | path /path/x | 404 | -\n\
             ! path_invalid: the path is invalid",
        ),
    ] {
        assert_eq!(spans.after(&app, request).await, expected);
    }
}

#[actix_web::test]
async fn what_a_handler_deserializes_is_not_quoted() {
    fn json() -> serde_json::Error {
        serde_json::from_str::<Order>(r#"{"amount": "s3cret"}"#).map(|_| ()).unwrap_err()
    }
    fn value() -> serde::de::value::Error {
        serde::de::Error::custom("invalid type: string \"s3cret\", expected u32")
    }
    fn syntax() -> serde_json::Error {
        serde_json::from_str::<Order>("s3cret").map(|_| ()).unwrap_err()
    }
    fn boxed(error: impl std::error::Error + 'static) -> Error {
        (Box::new(error) as Box<dyn std::error::Error>).into()
    }
    let spans = Spans::new();
    let kinds: [Kind; 6] = [
        (|| json().into(), "500 | json_type\n! json_type: line 1 column 19"),
        (|| syntax().into(), "500 | json_invalid\n! json_invalid: line 1 column 1"),
        (|| boxed(json()), "500 | json_type\n! json_type: line 1 column 19"),
        (|| ErrorBadRequest(json()), "400 | -\n! json_invalid: the JSON is invalid"),
        (|| value().into(), "400 | -\n! handler_error: a value is invalid"),
        (|| boxed(value()), "500 | handler_error\n! handler_error: a value is invalid"),
    ];
    for (error, expected) in kinds {
        let handler = move || async move { Err::<String, _>(error()) };
        let app = App::new().route("/", web::to(handler));
        let app = init_service(instrument_with(app, spans.options())).await;
        let expected = format!("GET / | route / | path / | {expected}");
        assert_eq!(spans.of(&app, "GET /").await, expected);
    }
}

/// How to make an error, and what it leaves behind.
type Kind = (fn() -> Error, &'static str);

#[actix_web::test]
async fn every_kind_has_its_word() {
    let spans = Spans::new();
    let kinds: [Kind; 4] = [
        (|| JsonPayloadError::Overflow { limit: 1 }.into(), "413 | -\n! body_too_large: "),
        (|| UrlencodedError::ContentType.into(), "415 | -\n! missing_content_type: "),
        (|| actix_web::error::PayloadError::EncodingCorrupted.into(), "400 | -\n! payload_error: "),
        (
            || actix_web::error::UrlGenerationError::ResourceNotFound.into(),
            "500 | url_generation\n! url_generation: ",
        ),
    ];
    for (error, expected) in kinds {
        let handler = move || async move { Err::<String, _>(error()) };
        let app = App::new().route("/", web::to(handler));
        let app = init_service(instrument_with(app, spans.options())).await;
        let text = spans.of(&app, "GET /").await;
        assert!(text.contains(expected), "{text}");
    }
}

async fn deny(
    _: ServiceRequest,
    _: Next<impl MessageBody>,
) -> Result<ServiceResponse<String>, Error> {
    Err(ErrorUnauthorized("no ticket"))
}

async fn fail(
    request: ServiceRequest,
    _: Next<impl MessageBody>,
) -> Result<ServiceResponse<String>, Error> {
    let answers = Arc::clone(request.app_data::<web::Data<AtomicUsize>>().unwrap());
    Err(Broken { status: StatusCode::SERVICE_UNAVAILABLE, own_word: false, answers }.into())
}

#[actix_web::test]
async fn a_middleware_that_gives_up() {
    let spans = Spans::new();
    let app = App::new().route("/users/{id}", web::to(|| async { "ok" })).wrap(from_fn(deny));
    let app = init_service(instrument_with(app, spans.options())).await;
    // actix-web answers with the error's status: a 401 is no failure of the server.
    assert_eq!(
        spans.of(&app, "GET /users/1").await,
        "GET /users/{id} | route /users/{id} | path /users/1 | 401 | -\n\
         ! handler_error: no ticket"
    );
    let answers = web::Data::new(AtomicUsize::new(0));
    let app = App::new().app_data(answers.clone()).wrap(from_fn(fail));
    let app = init_service(instrument_with(app, spans.options())).await;
    assert_eq!(
        spans.of(&app, "GET /x").await,
        "GET | route - | path /x | 503 | handler_error\n\
         ! handler_error: no database at postgres://REDACTED:REDACTED@db/x"
    );
    assert_eq!(answers.load(Ordering::Relaxed), 0, "the answer was made by the instrumentation");
}
