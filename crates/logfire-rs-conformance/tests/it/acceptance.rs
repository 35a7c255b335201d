//! Cases of the Python instrumentations' tests that no other test here has; the same for every
//! adapter. `docs/acceptance.md` says which case is where.

use insta::assert_snapshot;
use logfire_rs_conformance::{Exchange, FRONT_ENDS, Telemetry};
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, HistogramDataPoint, MetricData, ResourceMetrics, ScopeMetrics,
};

/// The environment of the Python tests about headers.
fn headers(name: &str) -> Option<String> {
    let list = match name {
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST" => {
            "Custom-Test-Header-1,Custom-Test-Header-2,Custom-Test-Header-3,Regex-Test-Header-.*,\
             Regex-Invalid-Test-Header-.*,.*my-secret.*"
        }
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE" => "X-Re.*, set-cookie",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS" => ".*my-secret.*",
        _ => return None,
    };
    Some(list.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_python_tests() {
    let exchange = Exchange::get(
        "GET /headers",
        "custom-test-header-1: test-header-value-1\r\nCustom-Test-Header-2: one\r\n\
         Custom-Test-Header-2: two\r\nRegex-Test-Header-1: Regex Test Value 1\r\n\
         regex-test-header-2: RegexTestValue2,RegexTestValue3\r\n\
         My-Secret-Header: My Secret Value\r\nOther: not in the list\r\n",
    )
    .options(|it| it.env_lookup(headers));
    assert_snapshot!(exchange.lines(&["header."]).await, @r#"
    http.request.header.custom-test-header-1 = ["test-header-value-1"]
    http.request.header.custom-test-header-2 = ["one","two"]
    http.request.header.my-secret-header = ["[REDACTED]"]
    http.request.header.regex-test-header-1 = ["Regex Test Value 1"]
    http.request.header.regex-test-header-2 = ["RegexTestValue2,RegexTestValue3"]
    http.response.header.set-cookie = ["[REDACTED]"]
    http.response.header.x-reply = ["one","two"]
    "#);
    let same = exchange.options(|it| {
        it.capture_request_headers([
            "Custom-Test-Header-1",
            "Custom-Test-Header-2",
            "Custom-Test-Header-3",
            "Regex-Test-Header-.*",
            ".*my-secret.*",
        ])
        .capture_response_headers(["X-Re.*", "set-cookie"])
        .sanitize_headers([".*my-secret.*"])
    });
    assert_eq!(same.lines(&["header."]).await.lines().count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn header_values_that_are_not_utf_8() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: \r\n\
                    X-Phone: Moto Z\xb2\r\n\r\n";
    let exchange = Exchange::new(*request).options(|it| it.capture_request_headers(["x-phone"]));
    assert_snapshot!(exchange.lines(&["x-phone", "user_agent"]).await, @r#"http.request.header.x-phone = ["Moto Z²"]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0() {
    let with_host = Exchange::new("GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    assert_snapshot!(with_host.everywhere().await, @r#"
    GET / [server]
        client.address = "127.0.0.1"
        http.request.method = "GET"
        http.response.status_code = 200
        http.route = "/"
        network.peer.address = "127.0.0.1"
        network.peer.port = <port>
        network.protocol.version = "1.0"
        server.address = "127.0.0.1"
        server.port = 80
        url.path = "/"
        url.scheme = "http"

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.0, url.scheme=http} count=1
    "#);
    let without = Exchange::new("GET / HTTP/1.0\r\n\r\n");
    assert_snapshot!(without.lines(&["server.address", "server.port", "[server]"]).await, @"GET / [server]");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_that_are_no_people() {
    for (agent, expected) in [
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "\"bot\""),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", "\"bot\""),
        ("AlwaysOn-Monitor/1.0", "\"test\""),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36", ""),
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: {agent}\r\n\r\n"
        );
        let lines = Exchange::new(request).lines(&["synthetic"]).await;
        let value = lines.strip_prefix("user_agent.synthetic.type = ").unwrap_or(&lines);
        assert_eq!(value, expected, "{agent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_the_python_tests() {
    for (host, expected) in [
        ("api.mycompany.com", "api.mycompany.com:80"),
        ("staging.myapp.com:8443", "staging.myapp.com:8443"),
        ("localhost", "localhost:80"),
        ("192.168.1.100", "192.168.1.100:80"),
        ("test.domain.co.uk", "test.domain.co.uk:80"),
    ] {
        let request = format!(
            "GET /users/1?param=value HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        );
        for front_end in FRONT_ENDS {
            let telemetry = Telemetry::default();
            Exchange::new(request.clone()).observe(front_end, &telemetry).await;
            let spans = telemetry.spans();
            let server = spans.iter().find(|it| it.name.starts_with("GET")).unwrap();
            let value = |key: &str| {
                let found = server.attributes.iter().find(|it| it.key.as_str() == key);
                found.map_or_else(String::new, |it| it.value.to_string())
            };
            assert_eq!(format!("{}:{}", value("server.address"), value("server.port")), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_the_python_tests() {
    for (target, path, query) in [
        ("/?x=1%26y&Signature=abc&sig=zz", "/", "x=1%26y&Signature=REDACTED&sig=REDACTED"),
        ("/status/200?Signature=secret", "/status/200", "Signature=REDACTED"),
        (
            "http://username:password@mock/status/200?X-Goog-Signature=1234567890",
            "/status/200",
            "X-Goog-Signature=REDACTED",
        ),
        ("/?query=test", "/", "query=test"),
        ("/a%20b/%C3%A9?c=%20", "/a%20b/%C3%A9", "c=%20"),
    ] {
        let exchange = Exchange::get(&format!("GET {target}"), "");
        let lines = exchange.lines(&["url.path", "url.query"]).await;
        assert_eq!(lines, format!("url.path = {path:?}\nurl.query = {query:?}"), "{target}");
        assert!(!exchange.everywhere().await.contains("password"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_not_utf_8() {
    let request = b"GET /?\xff=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for front_end in FRONT_ENDS {
        // The servers refuse it before any application sees it.
        let exchange = Exchange::new(*request).unrecorded();
        let observed = exchange.observe(front_end, &Telemetry::default()).await;
        assert_eq!(observed.reply.status(), 400, "{}", observed.reply.text);
        assert_eq!(observed.spans, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_have_few_names() {
    let exchange = Exchange::new(
        "GET /users/foo HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /users/bar HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
    )
    .recorded(2);
    assert_snapshot!(exchange.lines(&["[server]", "url.path", "duration"]).await, @r#"
    GET /users/{id} [server]
    url.path = "/users/foo"
    GET /users/{id} [server]
    url.path = "/users/bar"
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=2
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_requests_of_a_connection() {
    let exchange = Exchange::new(
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\
         GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .recorded(3);
    assert_snapshot!(exchange.lines(&["http.server"]).await, @r#"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=http} count=3
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_after_a_sized_answer() {
    let exchange = Exchange::new(
        "GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .recorded(2)
    .options(|it| it.record_body_sizes(true));
    assert_snapshot!(exchange.lines(&["[server]", "response.body.size ="]).await, @r#"
    GET /users/{id} [server]
    http.response.body.size = 4
    GET /stream [server]
    http.response.body.size = 24
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_those_of_both_bodies() {
    let body = "x".repeat(128);
    let request = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 128\r\n\r\n{body}"
    );
    let exchange = Exchange::new(request).options(|it| it.record_body_sizes(true));
    assert_snapshot!(exchange.lines(&["http.server"]).await, @r#"
    http.server.active_requests{http.request.method=POST, url.scheme=http} = 0
    http.server.request.body.size{http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, url.scheme=http} count=1 sum=128
    http.server.request.duration{http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, url.scheme=http} count=1
    http.server.response.body.size{http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, url.scheme=http} count=1 sum=128
    "#);
}

/// The adapters' own variable.
fn excluded(name: &str) -> Option<String> {
    let own = name.starts_with("OTEL_RUST_") && name != "OTEL_RUST_EXCLUDED_URLS";
    own.then(|| "/exclude/123,healthzz".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_urls_of_the_python_tests() {
    let exchange = |path: &str| Exchange::get(&format!("GET {path}"), "");
    for path in ["/exclude/123", "/healthzz"] {
        let none = exchange(path).options(|it| it.env_lookup(excluded)).unrecorded();
        assert_eq!(none.everywhere().await.trim(), "", "{path}");
        // The argument wins over the environment.
        let argument =
            exchange(path).options(|it| it.env_lookup(excluded).excluded_urls(["/users/1"]));
        assert!(argument.everywhere().await.starts_with("GET [server]\n"), "{path}");
    }
    let pattern =
        |path: &str| exchange(path).options(|it| it.excluded_urls(["test_excluded_urls"]));
    assert_eq!(pattern("/test_excluded_urls").unrecorded().everywhere().await.trim(), "");
    let other = pattern("/test_no_excluded_urls").everywhere().await;
    assert!(other.starts_with("GET [server]\n"), "{other}");
    // An adapter's own variable wins, also if it says that nothing is excluded.
    let nothing = exchange("/users/1").options(|it| {
        it.env_lookup(|name| match name {
            "OTEL_RUST_EXCLUDED_URLS" => Some("users".to_owned()),
            name if name.starts_with("OTEL_RUST_") => Some(String::new()),
            _ => None,
        })
    });
    assert!(nothing.everywhere().await.starts_with("GET /users/{id} [server]\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instruments_and_their_buckets() {
    let plain = Exchange::get("GET /", "");
    let sizes = plain.clone().options(|it| it.record_body_sizes(true));
    for (exchange, expected) in [(plain, 2), (sizes, 4)] {
        for front_end in FRONT_ENDS {
            let telemetry = Telemetry::default();
            exchange.observe(front_end, &telemetry).await;
            let metrics = telemetry.metrics();
            let instruments = metrics
                .iter()
                .flat_map(ResourceMetrics::scope_metrics)
                .flat_map(ScopeMetrics::metrics);
            let mut found = 0;
            for instrument in instruments {
                found += 1;
                if let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = instrument.data()
                {
                    assert_eq!(
                        (instrument.name(), instrument.unit()),
                        ("http.server.request.duration", "s")
                    );
                    let bounds: Vec<_> =
                        histogram.data_points().flat_map(HistogramDataPoint::bounds).collect();
                    assert_eq!(
                        bounds,
                        [
                            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0,
                            7.5, 10.0
                        ]
                    );
                }
            }
            assert_eq!(found, expected, "{}", front_end.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_the_current_one() {
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        Exchange::get("GET /", "").observe(front_end, &telemetry).await;
        let span = telemetry.spans()[0].clone();
        let schema = span.instrumentation_scope.schema_url();
        assert_eq!(schema, Some("https://opentelemetry.io/schemas/1.44.0"));
        let name = span.instrumentation_scope.name();
        assert_eq!(name, format!("logfire-rs-{}", front_end.name));
    }
}
