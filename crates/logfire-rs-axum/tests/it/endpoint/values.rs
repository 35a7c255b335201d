//! The values of arguments.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Form, Multipart, Path, Query, Request, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use axum_extra::TypedHeader;
use axum_extra::headers::authorization::Bearer;
use axum_extra::headers::{Authorization, UserAgent};
use http_body_util::BodyExt as _;
use logfire_rs_axum::{EndpointLimits, RequestSpan, endpoint, instrument_with};
use serde::{Deserialize, Serialize, Serializer};
use tower::ServiceExt as _;

use super::{record, record_with, send};
use crate::Spans;

#[derive(Clone, Deserialize, Serialize)]
struct New {
    name: String,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: u32,
}

#[derive(Deserialize)]
struct Opaque {
    limit: u32,
}

#[endpoint]
async fn create(
    State(state): State<&'static str>,
    Path((tenant, id)): Path<(String, u32)>,
    Query(Opaque { limit }): Query<Opaque>,
    Extension(extension): Extension<u8>,
    headers: HeaderMap,
    span: RequestSpan,
    Json(mut new): Json<New>,
) -> String {
    new.name.push('!');
    assert!(span.is_recording() && headers.len() == 1);
    format!("{state} {tenant} {id} {limit} {extension} {}", new.name)
}

#[tokio::test]
async fn values_are_recorded_by_name_and_plumbing_never() {
    let app = Router::new().route("/{tenant}/{id}", post(create)).layer(Extension(9_u8));
    let app = app.with_state("state");
    let record = record(app, r#"POST /acme/7?limit=5 {"name":"ada","password":"hunter2"}"#).await;
    assert_eq!(record.body, "state acme 7 5 9 ada!");
    assert_eq!(
        record.values(),
        r#"{"path":["acme",7],"new":{"name":"ada","password":"[REDACTED]"}}"#
    );
    assert_eq!(record.error(), "");
    assert_eq!(
        record.times(),
        "arguments.start arguments.end endpoint_function.start endpoint_function.end"
    );
    assert_eq!(record.get("code.function.name").unwrap(), concat!(module_path!(), "::create"));
    assert!(record.get("code.file.path").unwrap().ends_with("values.rs"));
    assert_eq!(record.get("code.line.number").unwrap(), "39");
    assert_eq!(
        record.get("logfire.json_schema").unwrap(),
        r#"{"properties":{"axum.arguments.values":{"type":"object"}},"type":"object"}"#
    );
    assert!(!format!("{:?}", record.spans).contains("hunter2"));
}

#[endpoint(debug(page), skip(id, first), name = "chosen")]
async fn chosen(
    Path(id): Path<u32>,
    Query(page): Query<Page>,
    Json((first, _)): Json<(u8, u8)>,
) -> String {
    format!("{id} {} {first}", page.limit)
}

#[endpoint(skip_all)]
async fn nothing(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[tokio::test]
async fn the_attribute_says_what_to_record_and_how() {
    let app = || Router::new().route("/c/{id}", post(chosen)).route("/n/{id}", get(nothing));
    let chosen = record(app(), "POST /c/7?limit=5 [1,2]").await;
    assert_eq!((&*chosen.body, &*chosen.values()), ("7 5 1", r#"{"page":"Page { limit: 5 }"}"#));
    assert_eq!(chosen.get("code.function.name").unwrap(), "chosen");
    let nothing = record(app(), "GET /n/7").await;
    assert_eq!((&*nothing.body, &*nothing.values()), ("7", ""));
    assert_eq!(nothing.get("logfire.json_schema"), None);
}

#[endpoint]
async fn secrets(
    Path(api_token): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    Form(form): Form<BTreeMap<String, String>>,
) -> String {
    format!("{api_token} {} {}", pairs.len(), form.len())
}

#[tokio::test]
async fn what_looks_like_a_secret_is_masked_before_it_is_kept() {
    let app = Router::new().route("/{token}", post(secrets));
    let record = record(app, "POST /s3cret?password=s3cret&a=b session=s3cret&c=d").await;
    assert_eq!(
        record.values(),
        r#"{"api_token":"[REDACTED]","pairs":[["password","[REDACTED]"],["a","b"]],"form":{"c":"d","session":"[REDACTED]"}}"#
    );
}

#[endpoint]
async fn optional(
    page: Option<Path<u32>>,
    query: Result<Query<BTreeMap<String, u8>>, QueryRejection>,
    extension: Option<Extension<u8>>,
    body: Result<Json<New>, JsonRejection>,
) -> String {
    let known = (page.is_some(), query.is_ok(), extension.is_some(), body.is_ok());
    format!("{known:?}")
}

#[tokio::test]
async fn optional_arguments_and_results() {
    let app = || Router::new().route("/", post(optional)).route("/{page}", post(optional));
    let all = record(app(), r#"POST /3?a=1 {"name":"ada"}"#).await;
    assert_eq!(all.body, "(true, true, false, true)");
    assert_eq!(
        all.values(),
        r#"{"page":3,"query":{"a":1},"body":{"name":"ada","password":"[REDACTED]"}}"#
    );
    let none = record(app(), "POST /?a=x {").await;
    assert_eq!((none.status, &*none.body), (200, "(false, false, false, false)"));
    assert_eq!(none.values(), r#"{"page":null}"#);
    // Both are wrong; the first is recorded.
    assert_eq!(none.error(), r#"query_invalid ["query","a"] invalid digit found in string"#);
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Broken(u8);

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != 0, "on purpose");
        Err(serde::ser::Error::custom("on purpose"))
    }
}

#[endpoint]
async fn broken(Path(id): Path<u32>, Json(broken): Json<Vec<Broken>>) -> String {
    format!("{id} {}", broken.len())
}

#[endpoint]
async fn numbers(
    Query(numbers): Query<BTreeMap<u32, f64>>,
    Json(bytes): Json<(u128, char)>,
) -> String {
    format!("{numbers:?} {bytes:?}")
}

#[endpoint]
async fn large(Json(large): Json<serde_json::Value>) -> String {
    large.as_array().map_or(0, Vec::len).to_string()
}

#[tokio::test]
async fn a_value_that_cannot_be_serialized_is_lost_alone() {
    let app = || {
        Router::new()
            .route("/b/{id}", post(broken))
            .route("/n", post(numbers))
            .route("/l", post(large))
    };
    for body in ["[0]", "[1]"] {
        let record = record(app(), &format!("POST /b/7 {body}")).await;
        assert_eq!((&*record.body, &*record.values()), ("7 1", r#"{"id":7}"#));
    }
    let numbers =
        record(app(), "POST /n?1=NaN&2=0.5 [340282366920938463463374607431768211455,\"é\"]").await;
    assert_eq!(
        numbers.values(),
        r#"{"numbers":{"1":null,"2":0.5},"bytes":[340282366920938463463374607431768211455,"é"]}"#
    );
    let many = format!("POST /l {:?}", vec!["é".repeat(100); 1000]);
    let large = record(app(), &many).await;
    assert_eq!(large.body, "1000");
    let values = large.values();
    assert!(values.ends_with(r#"é…","…"]}"#) && values.len() < 9000, "{}", values.len());
    let values: serde_json::Value = serde_json::from_str(&values).unwrap();
    assert!(values["large"].is_array());
}

#[endpoint]
async fn raw(request: Request) -> String {
    request.uri().path().to_owned()
}

#[endpoint]
async fn zero() -> &'static str {
    "zero"
}

#[tokio::test]
async fn handlers_with_nothing_to_record_have_their_times_still() {
    let app = || Router::new().route("/r", get(raw)).route("/z", get(zero));
    let raw = record(app(), "GET /r").await;
    assert_eq!((&*raw.body, &*raw.values()), ("/r", ""));
    let zero = record(app(), "GET /z").await;
    assert_eq!(
        (&*zero.body, &*zero.times()),
        ("zero", "endpoint_function.start endpoint_function.end")
    );
}

#[tokio::test]
async fn without_the_instrumentation_a_handler_is_as_before() {
    let app = Router::new().route("/z", get(zero)).route("/n/{id}", get(nothing));
    assert_eq!(send(&app, "GET /z").await.status(), 200);
    assert_eq!(send(&app, "GET /n/x").await.status(), 400);
}

#[endpoint]
async fn upload(Path(id): Path<u32>, mut multipart: Multipart) -> String {
    let mut read = id.to_string();
    while let Some(field) = multipart.next_field().await.unwrap() {
        read += &format!(" {:?}", field.name());
        read += &field.text().await.unwrap();
    }
    read
}

#[endpoint]
async fn streamed(body: Body) -> String {
    let read = body.collect().await.unwrap().to_bytes();
    read.len().to_string()
}

#[endpoint]
async fn header(
    TypedHeader(bearer): TypedHeader<Authorization<Bearer>>,
    agent: Option<TypedHeader<UserAgent>>,
) -> String {
    format!("{} {}", bearer.token().len(), agent.is_some())
}

#[tokio::test]
async fn bodies_that_are_read_later_are_whole_and_headers_are_not_recorded() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/upload/{id}", post(upload))
        .route("/streamed", post(streamed))
        .route("/header", get(header));
    let app = instrument_with(app, spans.options());
    let answer = async |request: Request| {
        let response = app.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let span = spans.take().pop().unwrap();
        let values = super::get(&span, "axum.arguments.values").unwrap_or_default();
        (String::from_utf8_lossy(&body).into_owned(), values)
    };

    let parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ns3cret\r\n--x--\r\n";
    let upload =
        Request::post("/upload/7").header("content-type", "multipart/form-data; boundary=x");
    let (body, values) = answer(upload.body(Body::from(parts)).unwrap()).await;
    assert_eq!((&*body, &*values), (r#"7 Some("a")s3cret"#, r#"{"id":7}"#));

    let large = Request::post("/streamed").header("content-type", "application/json");
    let (body, values) = answer(large.body(Body::from("s3cret".repeat(100_000))).unwrap()).await;
    assert_eq!((&*body, &*values), ("600000", ""));

    let header = Request::get("/header").header("authorization", "Bearer s3cret");
    let header = header.header("user-agent", "s3cret");
    let (body, values) = answer(header.body(Body::empty()).unwrap()).await;
    assert_eq!((&*body, &*values), ("6 true", ""));
}

#[endpoint]
async fn create_only(Json(new): Json<New>) -> String {
    new.name
}

#[tokio::test]
async fn limits_are_those_of_the_options() {
    let app = Router::new().route("/l", post(large));
    let spans = Spans::new();
    let limits = EndpointLimits::default().max_bytes(20).max_items(3).max_depth(2);
    let options = spans.options().endpoint_limits(limits);
    for (body, expected) in [
        ("[1,2,3,4]", r#"{"large":[1,2,3,"…"]}"#),
        ("[1,[2,[3]]]", r#"{"large":[1,[2,"…"]]}"#),
        (r#"["aaaaaaaaaaaaaaaaaaaaaaaa",2]"#, r#"{"large":["aaaaaaaaaaaaaaaaaa…","…"]}"#),
    ] {
        let record =
            record_with(app.clone(), options.clone(), &spans, &format!("POST /l {body}")).await;
        assert_eq!(record.values(), expected);
    }
    let rejected = Router::new().route("/c", post(create_only));
    let request = format!(r#"POST /c {{"name":["{}"]}}"#, "x".repeat(99));
    let record = record_with(rejected, options, &spans, &request).await;
    assert!(record.error().ends_with(r#" <- ["xxxxxxxxxxxxxxxxxx…"]"#), "{}", record.error());
}
