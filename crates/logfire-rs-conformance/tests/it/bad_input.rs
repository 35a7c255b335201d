//! What clients send when they should not: a correct or an absent attribute, never a failed
//! request.

use insta::assert_snapshot;
use logfire_rs_conformance::{Exchange, FRONT_ENDS, Telemetry};

#[tokio::test(flavor = "multi_thread")]
async fn hosts() {
    for (host, expected) in [
        ("Host: [::1]:8080\r\n", "server.address = \"::1\"\nserver.port = <port>"),
        ("Host: shop.example\r\n", "server.address = \"shop.example\"\nserver.port = 80"),
        ("Host: a:b:c\r\n", ""),
        ("Host: a:b\r\n", ""),
        ("Host: \r\n", ""),
        ("Host: a\r\nHost: b\r\n", ""),
        ("Host: user:s3cret@shop.example\r\n", ""),
        ("Host: \u{e9}\r\n", ""),
    ] {
        let request = format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        let lines = Exchange::new(request).named(host).lines(&["server."]).await;
        let lines = lines.lines().filter(|it| it.starts_with("server.")).collect::<Vec<_>>();
        assert_eq!(lines.join("\n"), expected, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets() {
    for (target, expected) in [
        (
            "http://u:s3cret@other.example/users/1?a",
            "url.path = \"/users/1\" url.query = \"a\" url.scheme = \"http\"",
        ),
        ("/%zz/%ff?%zz=%", "url.path = \"/%zz/%ff\" url.query = \"%zz=%\" url.scheme = \"http\""),
        ("//a//b", "url.path = \"//a//b\" url.scheme = \"http\""),
        ("/?", "url.path = \"/\" url.scheme = \"http\""),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let lines = Exchange::new(request).lines(&["url."]).await;
        let lines: Vec<_> = lines.lines().filter(|it| it.starts_with("url.")).collect();
        assert_eq!(lines.join(" "), expected, "{target}");
    }
    let asterisk = Exchange::new("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_snapshot!(asterisk.lines(&["[server]", "url.path"]).await, @r#"
    OPTIONS [server]
    url.path = "*"
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_and_strange_headers() {
    let mut request = b"GET /?q=".to_vec();
    request.extend(vec![b'x'; 32 * 1024]);
    request.extend_from_slice(
        b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: \xff\xfe\r\n",
    );
    request
        .extend_from_slice(b"X-Empty:\r\nX-Bytes: \xff\r\ntraceparent: \xff\r\nbaggage: \xff\r\n");
    for i in 0..80 {
        request.extend(format!("x-{i}: {i}\r\n").into_bytes());
    }
    request.extend_from_slice(b"\r\n");
    let exchange = Exchange::new(request).options(|it| it.capture_headers(true));
    for front_end in FRONT_ENDS {
        let observed = exchange.observe(front_end, &Telemetry::default()).await;
        assert_eq!(observed.reply.status(), 200);
        assert!(observed.spans.contains("user_agent.original = \"\u{fffd}\u{fffd}\""));
        assert!(observed.spans.contains("http.request.header.x-bytes = [\"\u{fffd}\"]"));
        assert!(observed.spans.contains("http.request.header.x-empty = [\"\"]"));
        assert!(observed.spans.contains("http.request.header.x-79 = [\"79\"]"));
    }
}
