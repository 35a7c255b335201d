//! What Logfire for Python records of the same requests to FastAPI, beside what is recorded here.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use logfire_rs_axum::endpoint;
use serde::{Deserialize, Serialize};

use super::record;

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

#[derive(Deserialize, Serialize)]
struct Hello {
    name: String,
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
async fn http_error(Path(code): Path<u16>) -> Result<(), StatusCode> {
    Err(StatusCode::from_u16(code).unwrap())
}

#[endpoint]
async fn hello(Query(hello): Query<Hello>) -> String {
    hello.name
}

/// A request, with what is recorded of it by Python and here.
struct Scenario {
    request: &'static str,
    python: (u16, &'static str, &'static str),
    here: (u16, &'static str, &'static str),
}

const SCENARIOS: &[Scenario] = &[
    // What is empty is left out.
    Scenario { request: "GET /", python: (200, "{}", "[]"), here: (200, "", "") },
    // An extractor is one argument.
    Scenario {
        request: "GET /items/42?q=hello%20world&token=s3cret",
        python: (200, r#"{"item_id":42,"q":"hello world"}"#, "[]"),
        here: (200, r#"{"item_id":42,"query":{"q":"hello world"}}"#, ""),
    },
    // Arguments after the rejected one are not looked at; types of errors are a closed list; axum answers 400.
    Scenario {
        request: "GET /items/abc?q=1",
        python: (
            422,
            r#"{"q":"1"}"#,
            r#"[{"type":"int_parsing","loc":["path","item_id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"abc"}]"#,
        ),
        here: (400, "", r#"path_invalid ["path","item_id"] expected `u32` <- "abc""#),
    },
    Scenario {
        request: "GET /files/a/b%20c/d.txt",
        python: (200, r#"{"path":"a/b c/d.txt"}"#, "[]"),
        here: (200, r#"{"path":"a/b c/d.txt"}"#, ""),
    },
    Scenario {
        request: r#"POST /users {"name":"ada","age":36,"password":"hunter2"}"#,
        python: (
            201,
            r#"{"user": {"name": "ada", "age": 36, "password": "[Scrubbed due to 'password']"}}"#,
            "[]",
        ),
        here: (201, r#"{"user":{"name":"ada","age":36,"password":"[REDACTED]"}}"#, ""),
    },
    // serde stops at the first error, and the value of a body is not quoted.
    Scenario {
        request: r#"POST /users {"name":1}"#,
        python: (
            422,
            r#"{"user":null}"#,
            r#"[{"type":"string_type","loc":["body","name"],"msg":"Input should be a valid string","input":1},{"type":"missing","loc":["body","age"],"msg":"Field required","input":{"name":1}}]"#,
        ),
        here: (
            422,
            "",
            r#"json_type ["body","name"] invalid type: integer, expected a string at line 1 column 9"#,
        ),
    },
    // Python records nothing of a body that is no JSON.
    Scenario {
        request: r#"POST /users {"name":"#,
        python: (422, "", ""),
        here: (
            400,
            "",
            r#"json_invalid ["body","name"] EOF while parsing a value at line 1 column 8"#,
        ),
    },
    Scenario {
        request: "GET /http-error/400",
        python: (400, r#"{"code":400}"#, "[]"),
        here: (400, r#"{"code":400}"#, ""),
    },
    Scenario {
        request: "GET /http-error/503",
        python: (503, r#"{"code":503}"#, "[]"),
        here: (503, r#"{"code":503}"#, ""),
    },
    // The example of FastAPI's page on validation, as FastAPI answers it.
    Scenario {
        request: "GET /hello?name=world",
        python: (200, r#"{"name":"world"}"#, "[]"),
        here: (200, r#"{"hello":{"name":"world"}}"#, ""),
    },
    Scenario {
        request: "GET /hello",
        python: (
            422,
            "{}",
            r#"[{"type":"missing","loc":["query","name"],"msg":"Field required","input":null}]"#,
        ),
        here: (400, "", r#"query_invalid ["query"] missing field `name`"#),
    },
];

#[tokio::test]
async fn the_same_requests_as_to_fastapi() {
    let app = || {
        Router::new()
            .route("/", get(root))
            .route("/items/{item_id}", get(item))
            .route("/files/{*path}", get(files))
            .route("/users", post(users))
            .route("/http-error/{code}", get(http_error))
            .route("/hello", get(hello))
    };
    for Scenario { request, python, here } in SCENARIOS {
        let record = record(app(), request).await;
        let recorded = (record.status, record.values(), record.error());
        assert_eq!(
            (recorded.0, &*recorded.1, &*recorded.2),
            *here,
            "{request}, in Python {python:?}"
        );
        assert_eq!(record.get("error.type").is_some(), record.status >= 500, "{request}");
    }
}
