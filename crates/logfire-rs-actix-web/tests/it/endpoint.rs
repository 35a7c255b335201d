//! What `#[endpoint]` records.

mod unseen;

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::ErrorUnauthorized;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, init_service};
use actix_web::{
    App, Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, Responder, get, post, web,
};
use futures_util::StreamExt as _;
use logfire_rs_actix_web::{HttpServerOptions, RequestSpan, endpoint, instrument_with};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::trace::SpanData;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Spans;

#[derive(Deserialize, Serialize)]
struct New {
    name: String,
    password: Option<String>,
    #[serde(skip_serializing)]
    age: Option<u8>,
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: u32,
    token: Option<u32>,
}

/// An extractor that takes its time.
struct Slow<const MS: u64, const FAILS: bool>;

impl<const MS: u64, const FAILS: bool> FromRequest for Slow<MS, FAILS> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(async {
            actix_web::rt::time::sleep(Duration::from_millis(MS)).await;
            if FAILS { Err(ErrorUnauthorized("s3cret")) } else { Ok(Self) }
        })
    }
}

#[post("/above/{id}")]
#[endpoint]
async fn above(
    id: web::Path<u32>,
    data: web::Data<&'static str>,
    span: RequestSpan,
    web::Json(mut new): web::Json<New>,
) -> impl Responder {
    new.name.push('!');
    assert!(span.is_recording());
    format!("{id} {} {}", data.get_ref(), new.name)
}

#[endpoint(debug(page))]
#[get("/below/{id}")]
async fn below(id: web::Path<u32>, page: web::Query<Page>, request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(format!("{id} {} {}", page.limit, request.path()))
}

#[endpoint(skip(page))]
async fn skipped(page: web::Query<Page>) -> String {
    format!("{} {:?}", page.limit, page.token)
}

#[endpoint]
async fn pair(pair: web::Path<(u32, u32)>) -> String {
    format!("{pair:?}")
}

#[endpoint]
async fn form(form: web::Form<New>) -> String {
    assert_eq!(form.age, None);
    form.name.clone()
}

#[endpoint]
async fn optional(body: Option<web::Json<New>>, query: Result<web::Query<Page>, Error>) -> String {
    format!("{} {}", body.is_some(), query.is_ok())
}

#[endpoint]
async fn slow(_: Slow<40, false>, _: Slow<20, false>) -> &'static str {
    "slow"
}

#[endpoint]
async fn refused(_: Slow<40, false>, user: Slow<20, true>) -> &'static str {
    let Slow = user;
    "never"
}

#[endpoint]
async fn data(state: web::Data<u8>) -> String {
    state.to_string()
}

#[endpoint]
async fn fails(code: web::Path<u16>) -> Result<String, Error> {
    let code = StatusCode::from_u16(*code).unwrap();
    Err(actix_web::error::InternalError::new("token=s3cret broke", code).into())
}

#[endpoint]
async fn payload(id: web::Path<u32>, mut payload: web::Payload) -> String {
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        length += chunk.unwrap().len();
    }
    format!("{id} {length}")
}

#[endpoint]
async fn tuples(
    pair: web::Path<(u32, String)>,
    (page, body): (web::Query<Page>, web::Bytes),
    text: Result<String, Error>,
) -> String {
    format!("{} {} {} {} {}", pair.0, pair.1, page.limit, body.len(), text.is_ok())
}

#[endpoint]
async fn generic<T, const N: usize>(id: web::Path<u32>, new: web::Json<T>) -> impl Responder
where
    T: Serialize + DeserializeOwned + 'static,
{
    drop(new);
    format!("{id} {N}")
}

use logfire_rs_actix_web as renamed;

#[get("/renamed/{id}")]
#[endpoint(crate = renamed, name = "chosen", skip(page))]
async fn moved(id: web::Path<u32>, page: Option<web::Query<Page>>) -> String {
    format!("{id} {}", page.is_some())
}

/// Notes the span that logs would belong to.
struct Noted;

impl FromRequest for Noted {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        note(request);
        ready(Ok(Self))
    }
}

fn note(request: &HttpRequest) {
    let id = Context::current().span().span_context().span_id();
    let mut extensions = request.extensions_mut();
    let mut noted = extensions.remove::<Vec<String>>().unwrap_or_default();
    noted.push(id.to_string());
    extensions.insert(noted);
}

#[endpoint]
async fn noted(_: Noted, request: HttpRequest) -> String {
    note(&request);
    request.extensions().get::<Vec<String>>().unwrap().join(" ")
}

#[endpoint(keep_signature)]
async fn kept(id: web::Path<u32>) -> String {
    id.to_string()
}

async fn record(
    options: HttpServerOptions,
    spans: &Spans,
    request: &str,
) -> (String, Vec<SpanData>) {
    let app = App::new()
        .app_data(web::Data::new("data"))
        .app_data(web::JsonConfig::default().limit(100))
        .app_data(web::FormConfig::default().limit(100))
        .service(above)
        .service(below)
        .route("/form", web::post().to(form))
        .route("/optional", web::post().to(optional))
        .service(moved)
        .route("/payload/{id}", web::post().to(payload))
        .route("/tuples/{id}/{name}", web::post().to(tuples))
        .route("/generic/{id}", web::post().to(generic::<New, 3>))
        .route("/noted", web::get().to(noted))
        .route("/skipped", web::get().to(skipped))
        .route("/pair/{token}/{id}", web::get().to(pair))
        .route("/slow", web::get().to(slow))
        .route("/refused", web::get().to(refused))
        .route("/data", web::get().to(data))
        .route("/fails/{code}", web::get().to(fails))
        .route("/kept/{id}", web::get().to(kept));
    let app = init_service(instrument_with(app, options)).await;
    let mut parts = request.splitn(3, ' ');
    let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
    let body = parts.next().unwrap_or_default().to_owned();
    let mut sent = TestRequest::with_uri(path).method(method.parse().unwrap());
    if !body.is_empty() && !body.starts_with("plain") {
        let kind = if path == "/form" { "x-www-form-urlencoded" } else { "json" };
        sent = sent.insert_header(("content-type", format!("application/{kind}")));
    }
    let sent = sent.set_payload(body).to_request();
    let response = actix_web::dev::Service::call(&app, sent).await.unwrap();
    let status = response.status().as_u16();
    let body = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
    let spans = spans.take();
    let span = spans.last().unwrap();
    let times =
        ["arguments.start", "arguments.end", "endpoint_function.start", "endpoint_function.end"];
    let times: Vec<_> =
        times.iter().filter_map(|it| get(span, &format!("actix_web.{it}_timestamp"))).collect();
    assert!(times.is_sorted(), "{times:?}");
    let line = format!(
        "{status} {} | {} | {} | {}",
        if status == 200 { String::from_utf8_lossy(&body).into_owned() } else { "-".to_owned() },
        get(span, "actix_web.arguments.values").unwrap_or_default(),
        get(span, "actix_web.arguments.errors").unwrap_or_default(),
        times.len(),
    );
    (line, spans)
}

fn get(span: &SpanData, key: &str) -> Option<String> {
    let found: Vec<_> = span.attributes.iter().filter(|it| it.key.as_str() == key).collect();
    assert!(found.len() <= 1, "{key} is there twice");
    found.first().map(|it| it.value.to_string())
}

async fn of(request: &str) -> String {
    let spans = Spans::new();
    record(spans.options(), &spans, request).await.0
}

#[actix_web::test]
async fn values_are_recorded_with_route_macros_above_and_below() {
    for (request, expected) in [
        (
            r#"POST /above/7 {"name":"ada","password":"s3cret"}"#,
            r#"200 7 data ada! | {"id":7,"new":{"name":"ada","password":"[REDACTED]"}} |  | 4"#,
        ),
        (
            "GET /below/7?limit=5",
            r#"200 7 5 /below/7 | {"id":7,"page":"Page { limit: 5, token: REDACTED }"} |  | 4"#,
        ),
        (
            "POST /form name=ada",
            r#"200 ada | {"form":{"name":"ada","password":"[REDACTED]"}} |  | 4"#,
        ),
        (
            r#"POST /optional?limit=5 {"name":"ada"}"#,
            r#"200 true true | {"body":{"name":"ada","password":"[REDACTED]"}} |  | 4"#,
        ),
        (
            "POST /optional nope",
            r#"200 false false | {"body":null} | [{"loc":["query","limit"],"msg":"missing field `limit`","type":"query_invalid"}] | 4"#,
        ),
        ("GET /slow", "200 slow |  |  | 4"),
        ("GET /kept/7", r#"200 7 | {"id":7} |  | 2"#),
        ("POST /payload/7 s3cret", r#"200 7 6 | {"id":7} |  | 4"#),
        // A tuple of extractors has no value.
        ("POST /tuples/7/a?limit=5 x", r#"200 7 a 5 1 true | {"pair":[7,"a"]} |  | 4"#),
        (r#"POST /generic/7 {"name":"ada"}"#, r#"200 7 3 | {"id":7} |  | 4"#),
        ("GET /renamed/7?limit=5", r#"200 7 true | {"id":7} |  | 4"#),
    ] {
        assert_eq!(of(request).await, expected, "{request}");
    }
}

#[actix_web::test]
async fn rejections_say_what_was_wrong() {
    let long = format!(r#"POST /above/7 {{"name":"{}"}}"#, "x".repeat(200));
    for (request, expected) in [
        (
            r#"POST /above/7 {"name":77}"#,
            r#"400 - | {"id":7} | [{"input":77,"loc":["body","name"],"msg":"invalid type: integer, expected a string at line 1 column 10","type":"json_type"}] | 2"#,
        ),
        (
            r#"POST /generic/7 {"name":7}"#,
            r#"400 - | {"id":7} | [{"input":7,"loc":["body","name"],"msg":"invalid type: integer, expected a string at line 1 column 9","type":"json_type"}] | 2"#,
        ),
        (
            "POST /tuples/7/a?limit=x x",
            r#"400 - | {"pair":[7,"a"]} | [{"loc":["query"],"msg":"invalid digit found in string","type":"query_invalid"}] | 2"#,
        ),
        (
            "POST /above/7 {s3cret",
            r#"400 - | {"id":7} | [{"loc":["body"],"msg":"key must be a string at line 1 column 2","type":"json_invalid"}] | 2"#,
        ),
        (
            "POST /above/7 plain",
            r#"400 - | {"id":7} | [{"loc":["header","content-type"],"msg":"unsupported content type","type":"missing_content_type"}] | 2"#,
        ),
        (
            &*long,
            r#"413 - | {"id":7} | [{"loc":["body"],"msg":"length limit exceeded","type":"body_too_large"}] | 2"#,
        ),
        (
            "POST /above/x {}",
            r#"404 - |  | [{"input":"x","loc":["path","id"],"msg":"expected `u32`","type":"path_invalid"}] | 2"#,
        ),
        (
            "GET /pair/x/x",
            r#"404 - |  | [{"loc":["path"],"msg":"expected `u32`","type":"path_invalid"}] | 2"#,
        ),
        (
            "GET /pair/s3cret/7",
            r#"404 - |  | [{"loc":["path","token"],"msg":"expected `u32`","type":"path_invalid"}] | 2"#,
        ),
        (
            "GET /below/7?limit=x",
            r#"400 - | {"id":7} | [{"input":"x","loc":["query","limit"],"msg":"invalid digit found in string","type":"query_invalid"}] | 2"#,
        ),
        (
            "GET /below/7?limit=1&token=s3cret",
            r#"400 - | {"id":7} | [{"loc":["query","token"],"msg":"invalid digit found in string","type":"query_invalid"}] | 2"#,
        ),
        (
            "GET /skipped?limit=s3cret",
            r#"400 - |  | [{"loc":["query","limit"],"msg":"invalid digit found in string","type":"query_invalid"}] | 2"#,
        ),
        (
            "POST /form name=ada&age=x",
            r#"400 - |  | [{"input":"x","loc":["body","age"],"msg":"invalid digit found in string","type":"form_invalid"}] | 2"#,
        ),
        (
            "POST /form x=1",
            r#"400 - |  | [{"loc":["body","name"],"msg":"missing field `name`","type":"form_invalid"}] | 2"#,
        ),
        (
            "GET /refused",
            r#"401 - |  | [{"loc":["user"],"msg":"rejected with `actix_web::error::error::Error`","type":"other"}] | 2"#,
        ),
        (
            "GET /data",
            r#"500 - |  | [{"loc":["state"],"msg":"missing application or request data","type":"missing_extension"}] | 2"#,
        ),
    ] {
        assert_eq!(of(request).await, expected, "{request}");
    }
}

#[actix_web::test]
async fn the_error_of_a_handler_is_recorded_once() {
    for (code, error_type) in [(404, None), (503, Some("actix_web::error::error::Error"))] {
        let spans = Spans::new();
        let (_, all) = record(spans.options(), &spans, &format!("GET /fails/{code}")).await;
        let span = &all[0];
        assert_eq!(get(span, "error.type").as_deref(), error_type);
        let events = format!("{:?}", span.events.events);
        assert_eq!(span.events.len(), 1, "{events}");
        assert!(events.contains("token=REDACTED broke"), "{events}");
    }
}

#[actix_web::test]
async fn extra_spans_and_a_mapper() {
    let spans = Spans::new();
    let options =
        spans.options().extra_spans(true).request_attributes_mapper(|_, mut arguments| {
            arguments.values.remove("id");
            arguments
        });
    let (line, all) = record(options, &spans, "GET /below/7?limit=5").await;
    assert!(line.contains(r#"| {"page":"Page { limit: 5, token: REDACTED }"} |"#), "{line}");
    let names: Vec<_> = all.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["actix_web arguments", "GET /below/{id} (below)", "GET /below/{id}"]);
    assert!(all.iter().take(2).all(|it| it.parent_span_id == all[2].span_context.span_id()));

    // What extractors and handlers log belongs to these spans.
    let spans = Spans::new();
    let (line, all) = record(spans.options().extra_spans(true), &spans, "GET /noted").await;
    let ids: Vec<_> = all.iter().map(|it| it.span_context.span_id().to_string()).collect();
    assert!(line.starts_with(&format!("200 {} {} |", ids[0], ids[1])), "{line} {ids:?}");
    let spans = Spans::new();
    let (line, all) = record(spans.options(), &spans, "GET /noted").await;
    let id = all[0].span_context.span_id();
    assert!(line.starts_with(&format!("200 {id} {id} |")), "{line}");
}

#[actix_web::test]
async fn functions_are_called_directly_too() {
    assert_eq!(kept(web::Path::from(7)).await, "7");
    let new = New { name: "ada".to_owned(), password: None, age: None };
    assert_eq!(form(web::Form(new).into()).await, "ada");
}
