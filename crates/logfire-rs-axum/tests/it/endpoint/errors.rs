//! The rejections of arguments.

use std::rc::Rc;

use axum::extract::{
    DefaultBodyLimit, Form, FromRequestParts, Multipart, Path, Query, RawPathParams,
};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use axum_extra::TypedHeader;
use axum_extra::headers::Authorization;
use axum_extra::headers::authorization::Bearer;
use logfire_rs_axum::endpoint;
use serde::{Deserialize, Serialize};

use super::record;

#[derive(Deserialize, Serialize)]
struct New {
    name: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize, Serialize)]
struct Tag {
    id: u8,
}

#[derive(Deserialize, Serialize)]
struct Page {
    limit: u32,
    token: Option<u32>,
}

#[derive(Deserialize, Serialize)]
struct Keys {
    tenant: String,
    id: u32,
}

#[endpoint]
async fn json(Path(id): Path<u32>, Json(new): Json<New>) -> String {
    format!("{id} {} {}", new.name, new.tags.len())
}

#[endpoint]
async fn page(Query(page): Query<Page>) -> String {
    page.limit.to_string()
}

#[endpoint(skip(page))]
async fn skipped(Query(page): Query<Page>) -> String {
    page.limit.to_string()
}

#[endpoint(skip_all)]
async fn skipped_path(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[endpoint(skip_all)]
async fn skipped_json(Json(new): Json<New>) -> String {
    new.name
}

#[endpoint]
async fn large(Json(new): Json<New>) -> String {
    new.name
}

#[endpoint]
async fn form(Form(page): Form<Page>) -> String {
    page.limit.to_string()
}

#[endpoint]
async fn keys(Path(keys): Path<Keys>) -> String {
    format!("{} {}", keys.tenant, keys.id)
}

#[endpoint]
async fn tuple(Path((tenant, id)): Path<(String, u32)>) -> String {
    format!("{tenant} {id}")
}

#[endpoint]
async fn one(Path(only): Path<u32>) -> String {
    only.to_string()
}

#[endpoint]
async fn secret(Path(password): Path<u32>) -> String {
    password.to_string()
}

#[endpoint]
async fn extension(Extension(user): Extension<u8>) -> String {
    user.to_string()
}

#[endpoint]
async fn text(text: String) -> String {
    text
}

#[endpoint]
async fn multipart(multipart: Multipart) -> String {
    drop(multipart);
    String::new()
}

#[endpoint]
async fn header(TypedHeader(bearer): TypedHeader<Authorization<Bearer>>) -> String {
    bearer.token().to_owned()
}

#[endpoint]
async fn raw(params: RawPathParams) -> String {
    params.iter().count().to_string()
}

/// An extractor whose rejection is neither `Send` nor known.
struct User;

struct NoUser(Rc<str>);

impl IntoResponse for NoUser {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, self.0.to_string()).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = NoUser;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, NoUser> {
        tokio::task::yield_now().await;
        Err(NoUser("s3cret".into()))
    }
}

#[endpoint]
async fn user(_: User) {}

fn app() -> Router {
    Router::new()
        .route("/json/{id}", post(json))
        .route("/page", get(page))
        .route("/form", get(form).post(form))
        .route("/keys/{tenant}/{id}", get(keys))
        .route("/tuple/{tenant}/{id}", get(tuple))
        .route("/one/{first}", get(one))
        .route("/one/{first}/{second}", get(one))
        .route("/secret/{first}", get(secret))
        .route("/extension", get(extension))
        .route("/text", post(text))
        .route("/multipart", post(multipart))
        .route("/header", get(header))
        .route("/raw/{id}", get(raw))
        .route("/user", get(user))
        .route("/skipped", get(skipped))
        .route("/skipped_path/{id}", get(skipped_path))
        .route("/skipped_json", post(skipped_json))
        .layer(DefaultBodyLimit::max(200))
        .route("/large", post(large))
}

#[tokio::test]
async fn rejections_say_what_was_wrong_and_where() {
    let long = format!("POST /text plain{}", "x".repeat(300));
    let large_json = format!(r#"POST /large {{"name":1,"tags":"{}"}}"#, "x".repeat(17_000));
    let long_json = format!("POST /json/7 \"{}\"", "x".repeat(300));
    for (request, status, expected) in [
        (
            r#"POST /json/7 {"name":"s3cret","tags":[{"id":1},{"id":"x"}]}"#,
            422,
            r#"json_type ["body","tags",1,"id"] invalid type: string, expected u8 at line 1 column 43 <- "x""#,
        ),
        (
            r#"POST /json/7 {"name":["a",{"b":null}]}"#,
            422,
            r#"json_type ["body","name"] invalid type: sequence, expected a string at line 1 column 8 <- ["a",{"b":null}]"#,
        ),
        (
            r#"POST /json/7 {"name":{"token":"s3cret"}}"#,
            422,
            r#"json_type ["body","name"] invalid type: map, expected a string at line 1 column 8"#,
        ),
        (
            r#"POST /json/7 {"name":"s3cret"}"#,
            422,
            r#"json_type ["body","tags"] missing field `tags` at line 1 column 17"#,
        ),
        (
            r#"POST /json/7 {"name":"s3cret","name":"s3cret"}"#,
            422,
            r#"json_type ["body","name"] duplicate field `name` at line 1 column 23"#,
        ),
        (
            &*large_json,
            422,
            r#"json_type ["body","name"] invalid type: integer, expected a string at line 1 column 9"#,
        ),
        (
            "GET /skipped?limit=s3cret",
            400,
            r#"query_invalid ["query","limit"] invalid digit found in string"#,
        ),
        ("GET /skipped_path/s3cret", 400, r#"path_invalid ["path","id"] expected `u32`"#),
        (
            r#"POST /skipped_json {"name":["s3cret"]}"#,
            422,
            r#"json_type ["body","name"] invalid type: sequence, expected a string at line 1 column 8"#,
        ),
        (
            r#"POST /json/7 {"name"=s3cret}"#,
            400,
            r#"json_invalid ["body"] expected `:` at line 1 column 8"#,
        ),
        (
            r#"POST /json/7 {"name":"s3cret","tags":[]} s3cret"#,
            400,
            r#"json_invalid ["body"] trailing characters at line 1 column 29"#,
        ),
        (
            "POST /json/7 plain",
            415,
            r#"missing_content_type ["header","content-type"] Expected request with `Content-Type: application/json`"#,
        ),
        (&*long_json, 413, r#"body_too_large ["body"] length limit exceeded"#),
        (&*long, 413, r#"body_too_large ["body"] length limit exceeded"#),
        ("GET /page", 400, r#"query_invalid ["query","limit"] missing field `limit`"#),
        (
            "GET /page?limit=1&limit=2",
            400,
            r#"query_invalid ["query","limit"] duplicate field `limit`"#,
        ),
        (
            "GET /page?limit=s3cret",
            400,
            r#"query_invalid ["query","limit"] invalid digit found in string <- "s3cret""#,
        ),
        (
            "GET /page?limit=1&token=s3cret",
            400,
            r#"query_invalid ["query","token"] invalid digit found in string"#,
        ),
        (
            "GET /form?limit=x",
            400,
            r#"form_invalid ["query","limit"] invalid digit found in string <- "x""#,
        ),
        (
            "POST /form limit=x",
            422,
            r#"form_invalid ["body","limit"] invalid digit found in string <- "x""#,
        ),
        (
            "POST /form plain",
            415,
            r#"missing_content_type ["header","content-type"] Form requests must have `Content-Type: application/x-www-form-urlencoded`"#,
        ),
        ("GET /keys/acme/x", 400, r#"path_invalid ["path","id"] expected `u32` <- "x""#),
        ("GET /tuple/acme/x", 400, r#"path_invalid ["path",1] expected `u32` <- "x""#),
        ("GET /one/x", 400, r#"path_invalid ["path","only"] expected `u32` <- "x""#),
        ("GET /one/1/2", 500, r#"path_invalid ["path"] expected 1 parameters, got 2"#),
        ("GET /secret/s3cret", 400, r#"path_invalid ["path","password"] expected `u32`"#),
        ("GET /one/%FF", 400, r#"path_invalid ["path","first"] a parameter is not UTF-8"#),
        ("GET /raw/%FF", 400, r#"path_invalid ["path"] a parameter is not UTF-8"#),
        ("GET /extension", 500, r#"missing_extension ["user"] missing request extension"#),
        (
            "POST /multipart plain",
            400,
            r#"multipart_invalid ["body"] rejected with `axum::extract::multipart::MultipartRejection`"#,
        ),
        (
            "GET /header",
            400,
            r#"header_invalid ["header"] rejected with `axum_extra::typed_header::TypedHeaderRejection`"#,
        ),
        (
            "GET /user",
            401,
            &*format!(r#"other ["user"] rejected with `{}::NoUser`"#, module_path!()),
        ),
    ] {
        let record = record(app(), request).await;
        assert_eq!((record.status, &*record.error()), (status, expected), "{request}");
        assert_eq!(record.times(), "arguments.start arguments.end", "{request}");
        let hidden = format!("{:?}", record.span().events) + &record.error();
        assert!(!hidden.contains("s3cret") || request == "GET /page?limit=s3cret", "{hidden}");
        assert_eq!(record.exceptions(), "", "{request}");
        let error_type = (status >= 500).then(|| status.to_string());
        assert_eq!(record.get("error.type"), error_type, "{request}");
        let schema = r#""axum.arguments.errors":{"type":"array"}"#;
        assert!(record.get("logfire.json_schema").unwrap().contains(schema));
    }
}

#[tokio::test]
async fn what_was_there_before_the_rejection_is_recorded_too() {
    let record = record(app(), "POST /json/7 {}").await;
    assert_eq!(record.values(), r#"{"id":7}"#);
    assert_eq!(
        record.error(),
        r#"json_type ["body","name"] missing field `name` at line 1 column 2"#
    );
    assert!(record.body.contains("missing field `name`"), "{}", record.body);
}
