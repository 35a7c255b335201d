//! The same requests are recorded with the same attributes on each framework.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so at once")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use example_endpoint::{on_actix_web, on_axum, on_warp};
use logfire_rs::HttpServerOptions;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

/// A service in a thread of its own.
struct Service {
    /// How its attributes begin.
    prefix: &'static str,
    address: SocketAddr,
    exporter: InMemorySpanExporter,
}

impl Service {
    fn start<F: Future<Output = Result<(), Box<dyn Error>>>>(
        prefix: &'static str,
        serve: impl FnOnce(TcpListener, HttpServerOptions) -> F + Send + 'static,
    ) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let options = HttpServerOptions::default()
            .tracer_provider(provider)
            .metrics(false)
            .env_lookup(|_| None);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, options)).unwrap();
        });
        Self { prefix, address, exporter }
    }

    /// The endpoint attributes of `request`, a line each, without the framework's name.
    fn record(&self, request: &str) -> String {
        let (head, body) = request.split_once(" <- ").unwrap_or((request, ""));
        let mut stream = TcpStream::connect(self.address).unwrap();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let length = body.len();
        write!(
            stream,
            "{head} HTTP/1.1\r\nHost: example\r\n{kind}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
        self.lines(&self.span())
    }

    fn span(&self) -> SpanData {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(span) = self.exporter.get_finished_spans().unwrap().pop() {
                self.exporter.reset();
                return span;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("no span of {}", self.prefix);
    }

    fn lines(&self, span: &SpanData) -> String {
        let mut lines: Vec<_> = span
            .attributes
            .iter()
            .filter_map(|it| {
                let key = it.key.as_str();
                let value = it.value.to_string();
                let short = key.strip_prefix(&format!("{}.", self.prefix));
                match (key, short) {
                    // Times, and the lines of this program.
                    (_, Some(key)) if key.ends_with("_timestamp") => Some(key.to_owned()),
                    (_, Some(key)) => Some(format!("{key} {value}")),
                    ("code.function.name", _) => {
                        value.rsplit("::").next().map(|it| format!("function {it}"))
                    }
                    ("logfire.json_schema", _) => {
                        Some(format!("schema {}", value.replace(self.prefix, "{framework}")))
                    }
                    _ => None,
                }
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }
}

/// Of what axum records, what warp knows: its filters take the arguments before there is a function.
fn known_to_warp(lines: &str) -> String {
    let rejected = lines.contains("arguments.errors");
    let known = lines.lines().filter(|it| {
        let early = it.starts_with("arguments.") && it.ends_with("_timestamp");
        !(early || rejected && it.starts_with("function "))
    });
    known.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_framework_records_the_same() {
    let services = [
        Service::start("axum", on_axum::serve),
        Service::start("actix_web", on_actix_web::serve),
        Service::start("warp", on_warp::serve),
    ];
    for (request, expected) in [
        ("GET /hello?name=world", r#"arguments.values {"hello":{"name":"world","times":null}}"#),
        (
            "GET /hello?name=world&times=2",
            r#"arguments.values {"hello":{"name":"world","times":2}}"#,
        ),
        (
            "GET /hello",
            r#"arguments.errors [{"loc":["query","name"],"msg":"missing field `name`","type":"query_invalid"}]"#,
        ),
        (
            "GET /hello?name=world&times=x",
            r#"arguments.errors [{"input":"x","loc":["query","times"],"msg":"invalid digit found in string","type":"query_invalid"}]"#,
        ),
        ("GET /users/7", r#"arguments.values {"user_id":7}"#),
        (
            r#"POST /users <- {"name":"ada","age":36,"password":"hunter2"}"#,
            r#"arguments.values {"user":{"name":"ada","age":36,"password":"[REDACTED]"}}"#,
        ),
        (
            r#"POST /users <- {"name":"ada","age":"x","password":"hunter2"}"#,
            r#"arguments.errors [{"input":"x","loc":["body","age"],"msg":"invalid type: string, expected u8 at line 1 column 23","type":"json_type"}]"#,
        ),
        (
            r#"POST /users <- {"name":"ada","age":36}"#,
            r#"arguments.errors [{"loc":["body","password"],"msg":"missing field `password` at line 1 column 23","type":"json_type"}]"#,
        ),
        (
            r#"POST /users <- {"name":"ada","#,
            r#"arguments.errors [{"loc":["body"],"msg":"EOF while parsing a value at line 1 column 14","type":"json_invalid"}]"#,
        ),
    ] {
        let recorded = services.each_ref().map(|it| it.record(request));
        let [axum, actix_web, warp] = &recorded;
        assert!(axum.contains(expected), "{request}: {axum}");
        assert!(axum.contains("schema {"), "{request}: {axum}");
        assert_eq!(axum, actix_web, "{request}");
        assert_eq!(known_to_warp(axum), *warp, "{request}");
    }

    // To warp, a path with another type of parameter is another path.
    let [axum, actix_web, warp] = services.each_ref().map(|it| it.record("GET /users/one"));
    let error = r#"arguments.errors [{"input":"one","loc":["path","user_id"],"msg":"expected `u32`","type":"path_invalid"}]"#;
    assert!(axum.contains(error), "{axum}");
    assert_eq!(axum, actix_web);
    assert_eq!(warp, "");
}
