//! What other instrumentations of Rust get wrong, as far as no other test here has it.

use std::time::Duration;

use insta::assert_snapshot;
use logfire_rs_conformance::{Exchange, FRONT_ENDS, Telemetry};
use opentelemetry::trace::SpanKind;

#[tokio::test(flavor = "multi_thread")]
async fn the_span_and_the_metric_last_as_long_as_the_body() {
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        Exchange::get("GET /stream", "").observe(front_end, &telemetry).await;
        let spans = telemetry.spans();
        let server = spans.iter().find(|it| it.span_kind == SpanKind::Server).unwrap();
        let lasted = server.end_time.duration_since(server.start_time).unwrap();
        // Three chunks, each 5 ms after the one before.
        assert!(lasted >= Duration::from_millis(15), "{}: {lasted:?}", front_end.name);
        let last = spans.iter().filter(|it| it.name == "make chunk").map(|it| it.end_time).max();
        assert!(last.unwrap() <= server.end_time, "{}", front_end.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_make_series() {
    let exchange = Exchange::new(
        "GET /users/1?a=1 HTTP/1.1\r\nHost: one.example\r\nX-Forwarded-Proto: https\r\n\r\n\
         GET /users/2?a=2 HTTP/1.1\r\nHost: two.example:81\r\nUser-Agent: x\r\n\r\n\
         FOO /users/3 HTTP/1.1\r\nHost: a\r\n\r\nBAR /users/4 HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /nowhere/1 HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /nowhere/2 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
    )
    .recorded(6);
    assert_snapshot!(exchange.lines(&["http.server"]).await, @r#"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.active_requests{http.request.method=_OTHER, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=2
    http.server.request.duration{http.request.method=GET, http.response.status_code=404, network.protocol.version=1.1, url.scheme=http} count=2
    http.server.request.duration{http.request.method=_OTHER, http.response.status_code=405, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_directions_are_one_trace_with_the_flags_of_the_caller() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let header = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n");
    let exchange = Exchange::get("GET /users/1", &header).options(|it| it.trace_response(true));
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        let observed = exchange.observe(front_end, &telemetry).await;
        for span in telemetry.spans() {
            assert_eq!(span.span_context.trace_id().to_string(), TRACE);
        }
        let traceresponse = observed.reply.header("traceresponse").unwrap();
        assert!(traceresponse.starts_with(&format!("00-{TRACE}-")), "{traceresponse}");
    }
}
