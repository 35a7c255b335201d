//! What `#[endpoint]` records, and what the filters before it reject.

use std::convert::Infallible;

use http_body_util::{BodyExt as _, Full};
use logfire_rs_warp::{
    EndpointLimits, HttpServerOptions, RequestSpan, endpoint, instrument_with, path, query,
    request_span,
};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;
use warp::reject::Reject;
use warp::{Filter, Rejection, Reply};

use crate::Spans;

#[derive(Deserialize, Serialize)]
struct New {
    name: String,
    password: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Page {
    limit: u32,
    token: Option<u32>,
}

#[derive(Debug)]
struct Mine;

impl Reject for Mine {}

#[endpoint]
async fn create(id: u32, span: RequestSpan, new: New) -> Result<impl Reply, Rejection> {
    assert!(span.is_recording());
    if id == 0 {
        return Err(warp::reject::custom(Mine));
    }
    Ok(format!("{id} {}", new.name))
}

#[endpoint(debug(page))]
fn list(mut id: u32, page: Page) -> String {
    id += 1 + page.token.unwrap_or_default();
    format!("{id} {}", page.limit)
}

#[endpoint(name = "shown", skip(token))]
async fn show(token: String) -> String {
    token
}

#[endpoint]
async fn fails(id: u16) -> Result<String, std::fmt::Error> {
    if id == 0 { Err(std::fmt::Error) } else { Ok(id.to_string()) }
}

fn routes() -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let create = path!("items" / u32)
        .and(warp::post())
        .and(request_span())
        .and(warp::body::content_length_limit(100))
        .and(warp::body::json())
        .and_then(create);
    let list = path!("items" / u32).and(warp::get()).and(warp::query()).map(list);
    let show = path!("show").and(warp::header("x-token")).then(show);
    let form = path!("form").and(warp::body::form()).map(|page: Page| page.limit.to_string());
    let cookie = path!("cookie").and(warp::cookie("theme")).map(|theme: String| theme);
    let fails = path!("fails" / u16).then(|id| async move {
        let answer = fails(id).await;
        answer.unwrap_or_else(|_| "failed".to_owned())
    });
    let page = path!("page").and(query()).map(|page: Page| page.limit.to_string());
    create.or(list).or(page).or(show).or(form).or(cookie).or(fails)
}

/// `{status} {values} {errors} {times}` of a request.
async fn record(
    options: impl Fn(HttpServerOptions) -> HttpServerOptions,
    request: &str,
) -> (String, Spans) {
    let spans = Spans::new();
    let service = instrument_with(routes(), options(spans.options()));
    let mut parts = request.splitn(3, ' ');
    let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
    let body = parts.next().unwrap_or_default().to_owned();
    let mut request = http::Request::builder().method(method).uri(path);
    if !body.is_empty() {
        let kind = if path == "/form" { "x-www-form-urlencoded" } else { "json" };
        request = request
            .header("content-type", format!("application/{kind}"))
            .header("content-length", body.len());
    }
    let response =
        service.oneshot(request.body(Full::<bytes::Bytes>::from(body)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let _ = response.into_body().collect().await;
    let span = spans.wait().await.pop().unwrap();
    let value = |key: &str| {
        let found: Vec<_> = span.attributes.iter().filter(|it| it.key.as_str() == key).collect();
        assert!(found.len() <= 1, "{key} is there twice");
        found.first().map_or_else(|| "-".to_owned(), |it| it.value.to_string())
    };
    let times = ["arguments.start", "endpoint_function.start", "endpoint_function.end"];
    let times = times.map(|it| u8::from(value(&format!("warp.{it}_timestamp")) != "-").to_string());
    let (values, errors) = (value("warp.arguments.values"), value("warp.arguments.errors"));
    (format!("{status} {values} {errors} {}", times.concat()), spans)
}

#[tokio::test]
async fn values_times_and_results() {
    for (request, expected) in [
        (
            r#"POST /items/7 {"name":"ada","password":"s3cret"}"#,
            r#"200 {"id":7,"new":{"name":"ada","password":"[REDACTED]"}} - 011"#,
        ),
        (
            "GET /items/7?limit=5",
            r#"200 {"id":7,"page":"Page { limit: 5, token: REDACTED }"} - 011"#,
        ),
        ("GET /fails/0", r#"200 {"id":0} - 011"#),
        (
            r#"POST /items/0 {"name":"ada"}"#,
            r#"500 {"id":0,"new":{"name":"ada","password":"[REDACTED]"}} - 011"#,
        ),
    ] {
        assert_eq!(record(|it| it, request).await.0, expected, "{request}");
    }
    let (_, spans) = record(|it| it, r#"POST /items/0 {"name":"ada"}"#).await;
    let span = spans.wait().await.pop().unwrap();
    assert_eq!(span.events.len(), 1, "{span:?}");
    let (_, spans) = record(|it| it, "GET /fails/0").await;
    let span = format!("{:?}", spans.wait().await);
    assert!(span.contains("core::fmt::Error") && !span.contains("error.type"), "{span}");
}

#[tokio::test]
async fn what_the_filters_reject() {
    let long = format!(r#"POST /items/7 {{"name":"{}"}}"#, "x".repeat(100));
    for (request, expected) in [
        (
            r#"POST /items/7 {"name":77}"#,
            r#"400 - [{"input":77,"loc":["body","name"],"msg":"invalid type: integer, expected a string at line 1 column 10","type":"json_type"}] 000"#,
        ),
        (
            r#"POST /items/7 {"name":{"token":"s3cret"}}"#,
            r#"400 - [{"loc":["body","name"],"msg":"invalid type: map, expected a string at line 1 column 8","type":"json_type"}] 000"#,
        ),
        (
            "POST /items/7 {}",
            r#"400 - [{"loc":["body","name"],"msg":"missing field `name` at line 1 column 2","type":"json_type"}] 000"#,
        ),
        (
            "GET /page?limit=x&token=s3cret",
            r#"400 - [{"input":"x","loc":["query","limit"],"msg":"invalid digit found in string","type":"query_invalid"}] 000"#,
        ),
        (
            "GET /page",
            r#"400 - [{"loc":["query","limit"],"msg":"missing field `limit`","type":"query_invalid"}] 000"#,
        ),
        (
            "GET /page?limit=1&token=s3cret",
            r#"400 - [{"loc":["query","token"],"msg":"invalid digit found in string","type":"query_invalid"}] 000"#,
        ),
        ("GET /page?limit=5", r#"200 - - 000"#),
        (
            "POST /items/7 {s3cret",
            r#"400 - [{"loc":["body"],"msg":"key must be a string at line 1 column 2","type":"json_invalid"}] 000"#,
        ),
        (
            "POST /items/7",
            r#"411 - [{"loc":["header","content-length"],"msg":"the header is missing","type":"header_invalid"}] 000"#,
        ),
        (
            &*long,
            r#"413 - [{"loc":["body"],"msg":"length limit exceeded","type":"body_too_large"}] 000"#,
        ),
        (
            "GET /items/7?limit=s3cret",
            r#"400 - [{"loc":["query"],"msg":"the query is not valid","type":"query_invalid"}] 000"#,
        ),
        (
            "GET /show",
            r#"400 - [{"loc":["header","x-token"],"msg":"the header is missing","type":"header_invalid"}] 000"#,
        ),
        (
            "POST /form limit=s3cret",
            r#"400 - [{"loc":["body"],"msg":"invalid digit found in string","type":"form_invalid"}] 000"#,
        ),
        (
            "GET /cookie",
            r#"400 - [{"loc":["header","cookie"],"msg":"the header is not valid","type":"header_invalid"}] 000"#,
        ),
        ("GET /nowhere", "404 - - 000"),
    ] {
        assert_eq!(record(|it| it, request).await.0, expected, "{request}");
    }
}

#[tokio::test]
async fn a_handler_that_lets_another_one_try_is_not_the_one_recorded() {
    #[endpoint]
    async fn first(id: u32) -> Result<String, Rejection> {
        Err(if id == 1 { warp::reject::not_found() } else { warp::reject::custom(Mine) })
    }

    #[endpoint]
    async fn second(number: u32) -> Result<String, Infallible> {
        Ok(number.to_string())
    }

    let spans = Spans::new();
    let routes = path!(u32).and_then(first).or(path!(u32).and_then(second));
    let service = instrument_with(routes, spans.options().extra_spans(true));
    let request = http::Request::get("/1").body(Full::<bytes::Bytes>::default()).unwrap();
    let _ = service.oneshot(request).await.unwrap().into_body().collect().await;
    let all = spans.wait().await;
    let names: Vec<_> = all.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["GET /{u32} (first)", "GET /{u32} (second)", "GET /{u32}"]);
    let attributes = format!("{:?}", all[2].attributes);
    assert!(attributes.contains("::second") && !attributes.contains("::first"), "{attributes}");
    assert!(attributes.contains(r#"{\"number\":1}"#), "{attributes}");
}

#[endpoint]
async fn mapped(number: u32, pair: (bool, String), _none: Option<u8>) -> String {
    format!("{number} {pair:?}")
}

#[endpoint]
async fn generic<T: ToString, const N: usize>(number: u32, value: T) -> impl Reply {
    format!("{number} {} {N}", value.to_string())
}

#[endpoint]
async fn of_something(number: u32, value: impl ToString) -> Result<String, Infallible> {
    Ok(format!("{number} {}", value.to_string()))
}

use logfire_rs_warp as renamed;

#[endpoint(crate = renamed, skip_all)]
async fn moved(_number: u32) -> Result<Box<dyn Reply>, Rejection> {
    Ok(Box::new("moved"))
}

#[endpoint]
async fn noted() -> String {
    Context::current().span().span_context().span_id().to_string()
}

#[tokio::test]
async fn functions_of_every_form_are_handlers() {
    let pair = warp::any().map(|| (true, "a".to_owned()));
    let routes = path!("mapped" / u32)
        .and(pair)
        .and(warp::any().map(|| None))
        .then(mapped)
        .or(path!("generic" / u32 / String).then(generic::<String, 3>))
        .or(path!("of_something" / u32 / String).and_then(|a, b: String| of_something(a, b)))
        .or(path!("moved" / u32).and_then(moved));
    for (request, body, values) in [
        ("/mapped/7", r#"7 (true, "a")"#, r#"{"number":7,"pair":[true,"a"],"none":null}"#),
        ("/generic/7/a", "7 a 3", r#"{"number":7}"#),
        ("/of_something/7/a", "7 a", r#"{"number":7}"#),
        ("/moved/7", "moved", "-"),
    ] {
        let spans = Spans::new();
        let service = instrument_with(routes, spans.options());
        let request = http::Request::get(request).body(Full::<bytes::Bytes>::default()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        let read = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(read, body);
        let span = spans.wait().await.pop().unwrap();
        let found = span.attributes.iter().find(|it| it.key.as_str() == "warp.arguments.values");
        assert_eq!(found.map_or("-".to_owned(), |it| it.value.to_string()), values);
    }
}

#[tokio::test]
async fn the_mapper_the_limits_and_the_parents_of_logs() {
    let (line, _) = record(
        |it| {
            it.request_attributes_mapper(|_, mut arguments| {
                arguments.values.remove("id");
                arguments.errors.iter_mut().for_each(|it| it["type"] = "mine".into());
                arguments
            })
        },
        "GET /items/7?limit=5",
    )
    .await;
    assert_eq!(line, r#"200 {"page":"Page { limit: 5, token: REDACTED }"} - 011"#);
    let mapped = |it: HttpServerOptions| {
        it.request_attributes_mapper(|_, mut arguments| {
            arguments.errors.iter_mut().for_each(|it| it["type"] = "mine".into());
            arguments
        })
    };
    let (line, _) = record(mapped, "GET /page").await;
    assert!(line.contains(r#""type":"mine""#), "{line}");
    let limits = EndpointLimits::default().max_bytes(4);
    let long = r#"POST /items/7 {"name":"abcdefgh"}"#;
    let (line, _) = record(|it| it.endpoint_limits(limits), long).await;
    assert!(line.contains(r#""new":{"nam…":"…","…":"…"}"#), "{line}");

    let spans = Spans::new();
    let options = spans.options().extra_spans(true);
    let service = instrument_with(path!("noted").then(noted), options);
    let request = http::Request::get("/noted").body(Full::<bytes::Bytes>::default()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    let noted = response.into_body().collect().await.unwrap().to_bytes();
    let all = spans.wait().await;
    assert_eq!((&*all[0].name, all.len()), ("GET /noted (noted)", 2));
    assert_eq!(noted, all[0].span_context.span_id().to_string());
}

#[tokio::test]
async fn functions_are_called_directly_as_before() {
    assert_eq!(list(1, Page { limit: 2, token: None }), "2 2");
    assert_eq!(show("x".to_owned()).await, "x");
}
