//! A request with a hostile URL, and a hostile answer: recorded as asked for, without its secrets.

#![no_main]

use std::io;
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logfire_rs_core::{
    ClientRequest, ClientResponse, HttpClientInstrumenter, HttpClientOptions, PerRequest,
};
use logfire_rs_fuzz::{Lines, SECRET, SECRET_KEYS, Telemetry, assert_no_secret, attribute, input};
use opentelemetry::Context;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    method: &'a str,
    user: &'a str,
    host: &'a str,
    path: &'a str,
    before: &'a str,
    key: u8,
    after: &'a str,
    status: u16,
    error: Option<&'a str>,
    redirect: Option<&'a str>,
    body: &'a str,
    headers: Lines,
    response: Lines,
}

static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(Telemetry::default);

static INSTRUMENTER: LazyLock<HttpClientInstrumenter> = LazyLock::new(|| {
    let options = HttpClientOptions::default()
        .tracer_provider(TELEMETRY.tracers.clone())
        .meter_provider(TELEMETRY.meters.clone())
        .capture_headers(true)
        .capture_request_body(true)
        .max_captured_body(100)
        .env_lookup(|_| None);
    HttpClientInstrumenter::new("fuzz", "0", "FUZZ", options)
});

fuzz_target!(|data: &[u8]| {
    let Some(input) = input::<Input<'_>>(data) else { return };
    let key = SECRET_KEYS[usize::from(input.key) % SECRET_KEYS.len()];
    let user = input.user.replace(['/', '?', '#'], "");
    let before = input.before.replace('#', "");
    let [host, path] = [input.host, input.path].map(|it| it.replace(['/', '?', '#', '@'], ""));
    let rest = format!("{host}/{path}?{before}&{key}=");
    let url = format!("https://{user}:{SECRET}@{rest}{SECRET}&{}", input.after);
    let mut headers = input.headers;
    headers.add("authorization", format!("Bearer {SECRET}"));
    let mut response = input.response;
    response.add("set-cookie", format!("id={SECRET}"));
    response.add("location", &*url);

    let request = ClientRequest {
        method: input.method,
        url: &url,
        template: None,
        resend_count: 0,
        headers: &headers,
    };
    let span = INSTRUMENTER.start(&Context::new(), &request, &PerRequest::default());
    let mut span = span.expect("nothing is excluded");
    span.record_request_body(&headers, input.body.as_bytes());
    if let Some(target) = input.redirect {
        let _entered = span.enter();
        INSTRUMENTER.redirected(302, &format!("https://{user}:{SECRET}@{target}"));
    }
    match input.error {
        Some(error) => {
            let message = format!("{error} token={SECRET} {}", input.after);
            span.record_error("connection", &message, &io::Error::other("on purpose"));
        }
        None => span.record_response(&ClientResponse {
            status: input.status,
            url: input.status.is_multiple_of(2).then_some(&*url),
            version: None,
            peer: None,
            headers: &response,
        }),
    }
    drop(span);

    let spans = TELEMETRY.take_spans();
    let series = TELEMETRY.take_series();
    assert_no_secret(&spans);
    assert_no_secret(&series);
    let [span] = &*spans else { panic!("one request, and {spans:?}") };
    let full = attribute(span, "url.full").expect("a URL").as_str().into_owned();
    let masked = format!("https://REDACTED:REDACTED@{rest}REDACTED");
    if !before.contains([';', '&', '=']) {
        assert!(full.starts_with(&masked), "{full} is not {masked}");
    }
    assert!(!span.name.contains(&*path) || path.len() < 8, "{}", span.name);
    for it in &series {
        match &*it.name {
            "http.client.active_requests" => assert_eq!(it.value, 0, "{it:?}"),
            _ => assert_eq!(it.value, 1, "{it:?}"),
        }
    }
});
