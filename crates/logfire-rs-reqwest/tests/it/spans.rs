//! The spans and metrics of requests that are answered.

use logfire_rs_reqwest::{Client, UrlRedaction};
use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::Sampler;
use reqwest::Method;
use serde_json::{Value, json};

use crate::servers::Server;
use crate::telemetry::{Telemetry, attribute, builder, plain, shown};

#[tokio::test]
async fn a_request_is_a_client_span() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let response = telemetry.client().get(server.url("/?query=param#foobar")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    let span = telemetry.one();
    let scope = &span.instrumentation_scope;
    assert_eq!(scope.name(), "logfire-rs-reqwest");
    assert!(scope.schema_url().unwrap().ends_with("/1.44.0"));
    assert_eq!(
        shown(&span, server.port()),
        "Client GET\n  \
           http.request.method=GET\n  \
           http.response.status_code=200\n  \
           network.peer.address=127.0.0.1\n  \
           network.peer.port=PORT\n  \
           network.protocol.version=1.1\n  \
           server.address=127.0.0.1\n  \
           server.port=PORT\n  \
           url.full=http://127.0.0.1:PORT/?query=param#foobar"
    );
}

/// A body written for `reqwest::Client` compiles unchanged.
macro_rules! application {
    ($name:ident, $client:ty) => {
        async fn $name(client: &$client, server: &Server) -> reqwest::Result<Value> {
            let greeting = client
                .get(server.url("/"))
                .query(&[("a", "1")])
                .header("x-a", "b")
                .bearer_auth("token")
                .timeout(std::time::Duration::from_secs(5))
                .send()
                .await?
                .error_for_status()?
                .text()
                .await?;
            let answer = client.post(server.url("/json")).json(&json!([greeting])).send().await?;
            client.put(server.url("/")).form(&[("a", "b")]).send().await?;
            client.patch(server.url("/")).basic_auth("ada", Some("pw")).send().await?;
            client.delete(server.url("/")).headers(Default::default()).send().await?;
            client.head(server.url("/")).version(reqwest::Version::HTTP_11).send().await?;
            let (client, request) = client.request(Method::OPTIONS, server.url("/")).build_split();
            client.execute(request?.try_clone().unwrap()).await?;
            answer.json().await
        }
    };
}
application!(with_reqwest, reqwest::Client);
application!(with_ours, Client);

#[tokio::test]
async fn what_is_sent_and_what_comes_back_is_as_with_reqwest() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let plain = with_reqwest(&plain(), &server).await.unwrap();
    let expected = server.seen();
    assert_eq!(with_ours(&telemetry.client(), &server).await.unwrap(), plain);
    let seen = server.seen();
    assert_eq!(seen.len(), expected.len());
    for (mut seen, expected) in seen.into_iter().zip(expected) {
        assert!(seen.headers.remove("traceparent").is_some());
        assert_eq!(
            (seen.method, seen.uri, seen.headers),
            (expected.method, expected.uri, expected.headers)
        );
    }
    let names: Vec<_> = telemetry.take().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
}

#[tokio::test]
async fn an_answer_of_400_or_above_is_an_error() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let client = telemetry.client();
    for (code, expected) in [
        (204, Status::Unset),
        (307, Status::Unset),
        (400, Status::error("")),
        (404, Status::error("")),
        (503, Status::error("")),
        (504, Status::error("")),
    ] {
        let response = client.get(server.url(&format!("/status/{code}"))).send().await.unwrap();
        assert_eq!(response.status(), code);
        let span = telemetry.one();
        let error = (code >= 400).then(|| code.to_string());
        assert_eq!(
            (&span.status, attribute(&span, "error.type")),
            (&expected, error),
            "status {code}"
        );
    }
}

#[tokio::test]
async fn metrics_have_the_attributes_of_their_own_request_only() {
    let (server, telemetry) = (Server::start().await, Telemetry::with_sampler(Sampler::AlwaysOff));
    let client = telemetry.client();
    client.get(server.url("/status/404")).send().await.unwrap();
    client.get(server.url("/")).send().await.unwrap();
    let gone = crate::servers::refused();
    client.get(&gone).send().await.unwrap_err();
    assert_eq!(telemetry.take().len(), 0);
    let port = reqwest::Url::parse(&gone).unwrap().port().unwrap().to_string();
    let common = "http.request.method=GET";
    let address = format!("server.address=127.0.0.1 server.port={}", server.port());
    let mut expected = vec![
        format!("http.client.active_requests value=0 {common} {address}"),
        format!(
            "http.client.active_requests value=0 {common} server.address=127.0.0.1 server.port={port}"
        ),
        format!(
            "http.client.request.duration count=1 {common} http.response.status_code=200 network.protocol.version=1.1 {address}"
        ),
        format!(
            "http.client.request.duration count=1 error.type=404 {common} http.response.status_code=404 network.protocol.version=1.1 {address}"
        ),
        format!(
            "http.client.request.duration count=1 error.type=connection_refused {common} server.address=127.0.0.1 server.port={port}"
        ),
    ];
    expected.sort();
    assert_eq!(telemetry.metrics(), expected);
}

#[tokio::test]
async fn an_unknown_method_is_kept_out_of_name_and_metrics() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let method = Method::from_bytes(b"NONSTANDARD").unwrap();
    telemetry.client().request(method, server.url("/status/405")).send().await.unwrap();
    let span = telemetry.one();
    assert_eq!(span.name, "HTTP");
    assert_eq!(attribute(&span, "http.request.method").unwrap(), "_OTHER");
    assert_eq!(attribute(&span, "http.request.method_original").unwrap(), "NONSTANDARD");
    assert_eq!(attribute(&span, "error.type").unwrap(), "405");
}

#[tokio::test]
async fn secrets_in_urls_are_masked() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let url = server.url("/?Signature=s3cret&token=s3cret&a=b");
    let url = url.replace("http://", "http://username:s3cret@");
    let redaction = UrlRedaction::default().add_keys(["token"]);
    let client = telemetry.client_with(telemetry.options().url_redaction(redaction));
    client.get(&url).send().await.unwrap();
    // Only a request that is made by hand keeps the credentials in its URL.
    let by_hand = reqwest::Request::new(Method::GET, url.parse().unwrap());
    client.execute(by_hand).await.unwrap();
    let urls: Vec<_> =
        telemetry.take().iter().map(|it| attribute(it, "url.full").unwrap()).collect();
    let query = "?Signature=REDACTED&token=REDACTED&a=b";
    assert_eq!(
        urls,
        [
            server.url(&format!("/{query}")),
            format!("http://REDACTED:REDACTED@{}/{query}", server.address),
        ]
    );
}

#[tokio::test]
async fn a_filter_masks_what_is_secret_in_the_application() {
    const SECRET: [&str; 6] = ["username", "password", "token", "api_key", "api_secret", "apikey"];
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let options = telemetry.options().url_filter(|url| {
        url.with_query_pairs(url.query_pairs().map(|(key, value)| {
            let value = if SECRET.contains(&&*key) { "*****".into() } else { value };
            (key, value)
        }))
    });
    let query = SECRET.map(|it| (it, "s3cret"));
    let request = telemetry.client_with(options).get(server.url("/?sig=s3cret")).query(&query);
    request.query(&[("lang", "en")]).send().await.unwrap();
    let url = attribute(&telemetry.one(), "url.full").unwrap();
    assert!(url.ends_with("&apikey=*****&lang=en") && !url.contains("s3cret"), "{url}");

    let broken = telemetry.options().url_filter(|_| panic!("on purpose"));
    let request = telemetry.client_with(broken).get(server.url("/a?b=s3cret"));
    assert_eq!(request.send().await.unwrap().status(), 404);
    assert_eq!(attribute(&telemetry.one(), "url.full").unwrap(), server.url("/"));
}

#[tokio::test]
async fn the_server_is_that_of_the_url_and_its_port_the_default_one() {
    let telemetry = Telemetry::new();
    let server = Server::start().await;
    let http = builder().proxy(reqwest::Proxy::http(server.url("")).unwrap()).build().unwrap();
    let client = logfire_rs_reqwest::instrument_with(
        http,
        telemetry.options().url_filter(|url| url.path().to_owned()),
    );
    client.get("http://example.test/").send().await.unwrap();
    let span = telemetry.one();
    assert_eq!(attribute(&span, "server.address").unwrap(), "example.test");
    assert_eq!(attribute(&span, "server.port").unwrap(), "80");
    assert_eq!(attribute(&span, "url.full").unwrap(), "/");
    assert_eq!(attribute(&span, "network.peer.port").unwrap(), server.port().to_string());
}

#[tokio::test]
async fn hooks_see_the_span_and_may_fail() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    let options = telemetry.options().request_hook(|span, request| {
        span.set_name(format!("{} - /some/path", request.method));
        span.add_metric_attribute(KeyValue::new("team", "checkout"));
    });
    let options = options.response_hook(|span, result| {
        span.set_attribute(KeyValue::new("answered", result.is_ok()));
    });
    let client = telemetry.client_with(options);
    client.patch(server.url("/")).send().await.unwrap();
    client.get(crate::servers::refused()).send().await.unwrap_err();
    let spans = telemetry.take();
    assert_eq!(spans[0].name, "PATCH - /some/path");
    assert_eq!(attribute(&spans[0], "answered").unwrap(), "true");
    assert_eq!(attribute(&spans[1], "answered").unwrap(), "false");
    assert_eq!(telemetry.metrics().iter().filter(|it| it.contains("team=checkout")).count(), 2);

    let options = telemetry.options().request_hook(|_, _| panic!("on purpose"));
    let client = telemetry.client_with(options.response_hook(|_, _| panic!("on purpose")));
    let client = client.on_request(|_, _| panic!("on purpose"));
    let response = client.get(server.url("/")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    assert_eq!(telemetry.one().status, Status::Unset);

    let client = telemetry.client().on_request(|span, request| {
        span.set_attribute(KeyValue::new("has_body", request.body().is_some()));
    });
    client.post(server.url("/")).body("hello").send().await.unwrap();
    assert_eq!(attribute(&telemetry.one(), "has_body").unwrap(), "true");
}

#[tokio::test]
async fn headers_are_captured_when_asked_for() {
    let (server, telemetry) = (Server::start().await, Telemetry::new());
    telemetry.client().get(server.url("/headers")).header("x-a", "b").send().await.unwrap();
    let none = telemetry.one();
    assert!(!none.attributes.iter().any(|it| it.key.as_str().contains(".header.")));

    let options = telemetry
        .options()
        .capture_request_headers(["x-custom-.*", "Authorization", "X-API-KEY", "traceparent"])
        .capture_response_headers(["x-(one|two)", "set-cookie", "x-secret", "server"]);
    let client = telemetry.client_with(options);
    let request = client
        .get(server.url("/headers"))
        .header("X-Custom-A", "value1")
        .header("x-custom-a", "value2")
        .header("x-other", "not captured")
        .header("x-api-key", "s3cret")
        .bearer_auth("s3cret");
    request.send().await.unwrap();
    let span = telemetry.one();
    for (key, expected) in [
        ("http.request.header.x-custom-a", Some(r#"["value1","value2"]"#)),
        ("http.request.header.x-other", None),
        ("http.request.header.x-api-key", Some(r#"["[REDACTED]"]"#)),
        ("http.request.header.authorization", Some(r#"["[REDACTED]"]"#)),
        ("http.request.header.traceparent", None),
        ("http.response.header.x-one", Some(r#"["1"]"#)),
        ("http.response.header.x-two", Some(r#"["value1","value2"]"#)),
        ("http.response.header.set-cookie", Some(r#"["[REDACTED]"]"#)),
        ("http.response.header.x-secret", Some(r#"["[REDACTED]"]"#)),
        ("http.response.header.server", Some(r#"["axum"]"#)),
        ("http.response.header.date", None),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), expected, "{key}");
    }

    let lookup = |name: &str| match name {
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST" => Some("x-test.*".to_owned()),
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE" => Some(".*".to_owned()),
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS" => {
            Some(".*hidden.*".to_owned())
        }
        _ => None,
    };
    let client = telemetry.client_with(telemetry.options().env_lookup(lookup));
    let request = client.get(server.url("/headers")).header("x-test", "1");
    request.header("x-test-hidden", "2").send().await.unwrap();
    let span = telemetry.one();
    assert_eq!(attribute(&span, "http.request.header.x-test").unwrap(), r#"["1"]"#);
    let hidden = attribute(&span, "http.request.header.x-test-hidden").unwrap();
    assert_eq!(hidden, r#"["[REDACTED]"]"#);
    assert!(attribute(&span, "http.response.header.date").is_some());
}
