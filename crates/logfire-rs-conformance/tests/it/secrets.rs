//! Secrets in every place that a request has: none leaves, whatever is captured.

use logfire_rs_conformance::{Exchange, FRONT_ENDS, Telemetry};
use opentelemetry_sdk::trace::SpanData;

/// Every secret of the table contains it.
const SECRET: &str = "s3cret";

fn request(path: &str) -> Vec<u8> {
    format!(
        "GET {path}?sig=s3cret&X-Amz-Signature=s3cret&X-Amz-Credential=s3cret&AWSAccessKeyId=s3cret HTTP/1.1\r\n\
         Host: ada:s3cret@site.example\r\n\
         Authorization: Bearer s3cret\r\n\
         Proxy-Authorization: Basic s3cret\r\n\
         Cookie: session=s3cret\r\n\
         X-Api-Key: s3cret\r\n\
         X-Csrf-Token: s3cret\r\n\
         X-Amz-Security-Token: s3cret\r\n\
         X-Forwarded-Host: ada:s3cret@site.example\r\n\
         Forwarded: for=127.0.0.1;host=\"ada:s3cret@site.example\"\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

fn leaks(spans: &[SpanData]) -> bool {
    format!("{spans:?}").contains(SECRET)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_exported() {
    for path in
        ["/", "/users/1", "/error", "/panic", "/broken", "/panicking-body", "/headers", "/x"]
    {
        for (what, exchange) in [
            ("default", Exchange::new(request(path))),
            (
                "everything captured",
                Exchange::new(request(path)).options(|it| {
                    it.capture_headers(true)
                        .record_send_receive(true)
                        .record_body_sizes(true)
                        .trace_response(true)
                        .trusted_proxies(1)
                }),
            ),
        ] {
            for front_end in FRONT_ENDS {
                let telemetry = Telemetry::default();
                let observed = exchange.observe(front_end, &telemetry).await;
                let name = front_end.name;
                assert!(!leaks(&telemetry.spans()), "{name} {path} {what}: {}", observed.spans);
                let metrics = format!("{:?}", telemetry.metrics());
                assert!(!metrics.contains(SECRET), "{name} {path} {what}: {metrics}");
            }
        }
    }
}

#[test]
fn a_leak_would_be_found() {
    let telemetry = Telemetry::default();
    let mut span = opentelemetry::trace::Tracer::start(&telemetry.tracer(), "x");
    let attribute = opentelemetry::KeyValue::new("x", "s3cret");
    opentelemetry::trace::Span::set_attribute(&mut span, attribute);
    drop(span);
    assert!(leaks(&telemetry.spans()));
}
