//! What goes over the wire, decoded from the bytes that arrive.

use logfire_rs_sdk::{
    Logfire, Sampling,
    opentelemetry::{
        Context, KeyValue,
        logs::{LogRecord, Logger, LoggerProvider},
        metrics::MeterProvider,
        trace::{Span as _, TraceContextExt, Tracer, TracerProvider},
    },
};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::any_value::Value,
    metrics::v1::metric::Data,
    trace::v1::Span,
};
use prost::Message;

use crate::{
    local, local_with,
    receiver::{Received, Receiver},
};

fn record(logfire: &Logfire) {
    logfire.tracer_provider().tracer("test").start("work");
    let meter = logfire.meter_provider().meter("test");
    meter.u64_counter("orders").build().add(2, &[KeyValue::new("k", "v")]);
    meter.i64_up_down_counter("open").build().add(1, &[]);
}

/// `POST path name=value…` per request, without the headers that every HTTP client sends, sorted.
fn heads(receiver: &Receiver) -> Vec<String> {
    let head = |request: &Received| {
        let mut head = request.line.replace(" HTTP/1.1", "");
        for (name, value) in &request.headers {
            if !["accept", "content-length", "host", "user-agent"].contains(&name.as_str()) {
                head.push_str(&format!(" {name}={value}"));
            }
        }
        head
    };
    let mut heads: Vec<_> = receiver.received().iter().map(head).collect();
    heads.sort();
    heads
}

fn bodies(receiver: &Receiver, path: &str) -> Vec<Vec<u8>> {
    let line = format!("POST {path} HTTP/1.1");
    let received = receiver.received().into_iter().filter(|request| request.line == line);
    received.map(|request| request.body).collect()
}

fn span_names(body: &[u8]) -> Vec<String> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(|span| span.name).collect()
}

fn resource(body: &[u8]) -> Vec<String> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let resource = request.resource_spans.into_iter().next().unwrap().resource.unwrap();
    let mut attributes: Vec<_> = resource
        .attributes
        .into_iter()
        .map(|attribute| match attribute.value.unwrap().value.unwrap() {
            Value::StringValue(text) => format!("{}={text}", attribute.key),
            other => format!("{}={other:?}", attribute.key),
        })
        .collect();
    attributes.sort();
    attributes
}

/// `name temporality` of each sum.
fn sums(body: &[u8]) -> Vec<String> {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| scope.metrics);
    let mut sums: Vec<_> = metrics
        .filter_map(|metric| match metric.data? {
            Data::Sum(sum) => Some(format!("{} {:?}", metric.name, sum.aggregation_temporality())),
            _ => None,
        })
        .collect();
    sums.sort();
    sums
}

#[test]
fn logfire_gets_gzipped_protobuf_with_the_bare_token_and_deltas() {
    let receiver = Receiver::start();
    let (configuration, warnings) = local(&[]);
    let configuration = configuration.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.service_name("shop").service_version("9").environment("test");
    let logfire = logfire.finish().unwrap();
    record(&logfire);
    logfire.shutdown().unwrap();

    let headers =
        "authorization=pylf_v1_us_test content-encoding=gzip content-type=application/x-protobuf";
    assert_eq!(
        heads(&receiver),
        [format!("POST /v1/metrics {headers}"), format!("POST /v1/traces {headers}")]
    );
    let traces = &bodies(&receiver, "/v1/traces")[0];
    assert_eq!(span_names(traces), ["work"]);
    let resource = resource(traces).join("\n");
    for attribute in [
        "service.name=shop",
        "service.version=9",
        "deployment.environment.name=test",
        "telemetry.sdk.language=rust",
        "service.instance.id=",
        "process.pid=IntValue(",
    ] {
        assert!(resource.contains(attribute), "{attribute} in {resource}");
    }
    let metrics = &bodies(&receiver, "/v1/metrics")[0];
    assert_eq!(sums(metrics), ["open Cumulative", "orders Delta"]);
    assert_eq!(warnings.get(), "");
}

/// `name span_type msg` of each span.
fn told(body: &[u8]) -> Vec<String> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let tell = |span: Span| {
        let attribute = |name: &str| {
            let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
            match attribute.value.clone()?.value? {
                Value::StringValue(text) => Some(text),
                _ => None,
            }
        };
        let added = ["logfire.span_type", "logfire.msg"].map(|name| attribute(name).unwrap());
        format!("{} {}", span.name, added.join(" "))
    };
    scopes.flat_map(|scope| scope.spans).map(tell).collect()
}

#[test]
fn logfire_alone_is_told_when_a_span_starts() {
    let (platform, collector) = (Receiver::start(), Receiver::start());
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url());
    let (configuration, _) = local_with(vec![endpoint]);
    let configuration = configuration.token("pylf_v1_us_test").base_url(platform.url());
    let logfire = configuration.finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    let attributes = [KeyValue::new("http.request.method", "GET"), KeyValue::new("url.path", "/a")];
    let request = tracer.span_builder("GET").with_attributes(attributes).start(&tracer);
    logfire.force_flush().unwrap();
    let began = &bodies(&platform, "/v1/traces")[0];
    assert_eq!(told(began), ["GET pending_span GET /a"]);

    drop(request);
    logfire.shutdown().unwrap();
    assert_eq!(told(&bodies(&platform, "/v1/traces")[1]), ["GET span GET /a"]);
    let to_collector = bodies(&collector, "/v1/traces");
    assert_eq!(to_collector.len(), 1);
    assert_eq!(told(&to_collector[0]), ["GET span GET /a"]);
}

#[test]
fn a_trace_that_is_kept_late_is_announced_late() {
    let receiver = Receiver::start();
    let (configuration, _) = local(&[]);
    let configuration = configuration.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.sampling(Sampling::level_or_duration()).finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    let root = Context::new().with_span(tracer.start_with_context("root", &Context::new()));
    tracer.start_with_context("quiet", &root).end();
    logfire.force_flush().unwrap();
    assert_eq!(bodies(&receiver, "/v1/traces").len(), 0);

    let error =
        tracer.span_builder("error").with_attributes([KeyValue::new("logfire.level_num", 17)]);
    error.start_with_context(&tracer, &root).end();
    logfire.force_flush().unwrap();
    let mut now: Vec<_> = bodies(&receiver, "/v1/traces").iter().flat_map(|it| told(it)).collect();
    now.sort();
    assert_eq!(now, ["error span error", "quiet span quiet", "root pending_span root"]);
    drop(root);
    logfire.shutdown().unwrap();
    assert_eq!(told(bodies(&receiver, "/v1/traces").last().unwrap()), ["root span root"]);
}

#[test]
fn logs_go_out_with_the_trace_they_belong_to() {
    let receiver = Receiver::start();
    let (configuration, _) = local(&[]);
    let configuration = configuration.token("pylf_v1_us_test").base_url(receiver.url());
    let logfire = configuration.finish().unwrap();
    let tracer = logfire.tracer_provider().tracer("test");
    tracer.in_span("work", |_| {
        let logger = logfire.logger_provider().logger("test");
        let mut record = logger.create_log_record();
        record.set_body("sold".into());
        logger.emit(record);
    });
    logfire.shutdown().unwrap();

    let body = &bodies(&receiver, "/v1/logs")[0];
    let request = ExportLogsServiceRequest::decode(body.as_slice()).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    let logs: Vec<_> = scopes.flat_map(|scope| scope.log_records).collect();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].body.clone().unwrap().value, Some(Value::StringValue("sold".to_owned())));
    assert!(logs[0].trace_id.iter().any(|byte| *byte != 0));
}

#[test]
fn several_tokens_each_get_everything() {
    let receiver = Receiver::start();
    let variables = [("LOGFIRE_TOKEN", "one, two"), ("LOGFIRE_BASE_URL", &receiver.url())];
    let (configuration, _) = local_with(owned(&variables));
    let logfire = configuration.finish().unwrap();
    logfire.tracer_provider().tracer("test").start("work");
    logfire.shutdown().unwrap();
    let rest = "content-encoding=gzip content-type=application/x-protobuf";
    assert_eq!(
        heads(&receiver),
        ["one", "two"].map(|token| format!("POST /v1/traces authorization={token} {rest}"))
    );
}

#[test]
fn an_otlp_endpoint_gets_the_same_beside_logfire_with_its_own_headers() {
    let (platform, collector) = (Receiver::start(), Receiver::start());
    let variables = [
        ("LOGFIRE_TOKEN", "pylf_v1_us_test"),
        ("LOGFIRE_BASE_URL", &platform.url()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("{}/base/", collector.url())),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc,x-team=a"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-team=metrics"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
    ];
    let (configuration, warnings) = local_with(owned(&variables));
    let logfire = configuration.finish().unwrap();
    record(&logfire);
    logfire.shutdown().unwrap();

    let content = "content-type=application/x-protobuf";
    assert_eq!(
        heads(&collector),
        [
            format!("POST /base/v1/metrics {content} x-team=metrics"),
            format!("POST /base/v1/traces authorization=Basic abc {content} x-team=a"),
        ]
    );
    // The collector's key is none of Logfire's business.
    let headers = format!("authorization=pylf_v1_us_test content-encoding=gzip {content}");
    assert_eq!(
        heads(&platform),
        [format!("POST /v1/metrics {headers}"), format!("POST /v1/traces {headers}")]
    );
    assert_eq!(span_names(&bodies(&collector, "/base/v1/traces")[0]), ["work"]);
    let metrics = &bodies(&collector, "/base/v1/metrics")[0];
    assert_eq!(sums(metrics), ["open Cumulative", "orders Cumulative"]);
    assert_eq!(warnings.get(), "");
}

#[test]
fn a_signal_may_have_an_endpoint_of_its_own_and_another_none() {
    let receiver = Receiver::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{}/here?key=1", receiver.url())),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let (configuration, warnings) = local_with(owned(&variables));
    let logfire = configuration.finish().unwrap();
    record(&logfire);
    logfire.shutdown().unwrap();
    let rest = "content-encoding=gzip content-type=application/x-protobuf";
    assert_eq!(heads(&receiver), [format!("POST /here?key=1 {rest}")]);
    assert_eq!(warnings.get(), "");
}

#[test]
fn json_is_the_json_of_otlp() {
    let receiver = Receiver::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url().leak() as &str),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ];
    let (configuration, _) = local_with(owned(&variables));
    let logfire = configuration.finish().unwrap();
    logfire.tracer_provider().tracer("test").start("work");
    logfire.shutdown().unwrap();

    let rest = "content-encoding=gzip content-type=application/json";
    assert_eq!(heads(&receiver), [format!("POST /v1/traces {rest}")]);
    let json: serde_json::Value =
        serde_json::from_slice(&bodies(&receiver, "/v1/traces")[0]).unwrap();
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["name"], "work");
    assert_eq!(span["kind"], 1);
    assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
    assert!(span["startTimeUnixNano"].is_string());
}

#[test]
fn spans_leave_without_being_asked() {
    let receiver = Receiver::start();
    let (configuration, _) = local(&[("OTEL_BSP_SCHEDULE_DELAY", "1")]);
    let logfire = configuration.token("pylf_v1_us_test").base_url(receiver.url()).finish().unwrap();
    logfire.tracer_provider().tracer("test").start("work");
    assert_eq!(receiver.wait_for(1).len(), 1);
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The golden request is what Logfire's Python SDK 4.41.0 was seen to send.
#[test]
fn the_head_is_that_of_the_python_sdk_except_where_the_documents_say() {
    const PYTHON: [(&str, &str); 9] = [
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate"),
        ("authorization", "pylf_v1_local_0123456789"),
        ("connection", "keep-alive"),
        ("content-encoding", "gzip"),
        ("content-length", "<length>"),
        ("content-type", "application/x-protobuf"),
        ("host", "<host>"),
        ("user-agent", "logfire/4.41.0"),
    ];
    let receiver = Receiver::start();
    let (configuration, _) = local(&[]);
    let configuration = configuration.token("pylf_v1_local_0123456789").base_url(receiver.url());
    let logfire = configuration.finish().unwrap();
    record(&logfire);
    logfire.shutdown().unwrap();

    let version = env!("CARGO_PKG_VERSION");
    for request in receiver.received() {
        let mut expected = std::collections::BTreeMap::from(PYTHON);
        // What is the default of HTTP/1.1, and an encoding of the answer, which is not read.
        expected.remove("connection");
        expected.remove("accept-encoding");
        let agent = format!("logfire-rs/{version}");
        expected.insert("user-agent", &agent);
        let mut headers = request.headers.clone();
        for (name, shown) in [("content-length", "<length>"), ("host", "<host>")] {
            *headers.get_mut(name).unwrap() = shown.to_owned();
        }
        let headers: std::collections::BTreeMap<_, _> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, expected, "{}", request.line);
    }
    let mut lines: Vec<_> = receiver.received().into_iter().map(|it| it.line).collect();
    lines.sort();
    assert_eq!(lines, ["POST /v1/metrics HTTP/1.1", "POST /v1/traces HTTP/1.1"]);
}
