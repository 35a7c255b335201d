//! Settings that are wrong: errors that name them, or one warning.

use logfire_rs_sdk::{CodeSource, Configuration, SendToLogfire, opentelemetry::KeyValue};

use crate::{Variables, local};

fn error(variables: Variables, set: impl FnOnce(Configuration) -> Configuration) -> String {
    set(local(variables).0).finish().unwrap_err().to_string()
}

/// What is told until the end; nothing may be sent.
fn warnings(variables: Variables, set: impl FnOnce(Configuration) -> Configuration) -> String {
    let (configuration, warnings) = local(variables);
    drop(set(configuration).finish().unwrap());
    warnings.get()
}

#[test]
fn an_invalid_base_url_is_an_error() {
    assert_eq!(
        error(&[], |c| c.base_url("logfire.example")),
        "base_url is invalid: `logfire.example` is not a URL like `https://host[:port][/path]`"
    );
    assert_eq!(
        error(&[("LOGFIRE_BASE_URL", "ftp://a")], |c| c),
        "LOGFIRE_BASE_URL is invalid: `ftp://a` is not a URL like `https://host[:port][/path]`"
    );
    // The setter wins.
    assert_eq!(
        warnings(&[("LOGFIRE_BASE_URL", "ftp://a")], |c| c.base_url("http://127.0.0.1:1")),
        ""
    );
}

#[test]
fn a_token_that_no_header_can_carry_is_an_error_that_does_not_show_it() {
    assert_eq!(
        error(&[], |c| c.token("pylf_v1_us_a\nb")),
        "token is invalid: the value of `authorization` cannot be sent in a header: copy the token once more"
    );
}

#[test]
fn debug_shows_no_secret() {
    let secret = || KeyValue::new("x-api-key", "hunter2");
    let (configuration, _) = local(&[("LOGFIRE_TOKEN", "hunter2")]);
    let configuration = configuration
        .service_name("shop")
        .token("hunter2")
        .base_url("http://ada:hunter2@127.0.0.1:1")
        .send_to_logfire(true)
        .resource_attributes([secret()])
        .code_source(CodeSource::new("https://ada:hunter2@git.example/shop", "main"));
    let before = format!("{configuration:?}");
    assert!(before.contains("shop") && before.contains("x-api-key"), "{before}");
    for text in [before, format!("{:?}", configuration.finish().unwrap())] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn sending_without_a_token_is_an_error_in_code_and_a_warning_in_the_environment() {
    assert_eq!(
        error(&[], |c| c.send_to_logfire(true)),
        "send_to_logfire is on without a token: set LOGFIRE_TOKEN or call `token`"
    );
    assert_eq!(
        warnings(&[("LOGFIRE_SEND_TO_LOGFIRE", "true")], |c| c),
        "LOGFIRE_SEND_TO_LOGFIRE is on, but there is no token: set LOGFIRE_TOKEN\n"
    );
    let if_present = SendToLogfire::IfTokenPresent;
    assert_eq!(
        warnings(&[("LOGFIRE_SEND_TO_LOGFIRE", "true")], |c| c.send_to_logfire(if_present)),
        ""
    );
    assert_eq!(
        warnings(&[("LOGFIRE_TOKEN", "odd"), ("LOGFIRE_SEND_TO_LOGFIRE", "false")], |c| c),
        ""
    );
}

#[test]
fn an_unknown_region_is_told_once_and_means_the_us() {
    let us = "https://logfire-us.pydantic.dev";
    assert_eq!(
        warnings(&[("LOGFIRE_TOKEN", "pylf_v1_mars_x")], |c| c),
        format!("LOGFIRE_TOKEN names no known region of Logfire: sending to {us}\n")
    );
    assert_eq!(
        warnings(&[], |c| c.token("0123456789")),
        format!("token names no known region of Logfire: sending to {us}\n")
    );
    assert_eq!(warnings(&[], |c| c.token("pylf_v1_eu_x")), "");
    assert_eq!(warnings(&[], |c| c.token("0123456789").base_url("http://127.0.0.1:1")), "");
}

#[test]
fn bad_values_in_the_environment_are_told_and_ignored() {
    let variables: Variables = &[
        ("LOGFIRE_SEND_TO_LOGFIRE", "perhaps"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x y=secret"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_METRICS_EXPORTER", "console"),
    ];
    let warnings = warnings(variables, |c| c);
    let warnings: Vec<_> = warnings.lines().collect();
    assert_eq!(
        warnings,
        [
            "LOGFIRE_SEND_TO_LOGFIRE is ignored: `perhaps` is not `true`, `false` or `if-token-present`",
            "OTEL_EXPORTER_OTLP_PROTOCOL is ignored: `smoke` is not `http/protobuf`, `http/json` or `grpc`",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is ignored: `localhost:4318` is not a URL like `https://host[:port][/path]`",
            "OTEL_METRICS_EXPORTER is ignored: `console` is not `otlp` or `none`",
            "a header for OTLP is ignored: `x…` is not a header name",
            "OTEL_EXPORTER_OTLP_TIMEOUT is ignored: `soon` is not a positive number of milliseconds",
            "OTEL_TRACES_SAMPLER is ignored: `xray` is not `always_on`, `always_off`, `traceidratio`, or one of these behind `parentbased_`",
        ]
    );
}

#[test]
fn every_variable_may_hold_nonsense() {
    // What would send telemetry to the wrong place is an error, and tested above.
    for name in [
        "LOGFIRE_CONSOLE",
        "LOGFIRE_CONSOLE_COLORS",
        "LOGFIRE_CONSOLE_INCLUDE_TAGS",
        "LOGFIRE_CONSOLE_INCLUDE_TIMESTAMP",
        "LOGFIRE_CONSOLE_MIN_LOG_LEVEL",
        "LOGFIRE_CONSOLE_SPAN_STYLE",
        "LOGFIRE_CONSOLE_VERBOSE",
        "LOGFIRE_MIN_LEVEL",
        "LOGFIRE_SEND_TO_LOGFIRE",
        "LOGFIRE_TRACE_SAMPLE_RATE",
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "OTEL_BLRP_SCHEDULE_DELAY",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_LOGS_EXPORTER",
        "OTEL_METRICS_EXPORTER",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_PROPAGATORS",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_TRACES_EXPORTER",
        "OTEL_TRACES_SAMPLER",
    ] {
        for nonsense in ["n\u{f6}nsense", "-1", "1e400", "\u{0}", "=,=;%", &"9".repeat(100)] {
            let variables = [
                (name.to_owned(), nonsense.to_owned()),
                ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://127.0.0.1:1".to_owned()),
            ];
            let (configuration, warnings) = crate::local_with(variables.to_vec());
            let configuration = configuration
                .console(logfire_rs_sdk::ConsoleOptions::default().writer(crate::Text::default()));
            let logfire = configuration.finish();
            assert!(logfire.is_ok(), "{name}={nonsense}: {logfire:?}");
            drop(logfire);
            if nonsense == "n\u{f6}nsense" {
                let warnings = warnings.get();
                let told = warnings.lines().filter(|it| it.contains(name) || it.contains("OTLP"));
                assert_eq!(told.count(), 1, "{name}: {warnings}");
            }
        }
    }
}

#[test]
fn a_rate_out_of_its_bounds_is_an_error_in_code() {
    for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let told = error(&[], |c| c.sampling(rate));
        assert!(told.starts_with("sampling is invalid: "), "{told}");
    }
}

#[cfg(feature = "tracing")]
#[test]
fn a_bad_filter_is_one_warning_and_hides_nothing() {
    let told = warnings(&[("RUST_LOG", "warn,x=y=z")], |c| c);
    assert_eq!(
        told,
        "RUST_LOG is ignored: `warn,x=y=z` is not a filter such as `info` or `warn,shop=debug`\n"
    );
    assert_eq!(warnings(&[("RUST_LOG", "warn,shop=debug")], |c| c), "");
}

#[test]
fn an_unclear_wish_to_disable_is_a_warning() {
    let told = warnings(&[("OTEL_SDK_DISABLED", "1")], |c| c);
    assert_eq!(told, "OTEL_SDK_DISABLED is ignored: `1` is not `true` or `false`\n");
    assert_eq!(warnings(&[("OTEL_SDK_DISABLED", "False")], |c| c), "");
}
