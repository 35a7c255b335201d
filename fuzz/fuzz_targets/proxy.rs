//! Posts of browsers that are none: one of a few answers, no header of the client's making, no body above the limit.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logfire_rs_fuzz::{Lines, input};
use logfire_rs_proxy::{ForwardResponse, LogfireProxy};

const LIMIT: usize = 64;
const TOKEN: &str = "pylf_v1_us_hunter2hunter2";
const ALLOWED: &str = "https://shop.example";

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    origins: bool,
    method: Method<'a>,
    path: &'a str,
    is_whole: bool,
    json: Option<bool>,
    headers: Lines,
    body: Vec<&'a [u8]>,
}

#[derive(Arbitrary, Debug)]
enum Method<'a> {
    Post,
    Options,
    Other(&'a str),
}

static PROXY: LazyLock<LogfireProxy> = LazyLock::new(|| {
    // Nobody listens on port 1, so that the queue is mostly full.
    LogfireProxy::builder()
        .env_lookup(|_| None)
        .tokens([TOKEN])
        .base_url("http://127.0.0.1:1")
        .max_queued(4)
        .first_retry_after(Duration::from_millis(50))
        .give_up_after(Duration::from_millis(50))
        .finish()
        .expect("a proxy")
        .max_body_size(LIMIT)
});

fn check(response: &ForwardResponse) {
    assert!([200, 204, 400, 403, 405, 413, 415].contains(&response.status), "{response:?}");
    assert!(!format!("{response:?}").contains("hunter2"), "{response:?}");
    for (_, value) in &response.headers {
        assert!(!value.contains(['\r', '\n', '\0']), "{response:?}");
    }
    let json =
        response.headers.iter().any(|it| *it == ("content-type", "application/json".to_owned()));
    if json {
        serde_json::from_slice::<serde_json::Value>(&response.body).expect("JSON");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(input) = input::<Input<'_>>(data) else { return };
    let proxy = match input.origins {
        true => PROXY.clone().allowed_origins([ALLOWED]),
        false => PROXY.clone(),
    };
    let mut headers = input.headers;
    match input.json {
        Some(true) => headers.add("content-type", "application/json"),
        Some(false) => headers.add("content-type", "application/x-protobuf"),
        None => {}
    }
    let origin = headers.0.iter().find(|it| it.0 == "origin").map(|it| it.1.clone());
    let is_allowed = origin.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(ALLOWED.as_bytes()));
    let method = match input.method {
        Method::Post => "POST",
        Method::Options => "OPTIONS",
        Method::Other(method) => method,
    };
    let size: usize = input.body.iter().map(|it| it.len()).sum();
    let path = if input.is_whole { Ok(input.path) } else { Err("{*path}") };

    let answered = (|| {
        let mut upload = proxy.receive(method, path, &headers)?;
        assert_eq!(method, "POST");
        assert!(input.path.len() >= "v1/logs".len(), "{}", input.path);
        for part in &input.body {
            upload.push(part)?;
        }
        assert!(size <= LIMIT);
        Ok::<_, ForwardResponse>(upload.finish())
    })();
    let response = answered.unwrap_or_else(|it| it);
    check(&response);
    if response.status == 413 {
        let claim = headers.0.iter().find(|it| it.0 == "content-length");
        assert!(size > LIMIT || claim.is_some(), "{response:?}");
    }
    let tells = response.headers.iter().find(|it| it.0 == "access-control-allow-origin");
    assert_eq!(tells.is_some(), input.origins && is_allowed, "{response:?}");
    if let Some((_, value)) = tells {
        assert_eq!(value, ALLOWED);
    }
    if input.origins && response.status == 200 {
        let own = headers.0.iter().any(|it| it.0 == "sec-fetch-site" || it.0 == "host");
        assert!(is_allowed || origin.is_none() || own, "{response:?}");
    }

    let body: Vec<u8> = input.body.concat();
    check(&proxy.forward(input.path, &headers, body.into()));
});
