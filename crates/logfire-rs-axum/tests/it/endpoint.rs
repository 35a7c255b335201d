//! What `#[endpoint]` records.

mod errors;
mod functions;
mod golden;
mod hygiene;
mod options;
mod values;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Collected};
use logfire_rs_axum::{HttpServerOptions, instrument_with};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::Spans;

/// Sends `GET /path`, `POST /path {"json":1}` or `POST /path form=1` through `app`.
async fn send(app: &Router, request: &str) -> Response<Body> {
    let mut parts = request.splitn(3, ' ');
    let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
    let body = parts.next().unwrap_or_default().to_owned();
    let mut request = Request::builder().method(method).uri(path);
    if !body.is_empty() && !body.starts_with("plain") {
        let form = body.contains('=') && !body.starts_with('{');
        let form = if form { "x-www-form-urlencoded" } else { "json" };
        request = request.header("content-type", format!("application/{form}"));
    }
    app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

/// What is recorded of one request, with the span of the request last.
async fn record_with(
    app: Router,
    options: HttpServerOptions,
    spans: &Spans,
    request: &str,
) -> Record {
    let response = send(&instrument_with(app, options), request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    Record { status, body: String::from_utf8_lossy(&body).into_owned(), spans: spans.take() }
}

async fn record(app: Router, request: &str) -> Record {
    let spans = Spans::new();
    record_with(app, spans.options(), &spans, request).await
}

#[derive(Debug)]
struct Record {
    status: u16,
    body: String,
    spans: Vec<SpanData>,
}

impl Record {
    fn span(&self) -> &SpanData {
        self.spans.last().unwrap()
    }

    fn get(&self, key: &str) -> Option<String> {
        get(self.span(), key)
    }

    fn values(&self) -> String {
        self.get("axum.arguments.values").unwrap_or_default()
    }

    /// The only error, as `type loc msg [input]`.
    fn error(&self) -> String {
        let Some(errors) = self.get("axum.arguments.errors") else { return String::new() };
        let errors: Vec<Value> = serde_json::from_str(&errors).unwrap();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        let mut line = format!(
            "{} {} {}",
            error["type"].as_str().unwrap(),
            error["loc"],
            error["msg"].as_str().unwrap()
        );
        if let Some(input) = error.get("input") {
            line += &format!(" <- {input}");
        }
        line
    }

    /// The timestamps that are there, by the last parts of their names, which are in order.
    fn times(&self) -> String {
        let names = [
            "arguments.start",
            "arguments.end",
            "endpoint_function.start",
            "endpoint_function.end",
        ];
        let times: Vec<_> = names
            .into_iter()
            .filter_map(|it| Some((it, self.get(&format!("axum.{it}_timestamp"))?)))
            .collect();
        assert!(times.is_sorted_by_key(|it| it.1.clone()), "{times:?}");
        assert!(times.iter().all(|it| it.1.len() == 27 && it.1.ends_with('Z')), "{times:?}");
        times.iter().map(|it| it.0).collect::<Vec<_>>().join(" ")
    }

    /// The `exception` events, as `type: message`.
    fn exceptions(&self) -> String {
        exceptions(self.span())
    }
}

fn get(span: &SpanData, key: &str) -> Option<String> {
    let found: Vec<_> = span.attributes.iter().filter(|it| it.key.as_str() == key).collect();
    assert!(found.len() <= 1, "{key} is there twice");
    found.first().map(|it| it.value.to_string())
}

fn exceptions(span: &SpanData) -> String {
    let events = span.events.iter().filter(|it| it.name == "exception").map(|event| {
        let values: Vec<_> = event.attributes.iter().map(|it| it.value.to_string()).collect();
        values.join(": ")
    });
    events.collect::<Vec<_>>().join("\n")
}
