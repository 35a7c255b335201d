//! Where the settings come from.

use std::sync::{Arc, Mutex};

use logfire_rs_proxy::{Destination, LogfireProxy, LogfireProxyBuilder};

use crate::{JSON, LONG, Receiver, receiver::Answer, to};

/// A proxy with these variables, and what it warns of.
fn with(variables: Vec<(&'static str, String)>) -> (LogfireProxyBuilder, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let builder = LogfireProxy::builder()
        .env_lookup(move |name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, it)| it.clone())
        })
        .on_warning(move |warning| heard.lock().unwrap().push(warning.to_owned()));
    (builder, told)
}

fn status(proxy: &LogfireProxy) -> u16 {
    proxy.forward("v1/traces", &JSON, "{}".into()).status
}

#[test]
fn tokens_come_from_the_environment_if_nothing_else_is_set() {
    let receiver = Receiver::start();
    let variables =
        || vec![("LOGFIRE_TOKEN", "one, two,".to_owned()), ("LOGFIRE_BASE_URL", receiver.url())];
    let proxy = with(variables()).0.finish().unwrap();
    assert_eq!(status(&proxy), 200);
    proxy.shutdown(LONG).unwrap();
    let mut tokens: Vec<_> =
        receiver.received().into_iter().map(|it| it.headers["authorization"].clone()).collect();
    tokens.sort();
    assert_eq!(tokens, ["one", "two"]);

    let elsewhere = Destination::new("http://127.0.0.1:1").unwrap();
    let count = |builder: LogfireProxyBuilder| builder.finish().unwrap().counts().len();
    assert_eq!(count(with(variables()).0.destination(elsewhere)), 1);
    assert_eq!(count(with(variables()).0.tokens(["three"])), 1);
    assert_eq!(count(with(variables()).0.tokens([""; 0])), 0);
    let off = [variables(), vec![("LOGFIRE_SEND_TO_LOGFIRE", "False".to_owned())]].concat();
    assert_eq!(status(&with(off).0.finish().unwrap()), 403);
    assert_eq!(status(&with(Vec::new()).0.finish().unwrap()), 403);
}

#[test]
fn what_cannot_be_is_an_error_without_secrets() {
    for (builder, expected) in [
        (
            with(vec![("LOGFIRE_TOKEN", "hunter\n2".to_owned())]).0,
            "LOGFIRE_TOKEN: the value of `authorization` cannot be sent in a header",
        ),
        (
            with(vec![("LOGFIRE_BASE_URL", "ftp://u:hunter2@host".to_owned())]).0.tokens(["a"]),
            "LOGFIRE_BASE_URL: `ftp://REDACTED@host` is not a URL like `https://host[:port][/path]`",
        ),
        (
            with(Vec::new()).0.tokens(["a"]).base_url("host"),
            "base_url: `host` is not a URL like `https://host[:port][/path]`",
        ),
    ] {
        assert_eq!(builder.finish().unwrap_err().to_string(), expected);
    }
}

#[test]
fn debug_shows_no_secret() {
    let collector = Destination::new("http://ada:hunter2@collector").unwrap();
    let builder = with(vec![("LOGFIRE_TOKEN", "hunter2".to_owned())])
        .0
        .tokens(["hunter2", "hunter2-too"])
        .base_url("http://ada:hunter2@logfire.example")
        .destination(collector.header("x-api-key", "hunter2").unwrap());
    for text in [format!("{builder:?}"), format!("{:?}", builder.finish().unwrap())] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("@collector"), "{text}");
    }
}

#[test]
fn warnings_are_told() {
    let (builder, told) = with(vec![("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "soon".to_owned())]);
    let proxy = builder.tokens(["hunter2"]).finish().unwrap();
    let _ = proxy.allowed_origins(["https://shop.example", "*"]);
    assert_eq!(
        *told.lock().unwrap(),
        [
            "tokens names no known region of Logfire: sending to https://logfire-us.pydantic.dev",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is ignored: `soon` is not a positive number of \
             milliseconds",
            "`*` is ignored: not an origin like `https://host[:port]`",
        ]
    );
}

#[test]
fn what_a_backend_refuses_is_told_without_the_token() {
    let receiver = Receiver::answering(|_| Answer::Status(401));
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let proxy = to(&receiver, &["hunter2"])
        .on_warning(move |warning| heard.lock().unwrap().push(warning.to_owned()));
    let proxy = proxy.finish().unwrap();
    assert_eq!(status(&proxy), 200);
    proxy.flush(LONG).unwrap_err();
    let url = receiver.url();
    assert_eq!(
        *told.lock().unwrap(),
        [
            format!("{url} refuses telemetry with status 401; check the token"),
            format!("1 export to {url} lost"),
        ]
    );
    assert!(!format!("{proxy:?}").contains("hunter2"));
}

#[test]
fn a_backend_that_hangs_is_asked_again_after_the_timeout() {
    let receiver = Receiver::answering(|n| if n == 0 { Answer::Hang } else { Answer::Status(200) });
    let (builder, _) = with(vec![("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "50".to_owned())]);
    let proxy = builder.tokens(["token"]).base_url(receiver.url()).finish().unwrap();
    assert_eq!(proxy.forward("v1/logs", &JSON, "{}".into()).status, 200);
    proxy.flush(LONG).unwrap();
    assert_eq!(receiver.received().len(), 2);
}
