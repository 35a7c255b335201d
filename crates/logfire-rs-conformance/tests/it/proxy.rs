//! The telemetry proxy behind every mount, over real sockets: what browsers send, and what they should not.

mod http2;
mod mounts;
#[expect(dead_code, reason = "shared with the tests of the delivery crate, which use all of it")]
#[path = "../../../logfire-rs-delivery/tests/receiver/mod.rs"]
mod receiver;

use std::net::SocketAddr;
use std::time::Duration;

use logfire_rs_conformance::Telemetry;
use logfire_rs_proxy::LogfireProxy;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use self::mounts::{GUARDED, MOUNTS, Mount};
use self::receiver::{Answer, Receiver};

const LONG: Duration = Duration::from_secs(60);
const TRACES: &str = "/logfire-proxy/v1/traces";
const TOO_LARGE: &str = "413\ncontent-type: text/plain\nPayload too large";
const ACCEPTED: &str = "200\ncontent-type: application/json\n{}";

/// A proxy for one token to `receiver`.
fn proxy(receiver: &Receiver) -> LogfireProxy {
    let builder = LogfireProxy::builder().env_lookup(|_| None).on_warning(|_| ());
    builder.base_url(receiver.url()).tokens(["server-token"]).finish().unwrap()
}

/// The mount in a server of its own.
async fn serve(mount: &Mount, proxy: &LogfireProxy) -> SocketAddr {
    (mount.serve)(proxy.clone(), Telemetry::default().server_options()).await
}

/// A head of the request line and these headers, after which the connection ends.
fn head(line: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
    format!("{line} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{headers}\r\n")
}

/// A post of JSON with a right `Content-Length`.
fn post(path: &str, headers: &[&str], body: &str) -> String {
    let length = format!("Content-Length: {}", body.len());
    head(&format!("POST {path}"), &[&["Content-Type: application/json", &length], headers].concat())
        + body
}

/// Sends bytes and reads the answer. Not until the connection ends: actix-web waits for the rest of a body.
async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let exchange = async {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        stream.write_all(bytes).await.unwrap();
        let (head, length) = read_head(&mut stream).await;
        let mut body = vec![0; if bytes.starts_with(b"HEAD") { 0 } else { length }];
        stream.read_exact(&mut body).await.unwrap();
        shown(&head, &String::from_utf8(body).unwrap())
    };
    tokio::time::timeout(LONG, exchange).await.unwrap()
}

/// The head of an answer, and the length of its body.
async fn read_head(stream: &mut BufReader<TcpStream>) -> (String, usize) {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        stream.read_line(&mut head).await.unwrap();
        let line = head.get(start..).unwrap_or_default().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            return (head, length);
        }
    }
}

/// Status, the headers that the proxy sets, in its order, and body.
fn shown(head: &str, body: &str) -> String {
    let mut lines = head.split("\r\n");
    let mut text = lines.next().and_then(|it| it.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    for name in [
        "allow",
        "content-type",
        "vary",
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
    ] {
        for (_, value) in headers.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name)) {
            text += &format!("\n{name}: {value}");
        }
    }
    format!("{text}\n{body}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_the_reference() {
    const JSON: &str = "Content-Type: application/json";
    let unsupported = "415\ncontent-type: text/plain\n\
        Unsupported content type, must be application/json or application/x-protobuf";
    let missing = "415\ncontent-type: text/plain\nMissing content type header";
    let invalid_path = "400\ncontent-type: text/plain\n\
        Invalid path: must be /v1/traces, /v1/logs, or /v1/metrics";
    let not_allowed = "405\nallow: POST\nMethod Not Allowed";
    let protobuf = "200\ncontent-type: application/x-protobuf\n";
    let at = |path: &str, body: &str| post(&format!("/logfire-proxy/{path}"), &[], body);
    let typed = |kind: &str| head(&format!("POST {TRACES}"), &[kind, "Content-Length: 2"]) + "{}";
    let table = [
        // The method.
        (head(&format!("GET {TRACES}"), &[]), not_allowed),
        (head(&format!("OPTIONS {TRACES}"), &[]), not_allowed),
        (head(&format!("HEAD {TRACES}"), &[]), "405\nallow: POST\n"),
        (head(&format!("PUT {TRACES}"), &[JSON, "Content-Length: 0"]), not_allowed),
        // The length, before a body is there.
        (head(&format!("POST {TRACES}"), &[JSON, "Content-Length: 65"]), TOO_LARGE),
        // A body that is too large comes before a path that is wrong.
        (head("POST /logfire-proxy/v1/replay/1", &["Content-Length: 65"]), TOO_LARGE),
        // What the head shows is answered before a body is there.
        (head("POST /logfire-proxy/v1/replay/1", &[JSON, "Content-Length: 64"]), invalid_path),
        (head(&format!("POST {TRACES}"), &["Content-Length: 64"]), missing),
        (
            head(&format!("POST {TRACES}"), &["Content-Type: a/b", "Content-Length: 64"]),
            unsupported,
        ),
        // The path.
        (at("v1/replay/1", "{}"), invalid_path),
        (at("v1/traces/%2e%2e/secret", "{}"), invalid_path),
        (at("v1/traces%3Fx", "{}"), invalid_path),
        (at("v1/traces%23x", "{}"), invalid_path),
        (at("https://evil.example/v1/traces", "{}"), invalid_path),
        (at("V1/TRACES", "{}"), invalid_path),
        (at("v1/traces%FF", "{}"), invalid_path),
        // It is decoded once.
        (at("v1/%2574races", "{}"), invalid_path),
        (at("%2Fv1/traces", "{}"), invalid_path),
        (at("v1/traces/", "{}"), ACCEPTED),
        (at("v1//traces", "{}"), ACCEPTED),
        (at("/v1/traces", "{}"), ACCEPTED),
        (at("v1/%74races", "{}"), ACCEPTED),
        (at("v1%2Ftraces", "{}"), ACCEPTED),
        (at("v1/traces/../logs", "{}"), ACCEPTED),
        (at("x/../v1/metrics", "{}"), ACCEPTED),
        (at("v1/traces?query=dropped", "{}"), ACCEPTED),
        // The content type.
        (typed("X-None: 1"), missing),
        (typed("Content-Type: text/plain"), unsupported),
        (typed("Content-Type: Application/JSON; charset=utf-8"), ACCEPTED),
        (typed("Content-Type: text/plain; note=application/json"), ACCEPTED),
        (typed("Content-Type: application/x-protobuf"), protobuf),
        // A body is not read, so that it may be anything.
        (at("v1/traces", ""), ACCEPTED),
        (at("v1/traces", "{ no json"), ACCEPTED),
    ];
    let receiver = Receiver::start();
    for mount in MOUNTS {
        let proxy = proxy(&receiver).max_body_size(64);
        let address = serve(mount, &proxy).await;
        for (request, expected) in &table {
            assert_eq!(send(address, request).await, *expected, "{}: {request}", mount.name);
        }
        let nowhere = serve(mount, &LogfireProxy::default()).await;
        assert_eq!(
            send(nowhere, head(&format!("POST {TRACES}"), &[JSON, "Content-Length: 64"])).await,
            "403\ncontent-type: text/plain\n\
             Logfire is not configured with an active forwarding destination",
            "{}",
            mount.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_the_parameter_says_how_to_write_it() {
    let receiver = Receiver::start();
    for mount in MOUNTS {
        let Some(parameter) = mount.parameter else { continue };
        let address = serve(mount, &proxy(&receiver)).await;
        let expected = format!(
            "400\ncontent-type: text/plain\n\
             Missing path parameter. Use {parameter} in the route definition."
        );
        let request = head("POST /without-path", &["Content-Length: 64"]);
        assert_eq!(send(address, request).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_arrives_with_the_token_and_with_nothing_of_the_browser() {
    for mount in MOUNTS {
        let receiver = Receiver::start();
        let proxy = proxy(&receiver);
        let address = serve(mount, &proxy).await;
        let secrets = [
            "Cookie: session=browser",
            "Authorization: Bearer browser",
            "Origin: https://shop.example",
            "Referer: https://shop.example/browser",
            "X-Csrf-Token: browser",
            "X-Forwarded-For: 10.0.0.1",
            "User-Agent: browser/1",
            "traceparent: 00-00000000000000000000000000000001-0000000000000001-01",
        ];
        assert_eq!(send(address, post(TRACES, &secrets, "spans")).await, ACCEPTED);
        proxy.shutdown(LONG).unwrap();
        let [request] = receiver.received().try_into().unwrap();
        let agent = format!("logfire-proxy/{} browser/1", env!("CARGO_PKG_VERSION"));
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let host = receiver.address.to_string();
        assert_eq!(
            headers,
            [
                ("accept", "*/*"),
                ("authorization", "server-token"),
                ("content-length", "5"),
                ("content-type", "application/json"),
                ("host", &host),
                ("user-agent", &agent),
            ],
            "{}",
            mount.name
        );
        assert_eq!(
            (request.line.as_str(), &request.body[..]),
            ("POST /v1/traces HTTP/1.1", &b"spans"[..])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_the_frameworks_do_not_apply() {
    let receiver = Receiver::start();
    let body = "x".repeat(3 * 1024 * 1024);
    for mount in MOUNTS {
        let proxy = proxy(&receiver);
        let address = serve(mount, &proxy).await;
        assert_eq!(send(address, post(TRACES, &[], &body)).await, ACCEPTED, "{}", mount.name);
        proxy.shutdown(LONG).unwrap();
    }
    let lengths: Vec<_> = receiver.received().into_iter().map(|it| it.body.len()).collect();
    assert_eq!(lengths, vec![body.len(); MOUNTS.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_is_measured_while_it_arrives() {
    let receiver = Receiver::start();
    let chunked = |chunks: &[&str]| {
        let headers = ["Content-Type: application/json", "Transfer-Encoding: chunked"];
        let chunks: String =
            chunks.iter().map(|it| format!("{:x}\r\n{it}\r\n", it.len())).collect();
        head(&format!("POST {TRACES}"), &headers) + &chunks
    };
    for mount in MOUNTS {
        let proxy = proxy(&receiver).max_body_size(10);
        let address = serve(mount, &proxy).await;
        let name = mount.name;
        assert_eq!(send(address, chunked(&["12345", "67890", ""])).await, ACCEPTED, "{name}");
        // Nobody waits for the end of what is too large already.
        assert_eq!(send(address, chunked(&["12345", "678901"])).await, TOO_LARGE, "{name}");
        proxy.shutdown(LONG).unwrap();
    }
    let bodies: Vec<_> = receiver.received().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, vec![b"1234567890"; MOUNTS.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_before_a_mount_decides() {
    for (name, serve, refusal) in GUARDED {
        let receiver = Receiver::start();
        let proxy = proxy(&receiver);
        let address = serve(proxy.clone()).await;
        let cookie = "Cookie: session=s3cret";
        let refused = send(address, post(TRACES, &[], "refused")).await;
        assert!(refused.starts_with(refusal), "{name}: {refused}");
        assert_eq!(send(address, post(TRACES, &[cookie], "{}")).await, ACCEPTED, "{name}");
        proxy.shutdown(LONG).unwrap();
        let bodies: Vec<_> = receiver.received().into_iter().map(|it| it.body).collect();
        assert_eq!(bodies, [b"{}"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_length_that_lies_is_the_end_of_the_body() {
    let receiver = Receiver::start();
    for mount in MOUNTS {
        let proxy = proxy(&receiver).max_body_size(10);
        let address = serve(mount, &proxy).await;
        let headers = ["Content-Type: application/json", "Content-Length: 5"];
        let request = head(&format!("POST {TRACES}"), &headers) + "12345678901";
        assert_eq!(send(address, request).await, ACCEPTED, "{}", mount.name);
        proxy.shutdown(LONG).unwrap();
    }
    let bodies: Vec<_> = receiver.received().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, vec![b"12345"; MOUNTS.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_holds_nobody_up_and_an_aborted_one_is_forgotten() {
    let receiver = Receiver::start();
    for mount in MOUNTS {
        let proxy = proxy(&receiver);
        let address = serve(mount, &proxy).await;
        let request = post(TRACES, &[], "slow body");
        let (first, last) = request.split_at(request.len() - 5);
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(first.as_bytes()).await.unwrap();
        let mut aborted = TcpStream::connect(address).await.unwrap();
        aborted.write_all(first.as_bytes()).await.unwrap();
        drop(aborted);

        assert_eq!(send(address, post(TRACES, &[], "quick body")).await, ACCEPTED);
        slow.write_all(last.as_bytes()).await.unwrap();
        let (head, _) = read_head(&mut BufReader::new(slow)).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{}: {head}", mount.name);
        proxy.shutdown(LONG).unwrap();
    }
    let bodies: Vec<_> = receiver.received().into_iter().map(|it| it.body).collect();
    let expected: Vec<&[u8]> =
        MOUNTS.iter().flat_map(|_| [b"quick body", &b"slow body"[..]]).collect();
    assert_eq!(bodies, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_is_not_noticed_by_ten_thousand_posts() {
    const CONNECTIONS: u64 = 4;
    let dead = Receiver::answering(|_| Answer::Hang);
    for mount in MOUNTS {
        let proxy = proxy(&dead);
        let address = serve(mount, &proxy).await;
        let posts =
            (0..CONNECTIONS).map(|_| tokio::spawn(many_posts(address, 10_000 / CONNECTIONS)));
        let mut accepted = 0;
        for posts in posts.collect::<Vec<_>>() {
            accepted += posts.await.unwrap();
        }
        let [counts] = proxy.counts().try_into().unwrap();
        // Each was answered, though the backend has answered none.
        assert_eq!(accepted, 1000, "{}", mount.name);
        assert_eq!((counts.waiting, counts.waiting_bytes), (1000, 2000), "{}", mount.name);
        assert_eq!((counts.accepted, counts.lost), (0, 9000), "{}", mount.name);
    }
}

/// Posts one after the other on one connection; how many were accepted in full.
async fn many_posts(address: SocketAddr, count: u64) -> u64 {
    let request = post(TRACES, &[], "{}").replace("Connection: close\r\n", "");
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut accepted = 0;
    for _ in 0..count {
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, length) = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        accepted += u64::from(body == b"{}");
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn what_browsers_post_is_not_recorded() {
    let receiver = Receiver::start();
    for mount in MOUNTS {
        let telemetry = Telemetry::default();
        let address = (mount.serve)(proxy(&receiver), telemetry.server_options()).await;
        for signal in ["traces", "logs", "metrics"] {
            let path = format!("/logfire-proxy/v1/{signal}");
            assert_eq!(send(address, post(&path, &[], "{}")).await, ACCEPTED);
            send(address, head(&format!("OPTIONS {path}"), &[])).await;
        }
        // No browser's SDK does that.
        send(address, head(&format!("GET {TRACES}"), &[])).await;
        send(address, head("GET /hello", &[])).await;
        let paths: Vec<_> = telemetry
            .server_spans(2)
            .await
            .into_iter()
            .filter_map(|span| {
                let path = span.attributes.iter().find(|it| it.key.as_str() == "url.path")?;
                Some(path.value.to_string())
            })
            .collect();
        assert_eq!(paths, [TRACES, "/hello"], "{}", mount.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_of_listed_origins_are_answered() {
    let receiver = Receiver::start();
    let preflight = |origin: &str| {
        let headers = [
            format!("Origin: {origin}"),
            "Access-Control-Request-Method: POST".to_owned(),
            "Access-Control-Request-Headers: content-type,x-csrf-token".to_owned(),
        ];
        head(&format!("OPTIONS {TRACES}"), &headers.each_ref().map(String::as_str))
    };
    for mount in MOUNTS {
        let proxy = proxy(&receiver).allowed_origins(["https://pages.example"]);
        let address = serve(mount, &proxy).await;
        let name = mount.name;
        assert_eq!(
            send(address, preflight("https://pages.example")).await,
            "204\nvary: Origin\naccess-control-allow-origin: https://pages.example\n\
             access-control-allow-methods: POST, OPTIONS\n\
             access-control-allow-headers: content-type,x-csrf-token\n",
            "{name}"
        );
        assert_eq!(
            send(address, post(TRACES, &["Origin: https://pages.example"], "{}")).await,
            "200\ncontent-type: application/json\nvary: Origin\n\
             access-control-allow-origin: https://pages.example\n{}",
            "{name}"
        );
        let refused = "403\ncontent-type: text/plain\nvary: Origin\nOrigin not allowed";
        assert_eq!(send(address, preflight("https://evil.example")).await, refused, "{name}");
        let posted = post(TRACES, &["Origin: https://evil.example"], "{}");
        assert_eq!(send(address, posted).await, refused, "{name}");
    }
}
