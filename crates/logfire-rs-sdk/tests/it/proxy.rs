//! The telemetry proxy of a configuration: where it sends, and that it ends with the rest.

use std::time::Duration;

use logfire_rs_proxy::{HeaderValue, Headers, LogfireProxy};
use logfire_rs_sdk::Logfire;

use crate::{
    local_with,
    receiver::{Answer, Receiver},
};

/// Any request of JSON.
struct Json;

impl Headers for Json {
    fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
        (name == "content-type").then(|| "application/json".into())
    }
    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
        self.first(name).into_iter().for_each(visit);
    }
    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
        self.each("content-type", &mut |value| visit("content-type", value));
    }
}

fn configured(variables: &[(&str, &str)]) -> Logfire {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    local_with(variables.collect()).0.finish().unwrap()
}

/// The status and the body of the answer to a post.
fn post(proxy: &LogfireProxy, path: &str) -> (u16, String) {
    let response = proxy.forward(path, &Json, "{}".into());
    (response.status, String::from_utf8(response.body.to_vec()).unwrap())
}

/// What has arrived: path and token.
fn arrived(receiver: &Receiver) -> Vec<String> {
    let requests = receiver.received().into_iter().map(|request| {
        let token = request.headers.get("authorization").map_or("", String::as_str);
        format!("{} {token}", request.line.split(' ').nth(1).unwrap())
    });
    let mut requests: Vec<_> = requests.collect();
    requests.sort();
    requests
}

#[test]
fn browsers_send_where_the_server_sends() {
    let (logfire, collector) = (Receiver::start(), Receiver::start());
    let endpoint = format!("{}/own", collector.url());
    let configured = configured(&[
        ("LOGFIRE_TOKEN", "one,two"),
        ("LOGFIRE_BASE_URL", &logfire.url()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=collector"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &endpoint),
        ("OTEL_METRICS_EXPORTER", "none"),
    ]);
    for path in ["v1/traces", "v1/logs", "v1/metrics"] {
        assert_eq!(post(&configured.proxy(), path), (200, "{}".to_owned()));
    }
    configured.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(
        arrived(&logfire),
        [
            "/v1/logs one",
            "/v1/logs two",
            "/v1/metrics one",
            "/v1/metrics two",
            "/v1/traces one",
            "/v1/traces two",
        ]
    );
    assert_eq!(arrived(&collector), ["/own collector", "/v1/traces collector"]);
}

#[test]
fn without_a_destination_nothing_is_forwarded() {
    let receiver = Receiver::start();
    let token = [("LOGFIRE_TOKEN", "token"), ("LOGFIRE_BASE_URL", &receiver.url())];
    let text = "Logfire is not configured with an active forwarding destination";
    for variables in [
        vec![],
        [&token[..], &[("LOGFIRE_SEND_TO_LOGFIRE", "false")]].concat(),
        [&token[..], &[("OTEL_SDK_DISABLED", "true")]].concat(),
    ] {
        let configured = configured(&variables);
        assert_eq!(post(&configured.proxy(), "v1/traces"), (403, text.to_owned()), "{variables:?}");
    }
    assert!(receiver.received().is_empty());
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn an_endpoint_for_grpc_is_no_destination() {
    let receiver = Receiver::start();
    let configured = configured(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url()),
    ]);
    assert_eq!(post(&configured.proxy(), "v1/traces").0, 403);
}

#[test]
fn a_flush_and_a_shutdown_wait_for_what_browsers_sent() {
    let receiver = Receiver::answering(|_| {
        std::thread::sleep(Duration::from_millis(50));
        Answer::Status(200)
    });
    let configured =
        configured(&[("LOGFIRE_TOKEN", "token"), ("LOGFIRE_BASE_URL", &receiver.url())]);
    let proxy = configured.proxy();
    assert_eq!(post(&proxy, "v1/traces").0, 200);
    configured.force_flush_with_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(proxy.counts()[0].accepted, 1);
    assert_eq!(post(&proxy, "v1/traces").0, 200);
    configured.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(proxy.counts()[0].accepted, 2);
    let closed = "{\"partialSuccess\":{\"rejectedSpans\":\"0\",\"errorMessage\":\
                  \"Forwarding manager is closed; request was locally dropped.\"}}";
    assert_eq!(post(&proxy, "v1/traces"), (200, closed.to_owned()));
    assert_eq!(post(&configured.proxy(), "v1/traces"), (200, closed.to_owned()));
}

#[test]
fn a_proxy_that_is_asked_for_after_the_end_takes_nothing() {
    let receiver = Receiver::start();
    let configured =
        configured(&[("LOGFIRE_TOKEN", "token"), ("LOGFIRE_BASE_URL", &receiver.url())]);
    configured.shutdown().unwrap();
    let (status, text) = post(&configured.proxy(), "v1/traces");
    assert_eq!(status, 200);
    assert!(text.contains("Forwarding manager is closed"), "{text}");
    assert!(receiver.received().is_empty());
}
