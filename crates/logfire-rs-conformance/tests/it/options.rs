//! Each option of `HttpServerOptions`, and each variable of the environment; the same for every
//! adapter.

use insta::assert_snapshot;
use logfire_rs_conformance::{Exchange, FRONT_ENDS, Telemetry};
use logfire_rs_core::{
    DistributedTracing, Frame, HttpServerOptions, RequestSpan, SpanDetails, SpanEnd,
    TrustedProxies, UrlRedaction, UrlScheme, current_request,
};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};

type Options = fn(HttpServerOptions) -> HttpServerOptions;

const HEADERS: &str = "X-Tag: one\r\nx-tag: two\r\nAuthorization: Bearer s3cret\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn capture_headers() {
    let exchange = Exchange::get("GET /headers", HEADERS);
    let exact = exchange.clone().options(|it| {
        it.capture_request_headers(["X-TAG", "missing"]).capture_response_headers(["x-reply"])
    });
    assert_snapshot!(exact.lines(&["header."]).await, @r#"
    http.request.header.x-tag = ["one","two"]
    http.response.header.x-reply = ["one","two"]
    "#);
    let patterns = exchange.clone().options(|it| it.capture_request_headers(["x-.*", "auth"]));
    assert_snapshot!(patterns.lines(&["header."]).await, @r#"http.request.header.x-tag = ["one","two"]"#);
    let all = exchange.clone().options(|it| it.capture_headers(true));
    let words = ["x-tag", "header.authorization", "x-reply", "set-cookie", "header.host"];
    assert_snapshot!(all.lines(&words).await, @r#"
    http.request.header.authorization = ["[REDACTED]"]
    http.request.header.host = ["site.example:8080"]
    http.request.header.x-tag = ["one","two"]
    http.response.header.set-cookie = ["[REDACTED]"]
    http.response.header.x-reply = ["one","two"]
    "#);
    let sanitized = exchange.clone().options(|it| {
        it.capture_request_headers(["x-tag", "authorization"]).sanitize_headers(["TAG"])
    });
    assert_snapshot!(sanitized.lines(&["header."]).await, @r#"
    http.request.header.authorization = ["[REDACTED]"]
    http.request.header.x-tag = ["[REDACTED]","[REDACTED]"]
    "#);
    let only = exchange.clone().options(|it| {
        it.capture_request_headers(["x-tag", "authorization"]).sanitize_headers_only(["tag"])
    });
    assert_snapshot!(only.lines(&["header."]).await, @r#"
    http.request.header.authorization = ["Bearer s3cret"]
    http.request.header.x-tag = ["[REDACTED]","[REDACTED]"]
    "#);
    let none = exchange.options(|it| {
        it.env_lookup(|name| name.contains("HEADERS").then(|| ".*".to_owned()))
            .capture_headers(false)
    });
    assert_snapshot!(none.lines(&["header."]).await, @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_from_the_environment() {
    let exchange = Exchange::get("GET /headers", HEADERS).options(|it| {
        it.env_lookup(|name| match name {
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST" => {
                Some(" x-tag ,, user-agent, (".to_owned())
            }
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE" => Some("X-R.*".to_owned()),
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS" => Some("agent".to_owned()),
            _ => None,
        })
    });
    assert_snapshot!(exchange.lines(&["header."]).await, @r#"
    http.request.header.user-agent = ["[REDACTED]"]
    http.request.header.x-tag = ["one","two"]
    http.response.header.x-reply = ["one","two"]
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_urls() {
    let all: &[Options] = &[
        |it| it.excluded_urls(["^/users/"]),
        |it| it.excluded_urls(["^http://site.example:8080/users"]),
        |it| it.exclude(|request| request.path.ends_with("/1")),
        |it| it.exclude_routes(["/health", "/users/{id}"]),
        |it| {
            it.env_lookup(|name| {
                let own =
                    name.starts_with("OTEL_RUST_") && name.len() > "OTEL_RUST_EXCLUDED_URLS".len();
                own.then(|| "/nothing, /users/".to_owned())
            })
        },
        |it| it.env_lookup(|name| (name == "OTEL_RUST_EXCLUDED_URLS").then(|| "users".to_owned())),
        |it| {
            it.excluded_urls_env_key("SHOP").env_lookup(|name| {
                (name == "OTEL_RUST_SHOP_EXCLUDED_URLS").then(|| "users".to_owned())
            })
        },
    ];
    for options in all {
        let exchange = Exchange::get("GET /users/1", "").options(*options).unrecorded();
        // Nor is the span `load user` recorded, nor a metric.
        assert_eq!(exchange.everywhere().await.trim(), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_excluded() {
    let all: &[Options] = &[
        // Only the path is searched, not the host nor the query.
        |it| it.excluded_urls(["site", "q=1", "^/users$"]),
        // An explicit empty list means none.
        |it| {
            it.env_lookup(|name| name.contains("EXCLUDED").then(|| "users".to_owned()))
                .excluded_urls([""; 0])
        },
        // An empty variable counts as unset.
        |it| it.env_lookup(|_| Some(String::new())),
        |it| it.exclude(|_| panic!("on purpose")),
        |it| it.exclude_routes(["/users", "/user/{id}"]),
    ];
    for options in all {
        let exchange = Exchange::get("GET /users/1?q=1", "").options(*options);
        assert!(exchange.everywhere().await.starts_with("GET /users/{id} [server]"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_of_an_excluded_request() {
    let exchange = Exchange::get("GET /users/1", "")
        .options(|it| it.excluded_urls(["users"]).exclude_children(false))
        .unrecorded();
    assert_eq!(exchange.everywhere().await.trim(), "load user [internal]");
}

#[tokio::test(flavor = "multi_thread")]
async fn url_redaction() {
    let exchange = Exchange::get("GET /?a=1&sig=s3cret&token=s3cret", "");
    let lines = |it: Exchange| async move { it.lines(&["url.query"]).await };
    let add = exchange
        .clone()
        .options(|it| it.url_redaction(UrlRedaction::default().add_keys(["token"])));
    assert_snapshot!(lines(add).await, @r#"url.query = "a=1&sig=REDACTED&token=REDACTED""#);
    let replaced =
        exchange.clone().options(|it| it.url_redaction(UrlRedaction::default().keys(["a"])));
    assert_snapshot!(lines(replaced).await, @r#"url.query = "a=REDACTED&sig=s3cret&token=s3cret""#);
    let all =
        exchange.clone().options(|it| it.url_redaction(UrlRedaction::default().all_values(true)));
    assert_snapshot!(lines(all).await, @r#"url.query = "a=REDACTED&sig=REDACTED&token=REDACTED""#);
    let dropped = exchange.options(|it| it.url_redaction(UrlRedaction::default().drop_query(true)));
    assert_snapshot!(lines(dropped).await, @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn url_filter() {
    let exchange = Exchange::get("GET /users/1?name=ada&sig=s3cret", "");
    let filtered = exchange.clone().options(|it| {
        it.url_filter(|url| {
            assert_eq!((url.host(), url.port()), (Some("site.example"), Some(8080)));
            let url = url.with_query_pairs(url.query_pairs().map(|(key, value)| match &*key {
                "name" => (key, "***".into()),
                _ => (key, value),
            }));
            url.replace("/users/1", "/users/x")
        })
    });
    assert_snapshot!(filtered.lines(&["url.path", "url.query"]).await, @r#"
    url.path = "/users/x"
    url.query = "name=***&sig=REDACTED"
    "#);
    let broken = exchange.options(|it| it.url_filter(|_| panic!("on purpose")));
    assert_snapshot!(broken.lines(&["url.path", "url.query"]).await, @"");
}

#[tokio::test(flavor = "multi_thread")]
async fn span_details() {
    let exchange = Exchange::get("GET /users/1", "").options(|it| {
        it.span_details(|request| SpanDetails {
            name: format!("{} of the shop", request.method),
            attributes: vec![KeyValue::new("shop", "north")],
        })
    });
    assert_snapshot!(exchange.lines(&["[server]", "shop =", "http.route ="]).await, @r#"
    GET of the shop [server]
    http.route = "/users/{id}"
    shop = "north"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks() {
    let body =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nping";
    let exchange = Exchange::new(body).options(|it| {
        it.request_hook(|span, request| {
            span.set_attribute(KeyValue::new("hook.method", request.method.to_owned()));
            span.add_metric_attribute(KeyValue::new("tenant", "acme"));
        })
        .response_hook(|span, response| {
            span.set_attribute(KeyValue::new("hook.status", i64::from(response.status)));
        })
        .receive_hook(|span, frame| {
            if let Frame::Data(data) = frame {
                let text = String::from_utf8_lossy(data).into_owned();
                span.add_event("received", vec![KeyValue::new("text", text)]);
            }
        })
        .send_hook(|span, frame| {
            let text = match frame {
                Frame::Data(data) => String::from_utf8_lossy(data).into_owned(),
                other => format!("{other:?}"),
            };
            span.add_event("sent", vec![KeyValue::new("text", text)]);
        })
    });
    let words = ["hook.", "received", "sent", "text =", "duration"];
    assert_snapshot!(exchange.lines(&words).await, @r#"
    hook.method = "POST"
    hook.status = 200
    ! received
    text = "ping"
    ! sent
    text = "Head"
    ! sent
    text = "ping"
    ! sent
    text = "End"
    http.server.request.duration{http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, tenant=acme, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_run_as_the_current_request() {
    fn note(span: &RequestSpan, hook: &'static str) {
        let of_context = Context::current().span().span_context().clone();
        let of_request = current_request().map(|it| it.span_context());
        let current = of_context == span.span_context() && of_request == Some(of_context);
        span.add_metric_attribute(KeyValue::new(hook, current));
    }
    let body =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nping";
    let exchange = Exchange::new(body).options(|it| {
        it.request_hook(|span, _| note(span, "hook.1"))
            .receive_hook(|span, _| note(span, "hook.2"))
            .response_hook(|span, _| note(span, "hook.3"))
            .send_hook(|span, _| note(span, "hook.4"))
    });
    assert_snapshot!(exchange.lines(&["duration"]).await, @"http.server.request.duration{hook.1=true, hook.2=true, hook.3=true, hook.4=true, http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, url.scheme=http} count=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn panicking_hooks_break_nothing() {
    let body =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nping";
    let exchange = Exchange::new(body).options(|it| {
        it.request_hook(|_, _| panic!("on purpose"))
            .response_hook(|_, _| panic!("on purpose"))
            .receive_hook(|_, _| panic!("on purpose"))
            .send_hook(|_, _| panic!("on purpose"))
            .span_details(|_| panic!("on purpose"))
            .exclude(|_| panic!("on purpose"))
    });
    for front_end in FRONT_ENDS {
        let observed = exchange.observe(front_end, &Telemetry::default()).await;
        assert_eq!(observed.reply.status(), 200);
        assert!(observed.reply.text.ends_with("ping"), "{}", observed.reply.text);
        assert!(observed.spans.starts_with("POST /echo [server]\n"), "{}", observed.spans);
    }
    assert!(logfire_rs_core::diagnostics().hook_panics >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn record_send_receive() {
    let body =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nping";
    let exchange = Exchange::new(body).options(|it| it.record_send_receive(true));
    assert_snapshot!(exchange.lines(&["[", "message.type"]).await, @r#"
    POST /echo [server]
    POST /echo http receive request [internal]
    http.message.type = "http.request"
    POST /echo http send response.start [internal]
    http.message.type = "http.response.start"
    POST /echo http send response.body [internal]
    http.message.type = "http.response.body"
    "#);
    let missing = Exchange::get("GET /x", "").options(|it| it.record_send_receive(true));
    assert_snapshot!(missing.lines(&["[", "message.type"]).await, @r#"
    GET [server]
    GET http send response.start [internal]
    http.message.type = "http.response.start"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_methods() {
    let frob = Exchange::get("FROB /users/1", "").options(|it| it.known_methods(["FROB"]));
    assert_snapshot!(frob.lines(&["[server]", "method"]).await, @r#"
    FROB /users/{id} [server]
    http.request.method = "FROB"
    http.server.active_requests{http.request.method=FROB, url.scheme=http} = 0
    http.server.request.duration{http.request.method=FROB, http.response.status_code=405, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
    let get = Exchange::get("GET /users/1", "").options(|it| {
        it.env_lookup(|name| {
            (name == "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS").then(|| "FROB, get".to_owned())
        })
    });
    assert_snapshot!(get.lines(&["[server]", "method"]).await, @r#"
    HTTP /users/{id} [server]
    http.request.method = "_OTHER"
    http.request.method_original = "GET"
    http.server.active_requests{http.request.method=_OTHER, url.scheme=http} = 0
    http.server.request.duration{http.request.method=_OTHER, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxies() {
    const FORWARDED: &str = "X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
                             X-Forwarded-Host: shop.example\r\n";
    let words = ["client.address", "server.", "url.scheme", "network.peer.address"];
    let exchange = Exchange::get("GET /", FORWARDED);
    assert_snapshot!(exchange.lines(&words).await, @r#"
    client.address = "127.0.0.1"
    network.peer.address = "127.0.0.1"
    server.address = "site.example"
    server.port = <port>
    url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
    let one = exchange.clone().options(|it| it.trusted_proxies(1));
    assert_snapshot!(one.lines(&words).await, @r#"
    client.address = "192.0.2.7"
    network.peer.address = "127.0.0.1"
    server.address = "shop.example"
    server.port = 443
    url.scheme = "https"
    http.server.active_requests{http.request.method=GET, url.scheme=https} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=https} count=1
    "#);
    let networks = exchange
        .options(|it| it.trusted_proxies(TrustedProxies::networks(["127.0.0.0/8"]).unwrap()));
    assert_eq!(networks.lines(&words).await, one.lines(&words).await);
    let rfc7239 = Exchange::get(
        "GET /",
        "Forwarded: for=\"[2001:db8::1]:4711\";proto=https;host=\"shop.example:444\"\r\n",
    )
    .options(|it| it.trusted_proxies(1));
    assert_snapshot!(rfc7239.lines(&words).await, @r#"
    client.address = "2001:db8::1"
    network.peer.address = "127.0.0.1"
    server.address = "shop.example"
    server.port = 444
    url.scheme = "https"
    http.server.active_requests{http.request.method=GET, url.scheme=https} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=https} count=1
    "#);
    let malformed = Exchange::get("GET /", "Forwarded: \"for=;;=\r\nX-Forwarded-For: ,,\r\n")
        .options(|it| it.trusted_proxies(1));
    assert_snapshot!(malformed.lines(&words).await, @r#"
    client.address = "127.0.0.1"
    network.peer.address = "127.0.0.1"
    server.address = "site.example"
    server.port = <port>
    url.scheme = "http"
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
    let fixed = Exchange::get("GET /", "").options(|it| it.url_scheme(UrlScheme::Https));
    assert_snapshot!(fixed.lines(&["url.scheme"]).await, @r#"
    url.scheme = "https"
    http.server.active_requests{http.request.method=GET, url.scheme=https} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/, network.protocol.version=1.1, url.scheme=https} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn distributed_tracing() {
    const VARIABLE: &str = "LOGFIRE_DISTRIBUTED_TRACING";
    const PARENT: &str = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let exchange = Exchange::get("GET /", PARENT);
    let words = ["[server", "linked"];
    let link = exchange.clone().options(|it| it.distributed_tracing(DistributedTracing::Link));
    assert_snapshot!(link.lines(&words).await, @r#"
    GET / [server]
    > linked (sampled: true)
    "#);
    let ignore = exchange.clone().options(|it| it.distributed_tracing(DistributedTracing::Ignore));
    assert_snapshot!(ignore.lines(&words).await, @r#"GET / [server]"#);
    let all: [(Options, Exchange); 4] = [
        (
            |it| it.env_lookup(|name| (name == VARIABLE).then(|| "ignore".to_owned())),
            ignore.clone(),
        ),
        (|it| it.env_lookup(|name| (name == VARIABLE).then(|| "Link".to_owned())), link),
        (
            |it| it.env_lookup(|name| (name == VARIABLE).then(|| "nonsense".to_owned())),
            exchange.clone(),
        ),
        (
            |it| {
                it.env_lookup(|name| (name == VARIABLE).then(|| "ignore".to_owned()))
                    .distributed_tracing(DistributedTracing::Accept)
            },
            exchange.clone(),
        ),
    ];
    for (options, expected) in all {
        let from_environment = exchange.clone().options(options);
        assert_eq!(from_environment.lines(&words).await, expected.lines(&words).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_response() {
    let exchange = Exchange::get("GET /", "").options(|it| it.trace_response(true));
    for front_end in FRONT_ENDS {
        let telemetry = Telemetry::default();
        let observed = exchange.observe(front_end, &telemetry).await;
        let span = telemetry.spans()[0].clone().span_context;
        let expected = format!("00-{}-{}-01", span.trace_id(), span.span_id());
        let header = |name| observed.reply.header(name).unwrap().to_owned();
        assert_eq!(header("traceresponse"), expected);
        assert_eq!(header("server-timing"), format!("trace;desc={expected}"));
        assert_eq!(header("access-control-expose-headers"), "server-timing, traceresponse");
    }
    // Not by default, and without a span of its own a response has none to tell of.
    let caller = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let exchange = Exchange::get("GET /", caller);
    let spans_off =
        exchange.clone().options(|it| it.trace_response(true).spans(false)).unrecorded();
    for exchange in [exchange, spans_off] {
        let observed = exchange.observe(&FRONT_ENDS[0], &Telemetry::default()).await;
        assert_eq!(observed.reply.header("traceresponse"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn span_end() {
    // The body breaks off after the span has ended: nothing of it is recorded.
    let exchange = Exchange::get("GET /broken", "").options(|it| it.span_end(SpanEnd::Head));
    assert_snapshot!(exchange.lines(&["[server]", "error", "active"]).await, @r#"
    GET /broken [server]
    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn signals() {
    let spans = Exchange::get("GET /", "").options(|it| it.metrics(false));
    assert!(spans.everywhere().await.trim().ends_with("user_agent.original = \"tests\""));
    let metrics = Exchange::get("GET /users/1", "").options(|it| it.spans(false)).unrecorded();
    assert_snapshot!(metrics.everywhere().await, @r#"
    load user [internal]

    http.server.active_requests{http.request.method=GET, url.scheme=http} = 0
    http.server.request.duration{http.request.method=GET, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_sizes() {
    let body =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nping";
    let exchange = Exchange::new(body).options(|it| it.record_body_sizes(true));
    assert_snapshot!(exchange.lines(&["body.size"]).await, @r#"
    http.request.body.size = 4
    http.response.body.size = 4
    http.server.request.body.size{http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, url.scheme=http} count=1 sum=4
    http.server.response.body.size{http.request.method=POST, http.response.status_code=200, http.route=/echo, network.protocol.version=1.1, url.scheme=http} count=1 sum=4
    "#);
    let stream = Exchange::get("GET /stream", "").options(|it| it.record_body_sizes(true));
    assert_snapshot!(stream.lines(&["body.size"]).await, @r#"
    http.request.body.size = 0
    http.response.body.size = 24
    http.server.request.body.size{http.request.method=GET, http.response.status_code=200, http.route=/stream, network.protocol.version=1.1, url.scheme=http} count=1 sum=0
    http.server.response.body.size{http.request.method=GET, http.response.status_code=200, http.route=/stream, network.protocol.version=1.1, url.scheme=http} count=1 sum=24
    "#);
    let head = Exchange::get("HEAD /users/1", "").options(|it| it.record_body_sizes(true));
    assert_snapshot!(head.lines(&["body.size"]).await, @r#"
    http.request.body.size = 0
    http.response.body.size = 0
    http.server.request.body.size{http.request.method=HEAD, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1 sum=0
    http.server.response.body.size{http.request.method=HEAD, http.response.status_code=200, http.route=/users/{id}, network.protocol.version=1.1, url.scheme=http} count=1 sum=0
    "#);
}
