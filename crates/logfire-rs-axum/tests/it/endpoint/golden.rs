//! What Logfire for Python records of the same requests to FastAPI, beside what is recorded here.
//!
//! The first of each pair was recorded from `logfire.instrument_fastapi` of Logfire 4.41.0.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use logfire_rs_axum::endpoint;
use opentelemetry::KeyValue;
use serde::{Deserialize, Serialize};

use super::{Record, record, record_with};
use crate::Spans;

#[derive(Deserialize, Serialize)]
struct Search {
    q: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct User {
    name: String,
    age: u8,
    password: Option<String>,
}

/// What FastAPI calls a dependency.
#[derive(Serialize)]
struct Double(u32);

impl<S: Send + Sync> FromRequestParts<S> for Double {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        #[derive(Deserialize)]
        struct Number {
            x: u32,
        }

        let number = Query::<Number>::from_request_parts(parts, state).await;
        number.map(|it| Self(it.x)).map_err(|_| StatusCode::BAD_REQUEST)
    }
}

#[endpoint]
async fn root() -> &'static str {
    "ok"
}

#[endpoint]
async fn item(Path(item_id): Path<u32>, Query(query): Query<Search>) -> String {
    format!("{item_id} {:?}", query.q)
}

#[endpoint]
async fn files(Path(path): Path<String>) -> String {
    path
}

#[endpoint]
async fn users(Json(user): Json<User>) -> (StatusCode, String) {
    (StatusCode::CREATED, format!("{} {} {}", user.name, user.age, user.password.is_some()))
}

#[endpoint]
async fn http_error(Path(code): Path<u16>) -> Result<(), (StatusCode, &'static str)> {
    Err((StatusCode::from_u16(code).unwrap(), "nope"))
}

#[endpoint]
async fn chunks() -> Body {
    Body::from_stream(stream::iter(["a", "b", "c"].map(|it| Ok::<_, StatusError>(Bytes::from(it)))))
}

#[endpoint]
async fn broken_chunks() -> Body {
    Body::from_stream(stream::iter([Ok(Bytes::from("a")), Err(StatusError)]))
}

#[derive(Debug)]
struct StatusError;

impl std::fmt::Display for StatusError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("mid stream")
    }
}

impl std::error::Error for StatusError {}

#[endpoint]
async fn redirect() -> Redirect {
    Redirect::temporary("/")
}

#[endpoint]
async fn dependency(d: Double) -> String {
    d.0.to_string()
}

#[endpoint]
async fn thing(Path(thing): Path<String>) -> String {
    thing
}

#[endpoint]
async fn name(Path(name): Path<String>) -> String {
    name
}

fn app() -> Router {
    Router::new()
        .route("/", get(root))
        .route("/items/{item_id}", get(item))
        .route("/files/{*path}", get(files))
        .route("/users", post(users))
        .route("/http-error/{code}", get(http_error))
        .route("/stream", get(chunks))
        .route("/stream-boom", get(broken_chunks))
        .route("/redirect", get(redirect))
        .route("/dep", get(dependency))
        .nest("/api/v1", Router::new().route("/things/{thing}", get(thing)))
        .nest_service("/sub", Router::new().route("/hello/{name}", get(name)))
}

/// A request, with status, values, errors and exceptions by Python and here.
struct Scenario {
    request: &'static str,
    python: [&'static str; 4],
    here: [&'static str; 4],
}

const TEXT_OF_STATUS: &str = "(http::status::StatusCode, &str): nope";

const SCENARIOS: &[Scenario] = &[
    // What is empty is left out.
    Scenario { request: "GET /", python: ["200", "{}", "[]", ""], here: ["200", "", "", ""] },
    // An extractor is one argument.
    Scenario {
        request: "GET /items/42?q=hello%20world&token=s3cret",
        python: ["200", r#"{"item_id":42,"q":"hello world"}"#, "[]", ""],
        here: ["200", r#"{"item_id":42,"query":{"q":"hello world"}}"#, "", ""],
    },
    // Arguments after the rejected one are not looked at; types of errors are a closed list; axum
    // answers 400.
    Scenario {
        request: "GET /items/abc?q=1",
        python: [
            "422",
            r#"{"q":"1"}"#,
            r#"[{"type":"int_parsing","loc":["path","item_id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"abc"}]"#,
            "",
        ],
        here: ["400", "", r#"path_invalid ["path","item_id"] expected `u32` <- "abc""#, ""],
    },
    Scenario {
        request: "GET /files/a/b%20c/d.txt",
        python: ["200", r#"{"path":"a/b c/d.txt"}"#, "[]", ""],
        here: ["200", r#"{"path":"a/b c/d.txt"}"#, "", ""],
    },
    Scenario {
        request: r#"POST /users {"name":"ada","age":36,"password":"hunter2"}"#,
        python: [
            "201",
            r#"{"user": {"name": "ada", "age": 36, "password": "[Scrubbed due to 'password']"}}"#,
            "[]",
            "",
        ],
        here: ["201", r#"{"user":{"name":"ada","age":36,"password":"[REDACTED]"}}"#, "", ""],
    },
    // serde stops at the first error; what was rejected has no value.
    Scenario {
        request: r#"POST /users {"name":1}"#,
        python: [
            "422",
            r#"{"user":null}"#,
            r#"[{"type":"string_type","loc":["body","name"],"msg":"Input should be a valid string","input":1},{"type":"missing","loc":["body","age"],"msg":"Field required","input":{"name":1}}]"#,
            "",
        ],
        here: [
            "422",
            "",
            r#"json_type ["body","name"] invalid type: integer, expected a string at line 1 column 9 <- 1"#,
            "",
        ],
    },
    // Python records nothing of a body that is no JSON.
    Scenario {
        request: r#"POST /users {"name":"#,
        python: ["422", "", "", ""],
        here: [
            "400",
            "",
            r#"json_invalid ["body","name"] EOF while parsing a value at line 1 column 8"#,
            "",
        ],
    },
    Scenario {
        request: "GET /nope/123?x=1",
        python: ["404", "", "", ""],
        here: ["404", "", "", ""],
    },
    Scenario { request: "DELETE /items/1", python: ["405", "", "", ""], here: ["405", "", "", ""] },
    Scenario {
        request: "GET /http-error/400",
        python: ["400", r#"{"code":400}"#, "[]", "fastapi.exceptions.HTTPException: 400: nope"],
        here: ["400", r#"{"code":400}"#, "", TEXT_OF_STATUS],
    },
    Scenario {
        request: "GET /http-error/503",
        python: ["503", r#"{"code":503}"#, "[]", "fastapi.exceptions.HTTPException: 503: nope"],
        here: ["503", r#"{"code":503}"#, "", TEXT_OF_STATUS],
    },
    Scenario { request: "GET /stream", python: ["200", "{}", "[]", ""], here: ["200", "", "", ""] },
    // The error comes after the function; Python's own middleware sees it twice.
    Scenario {
        request: "GET /stream-boom",
        python: ["200", "{}", "[]", "RuntimeError: mid stream\nRuntimeError: mid stream"],
        here: ["200", "", "", "response_body_error: mid stream"],
    },
    Scenario {
        request: "GET /redirect",
        python: ["307", "{}", "[]", ""],
        here: ["307", "", "", ""],
    },
    // axum does not redirect to the path without the slash.
    Scenario { request: "GET /items/1/", python: ["307", "", "", ""], here: ["404", "", "", ""] },
    Scenario {
        request: "GET /dep?x=5",
        python: ["200", r#"{"d":5}"#, "[]", ""],
        here: ["200", r#"{"d":5}"#, "", ""],
    },
    Scenario {
        request: "GET /api/v1/things/spoon",
        python: ["200", r#"{"thing":"spoon"}"#, "[]", ""],
        here: ["200", r#"{"thing":"spoon"}"#, "", ""],
    },
    Scenario {
        request: "GET /sub/hello/bob",
        python: ["200", r#"{"name":"bob"}"#, "[]", ""],
        here: ["200", r#"{"name":"bob"}"#, "", ""],
    },
    Scenario {
        request: "GET /sub/nothing",
        python: ["404", "", "", ""],
        here: ["404", "", "", ""],
    },
    // axum answers HEAD with the handler of GET.
    Scenario { request: "HEAD /", python: ["405", "", "", ""], here: ["200", "", "", ""] },
    Scenario { request: "OPTIONS /", python: ["405", "", "", ""], here: ["405", "", "", ""] },
];

#[tokio::test]
async fn the_same_requests_as_to_fastapi() {
    for Scenario { request, python, here } in SCENARIOS {
        let record = record(app(), request).await;
        let recorded =
            [record.status.to_string(), record.values(), record.error(), record.exceptions()];
        assert_eq!(recorded, *here, "{request}, in Python {python:?}");
        let times = match (python[1], &*recorded[1], &*recorded[2]) {
            _ if *request == "HEAD /" => "endpoint_function.start endpoint_function.end",
            ("", ..) if recorded[2].is_empty() => "",
            // There are no arguments to look for.
            ("{}", ..) => "endpoint_function.start endpoint_function.end",
            (_, "", _) => "arguments.start arguments.end",
            _ => "arguments.start arguments.end endpoint_function.start endpoint_function.end",
        };
        assert_eq!(record.times(), times, "{request}");
        let fails = record.status >= 500 || *request == "GET /stream-boom";
        assert_eq!(record.get("error.type").is_some(), fails, "{request}");
    }
}

/// With `request_attributes_mapper`: the one that was given to Python, in Rust.
#[tokio::test]
async fn the_same_mapper_as_in_python() {
    async fn mapped(request: &str) -> Record {
        let spans = Spans::new();
        let options = spans.options().request_attributes_mapper(|span, mut arguments| {
            if span.path() == "/dep" {
                return logfire_rs_axum::EndpointArguments::none();
            }
            if arguments.errors.is_empty() {
                arguments.extra.push(KeyValue::new("custom", 1));
            } else {
                let seen = serde_json::Value::from(std::mem::take(&mut arguments.values));
                arguments.extra.push(KeyValue::new("my_custom", "only-errors"));
                arguments.extra.push(KeyValue::new("values_seen", seen.to_string()));
            }
            arguments
        });
        record_with(app(), options, &spans, request).await
    }

    // `custom`, values and errors.
    let item = mapped("GET /items/42?q=a").await;
    assert_eq!(item.get("custom").as_deref(), Some("1"));
    assert_eq!(item.values(), r#"{"item_id":42,"query":{"q":"a"}}"#);
    // `my_custom`, `values_seen` and errors, without values.
    let rejected = mapped("GET /items/abc?q=1").await;
    assert_eq!(rejected.get("my_custom").as_deref(), Some("only-errors"));
    assert_eq!(rejected.get("values_seen").as_deref(), Some("{}"));
    assert_eq!((&*rejected.values(), rejected.error().is_empty()), ("", false));
    // Times only.
    let none = mapped("GET /dep?x=5").await;
    assert_eq!((none.values(), none.get("custom")), (String::new(), None));
    assert!(none.times().starts_with("arguments.start"));
}

/// With `extra_spans`: name and kind, and how those of Python are called.
#[tokio::test]
async fn the_same_extra_spans_as_in_python() {
    for (request, python, here) in [
        (
            "GET /items/42?q=a",
            ["FastAPI arguments", "GET /items/{item_id} (item)", "GET /items/{item_id}"].as_slice(),
            ["axum arguments", "GET /items/{item_id} (item)", "GET /items/{item_id}"].as_slice(),
        ),
        (
            "GET /items/abc?q=1",
            &["FastAPI arguments", "GET /items/{item_id}"],
            &["axum arguments", "GET /items/{item_id}"],
        ),
        (
            "GET /http-error/400",
            &["FastAPI arguments", "GET /http-error/{code} (http_error)", "GET /http-error/{code}"],
            &["axum arguments", "GET /http-error/{code} (http_error)", "GET /http-error/{code}"],
        ),
        // There are no arguments to look for.
        ("GET /", &["FastAPI arguments", "GET / (root)", "GET /"], &["GET / (root)", "GET /"]),
    ] {
        let spans = Spans::new();
        let options = spans.options().extra_spans(true);
        let record = record_with(app(), options, &spans, request).await;
        let names: Vec<_> = record.spans.iter().map(|it| &*it.name).collect();
        assert_eq!(names, here, "{request}, in Python {python:?}");
    }
}
