//! What a mount does before and while the body arrives.

use logfire_rs_proxy::{ForwardResponse, LogfireProxy};

use crate::{JSON, Pairs, builder, shown};

const TRACES: Result<&str, &str> = Ok("v1/traces");
const NOT_ALLOWED: &str = "403\ncontent-type: text/plain\nvary: Origin\nOrigin not allowed";

fn proxy() -> LogfireProxy {
    let proxy = builder().tokens(["token"]).base_url("http://127.0.0.1:1").on_warning(|_| ());
    proxy.finish().unwrap().max_body_size(10)
}

/// What `proxy` answers to a post of `chunks` to `v1/traces`.
fn post(proxy: &LogfireProxy, headers: Pairs<'_>, chunks: &[&str]) -> String {
    let receive = || {
        let mut upload = proxy.receive("POST", TRACES, &headers)?;
        for chunk in chunks {
            upload.push(chunk.as_bytes())?;
        }
        Ok::<_, ForwardResponse>(upload.finish())
    };
    shown(&receive().unwrap_or_else(|response| response))
}

#[test]
fn only_posts_are_received() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "post"] {
        let response = proxy().receive(method, TRACES, &JSON).unwrap_err();
        assert_eq!(shown(&response), "405\nallow: POST\nMethod Not Allowed", "{method}");
    }
}

#[test]
fn a_body_is_measured_before_and_while_it_arrives() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    let too_large = "413\ncontent-type: text/plain\nPayload too large";
    let invalid = "400\ncontent-type: text/plain\nInvalid Content-Length header";
    let accepted = "200\ncontent-type: application/json\n{}";
    for (length, chunks, expected) in [
        (Some("11"), &[][..], too_large),
        (Some("99999999999999999999999"), &[], too_large),
        (Some("ten"), &[], invalid),
        (Some("-1"), &[], invalid),
        (Some(""), &[], invalid),
        (Some("1.0"), &[], invalid),
        // One that lies, and none.
        (Some("5"), &["12345", "678901"], too_large),
        (None, &["12345", "678901"], too_large),
        (None, &["12345678901"], too_large),
        (Some("10"), &["12345", "67890"], accepted),
        (Some(" 10 "), &["1234567890"], accepted),
        (None, &["1234567890"], accepted),
        (None, &[], accepted),
    ] {
        let headers = [JSON, ("content-length", length.unwrap_or_default())];
        let headers = if length.is_some() { &headers[..] } else { &headers[..1] };
        let answer = post(&proxy(), Pairs(headers), chunks);
        assert_eq!(answer, expected, "{length:?} {chunks:?}");
    }
}

#[test]
fn a_refused_push_adds_nothing() {
    let mut upload = proxy().receive("POST", TRACES, &JSON).unwrap();
    upload.push(b"12345").unwrap();
    assert_eq!(upload.push(b"678901").unwrap_err().status, 413);
    upload.push(b"67890").unwrap();
}

#[test]
fn what_the_head_shows_is_answered_before_the_body() {
    let text = |status: u16, text: &str| format!("{status}\ncontent-type: text/plain\n{text}");
    let missing_path = "Missing path parameter. Use {*path} in the route definition.";
    let invalid_path = "Invalid path: must be /v1/traces, /v1/logs, or /v1/metrics";
    let unsupported =
        "Unsupported content type, must be application/json or application/x-protobuf";
    let no_destination = "Logfire is not configured with an active forwarding destination";
    let (other, none) = (Pairs(&[("content-type", "text/plain")]), Pairs(&[]));
    let too_long = Pairs(&[("content-length", "11")]);
    let nowhere = builder().finish().unwrap();
    for (proxy, path, headers, expected) in [
        // In the order of the reference.
        (proxy(), Err("{*path}"), too_long, text(413, "Payload too large")),
        (proxy(), Err("{*path}"), none, text(400, missing_path)),
        (proxy(), Ok("v1/replay"), none, text(400, invalid_path)),
        (proxy(), Ok(""), none, text(400, invalid_path)),
        (proxy(), TRACES, none, text(415, "Missing content type header")),
        (proxy(), TRACES, other, text(415, unsupported)),
        (nowhere.clone(), TRACES, other, text(415, unsupported)),
        (nowhere, TRACES, JSON, text(403, no_destination)),
    ] {
        let response = proxy.receive("POST", path, &headers).unwrap_err();
        assert_eq!(shown(&response), expected, "{path:?}");
    }
}

#[test]
fn a_body_that_breaks_off_is_not_forwarded() {
    let upload = proxy().receive("POST", TRACES, &JSON).unwrap();
    assert_eq!(shown(&upload.broken()), "400\ncontent-type: text/plain\nIncomplete request body");
}

#[test]
fn a_listed_origin_may_post_and_its_preflight_is_answered() {
    let proxy = proxy().allowed_origins(["https://shop.example", "http://localhost:5173/"]);
    let preflight = |origin: &str, headers: &[(&str, &str)]| {
        let asked = [("origin", origin), ("access-control-request-method", "POST")];
        let headers = [&asked, headers].concat();
        shown(&proxy.receive("OPTIONS", TRACES, &Pairs(&headers)).unwrap_err())
    };
    let wanted = ("access-control-request-headers", "content-type,x-csrf-token");
    assert_eq!(
        preflight("https://shop.example", &[wanted]),
        "204\nvary: Origin\naccess-control-allow-origin: https://shop.example\n\
         access-control-allow-methods: POST, OPTIONS\n\
         access-control-allow-headers: content-type,x-csrf-token\n\
         access-control-max-age: 600\n"
    );
    assert_eq!(
        preflight("http://localhost:5173", &[]),
        "204\nvary: Origin\naccess-control-allow-origin: http://localhost:5173\n\
         access-control-allow-methods: POST, OPTIONS\naccess-control-max-age: 600\n"
    );
    for origin in ["https://shop.example.evil", "http://shop.example", "https://evil", "null"] {
        assert_eq!(preflight(origin, &[wanted]), NOT_ALLOWED, "{origin}");
    }
    let json = ("content-type", "application/json");
    assert_eq!(
        post(&proxy, Pairs(&[json, ("origin", "https://shop.example")]), &["{}"]),
        "200\ncontent-type: application/json\nvary: Origin\n\
         access-control-allow-origin: https://shop.example\n{}"
    );
    // What goes wrong is told to the page as well.
    assert_eq!(
        post(&proxy, Pairs(&[json, ("origin", "https://shop.example")]), &["12345678901"]),
        "413\ncontent-type: text/plain\nvary: Origin\n\
         access-control-allow-origin: https://shop.example\nPayload too large"
    );
    assert_eq!(
        shown(&proxy.receive("OPTIONS", TRACES, &JSON).unwrap_err()),
        "405\nallow: POST, OPTIONS\nvary: Origin\nMethod Not Allowed"
    );
}

#[test]
fn a_page_of_another_origin_is_refused_and_one_of_the_server_is_not() {
    let proxy = proxy().allowed_origins(["not an origin"; 0]);
    let accepted = "200\ncontent-type: application/json\nvary: Origin\n{}";
    let json = ("content-type", "application/json");
    for (headers, expected) in [
        (&[][..], accepted),
        (&[("origin", "http://evil"), ("host", "shop.example")], NOT_ALLOWED),
        (&[("origin", "http://shop.example"), ("host", "shop.example")], accepted),
        (&[("origin", "https://shop.example:8443"), ("host", "SHOP.example:8443")], accepted),
        (&[("origin", "https://shop.example:8443"), ("host", "shop.example")], NOT_ALLOWED),
        (&[("origin", "https://shop.example")], NOT_ALLOWED),
        (&[("origin", "null"), ("host", "null")], NOT_ALLOWED),
        // A proxy in between has changed `Host`; the browser knows better.
        (&[("origin", "https://a"), ("host", "b"), ("sec-fetch-site", "same-origin")], accepted),
        (&[("origin", "https://a"), ("host", "a"), ("sec-fetch-site", "cross-site")], NOT_ALLOWED),
        (&[("origin", "https://a"), ("host", "a"), ("sec-fetch-site", "same-site")], NOT_ALLOWED),
    ] {
        let headers = [&[json], headers].concat();
        assert_eq!(post(&proxy, Pairs(&headers), &["{}"]), expected, "{headers:?}");
    }
}
