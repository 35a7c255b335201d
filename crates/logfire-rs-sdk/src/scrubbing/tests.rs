//! The cases of Logfire's Python SDK, and what it leaves open.

use opentelemetry::{
    Array, Context,
    trace::{
        Event, Link, SpanBuilder, SpanContext, TraceFlags, TraceState, Tracer, TracerProvider,
    },
};
use opentelemetry_sdk::trace::SdkTracerProvider;

use serde_json::Value as Json;

use super::*;

mod again;
mod logs;

fn scrubber(scrubbing: Scrubbing) -> Scrubber {
    scrubbing.scrubber().unwrap()
}

fn span(builder: SpanBuilder) -> SpanData {
    let provider = SdkTracerProvider::builder().build();
    let tracer = provider.tracer("test");
    tracer.build_with_context(builder, &Context::new()).exported_data().unwrap()
}

/// The attributes after scrubbing, one per line, the notes as `path <- matched`.
fn scrubbed_by(scrubbing: Scrubbing, attributes: Vec<KeyValue>) -> Vec<String> {
    let mut span = span(SpanBuilder::from_name("x").with_attributes(attributes));
    scrubber(scrubbing).span(&mut span);
    shown(&span.attributes)
}

fn shown(attributes: &[KeyValue]) -> Vec<String> {
    let show = |attribute: &KeyValue| match attribute.key.as_str() {
        SCRUBBED => notes(&attribute.value.as_str()),
        key => vec![format!("{key}={}", attribute.value)],
    };
    attributes.iter().flat_map(show).collect()
}

fn notes(text: &str) -> Vec<String> {
    let notes: Vec<Json> = serde_json::from_str(text).unwrap();
    let note = |note: &Json| format!("{} <- {}", note["path"], note["matched_substring"]);
    notes.iter().map(note).collect()
}

fn one(key: &'static str, value: impl Into<Value>) -> Vec<String> {
    scrubbed_by(Scrubbing::default(), vec![KeyValue::new(key, value)])
}

/// What becomes of one string attribute.
fn value(key: &'static str, value: &'static str) -> String {
    let all = one(key, value);
    all[0].split_once('=').unwrap().1.to_owned()
}

fn strings(values: &[&'static str]) -> Value {
    Value::Array(Array::String(values.iter().map(|value| (*value).into()).collect()))
}

#[test]
fn r1_a_sensitive_name_hides_its_value() {
    assert_eq!(
        one("user_password", strings(&["hunter2", "x"])),
        [
            r#"user_password=["[Scrubbed due to 'password']"]"#,
            r#"["attributes","user_password"] <- "password""#,
        ]
    );
    assert_eq!(value("API_KEY", "x"), "[Scrubbed due to 'API_KEY']");
    assert_eq!(one("session", 42)[0], "session=[Scrubbed due to 'session']");
    assert_eq!(one("authenticated", true)[0], "authenticated=[Scrubbed due to 'auth']");
}

#[test]
fn r2_a_value_that_is_just_the_word_stays() {
    assert_eq!(one("mode", "password"), ["mode=password"]);
    assert_eq!(value("mode", "with password"), "[Scrubbed due to 'password']");
    assert_eq!(
        one("modes", strings(&["password", "by password", "none"])),
        [
            r#"modes=["password","[Scrubbed due to 'password']","none"]"#,
            r#"["attributes","modes",1] <- "password""#,
        ]
    );
}

#[test]
fn r3_authors_stay() {
    assert_eq!(one("Author", "bob"), ["Author=bob"]);
    assert_eq!(one("authors", "bob"), ["authors=bob"]);
    assert_eq!(value("authr", "bob"), "[Scrubbed due to 'auth']");
    assert_eq!(value("authorization", "bob"), "[Scrubbed due to 'auth']");
}

#[test]
fn r4_json_is_scrubbed_inside() {
    assert_eq!(
        one("user", r#"[{"name":"John","password":"hunter2"}]"#),
        [
            r#"user=[{"name":"John","password":"[Scrubbed due to 'password']"}]"#,
            r#"["attributes","user",0,"password"] <- "password""#,
        ]
    );
    assert_eq!(
        value("form", r#"{"sessions":[1,2],"note":"my secret plan","mode":"password","n":7}"#),
        r#"{"mode":"password","n":7,"note":"[Scrubbed due to 'secret']","sessions":["[Scrubbed due to 'session']"]}"#
    );
    let unchanged = r#"{"z": 1, "mode": "password", "http.route": "/auth/{x}"}"#;
    assert_eq!(one("form", unchanged), [format!("form={unchanged}")]);
    assert_eq!(
        value("deep", r#"{"a":"{\"password\":\"x\"}"}"#),
        r#"{"a":"{\"password\":\"[Scrubbed due to 'password']\"}"}"#
    );
    assert_eq!(value("broken", r#"{"password": "#), "[Scrubbed due to 'password']");
}

#[test]
fn r5_events_links_and_the_status_are_scrubbed() {
    let context = SpanContext::new(1.into(), 1.into(), TraceFlags::SAMPLED, true, TraceState::NONE);
    let mut event = Event::with_name("log in");
    event.attributes = vec![
        KeyValue::new("password", "hunter2"),
        KeyValue::new("exception.type", "AuthError"),
        KeyValue::new("exception.message", "wrong password"),
    ];
    let link = Link::new(context, vec![KeyValue::new("secret", "x")], 0);
    let builder = SpanBuilder::from_name("x").with_events(vec![event]).with_links(vec![link]);
    let mut span = span(builder);
    span.status = Status::error("login with password=hunter2 failed");
    scrubber(Scrubbing::default()).span(&mut span);

    assert_eq!(
        shown(&span.events.events[0].attributes),
        [
            "password=[Scrubbed due to 'password']",
            "exception.type=AuthError",
            "exception.message=wrong password",
        ]
    );
    assert_eq!(shown(&span.links.links[0].attributes), ["secret=[Scrubbed due to 'secret']"]);
    assert_eq!(
        span.status,
        Status::error("login with password=[Scrubbed due to 'password'] failed")
    );
    assert_eq!(
        shown(&span.attributes),
        [
            r#"["otel_events",0,"attributes","password"] <- "password""#,
            r#"["links",0,"attributes","secret"] <- "secret""#,
            r#"["status"] <- "password""#,
        ]
    );
}

#[test]
fn r6_headers_and_arguments_are_scrubbed_and_so_are_urls() {
    assert_eq!(
        scrubbed_by(
            Scrubbing::default(),
            vec![
                KeyValue::new("http.route", "/secret/{path_param}"),
                KeyValue::new("url.path", "/secret/test_auth"),
                KeyValue::new("url.query", "foo=foo_val&password=hunter2"),
                KeyValue::new("http.request.header.testauthorization", strings(&["x"])),
                KeyValue::new(
                    "axum.arguments.values",
                    r#"{"foo":"foo_val","password":"hunter2","path_param":"test_auth"}"#,
                ),
            ],
        ),
        [
            "http.route=/secret/{path_param}",
            "url.path=/secret/test_auth",
            "url.query=foo=foo_val&password=REDACTED",
            r#"http.request.header.testauthorization=["[Scrubbed due to 'auth']"]"#,
            r#"axum.arguments.values={"foo":"foo_val","password":"[Scrubbed due to 'password']","path_param":"[Scrubbed due to 'auth']"}"#,
            r#"["attributes","url.query","password"] <- "password""#,
            r#"["attributes","http.request.header.testauthorization"] <- "auth""#,
            r#"["attributes","axum.arguments.values","password"] <- "password""#,
            r#"["attributes","axum.arguments.values","path_param"] <- "auth""#,
        ]
    );
}

#[test]
fn r7_r8_r9_tokens_words_and_foreign_letters() {
    assert_eq!(value("x", "a pylf_v1_us_0123 b"), "[Scrubbed due to 'pylf_v1_']");
    assert_eq!(value("x", "has jwt value"), "[Scrubbed due to 'jwt']");
    assert_eq!(value("x", "has_jwt_value"), "[Scrubbed due to '_jwt_']");
    assert_eq!(value("x", "xjwty"), "xjwty");
    assert_eq!(value("x", "has \u{17f}ecret value"), "[Scrubbed due to '\u{17f}ecret']");
    assert_eq!(value("x", "has credent\u{131}al value"), "[Scrubbed due to 'credent\u{131}al']");
}

#[test]
fn what_the_instrumentation_has_masked_stays() {
    for (key, shown) in [
        ("http.request.header.authorization", r#"["[REDACTED]"]"#),
        ("http.request.header.cookie", r#"["[Scrubbed due to 'cookie']"]"#),
    ] {
        let inner = shown.trim_matches(['[', ']', '"']);
        let value = match inner {
            "REDACTED" => strings(&["[REDACTED]"]),
            _ => strings(&["[Scrubbed due to 'cookie']"]),
        };
        assert_eq!(one(key, value), [format!("{key}={shown}")]);
    }
    let query = "X-Amz-Credential=REDACTED&a=1";
    assert_eq!(one("url.query", query), [format!("url.query={query}")]);
}

#[test]
fn values_in_urls_are_hidden_and_everything_else_keeps_its_bytes() {
    for (url, expected) in [
        ("https://auth.example/session?x=1&y=%20", None),
        ("/a?session_id=abc&b=%2F", Some("/a?session_id=REDACTED&b=%2F")),
        ("https://h/?p%61ssword=1#x", Some("https://h/?p%61ssword=REDACTED#x")),
        ("https://h/#api_key=1", Some("https://h/#api_key=REDACTED")),
        ("https://h/?next=/x%3Fsecret%3D1", Some("https://h/?next=REDACTED")),
        ("https://h/?sort=password&author=bob", None),
        ("https://h/?pylf_v1_us_x", Some("https://h/?REDACTED")),
        ("https://h/a;jsessionid=7;v=1/b;x?c", Some("https://h/a;jsessionid=REDACTED;v=1/b;x?c")),
        ("https://bob:pw@h/x?a=@", Some("https://REDACTED:REDACTED@h/x?a=@")),
        ("https://tok@h", Some("https://REDACTED@h")),
        ("https://REDACTED:REDACTED@h/", None),
        ("/?f=%7B%22password%22%3A%22x%22%7D", Some("/?f=%7B%22password%22%3A%22REDACTED%22%7D")),
        ("", None),
        ("?", None),
        ("://@", None),
    ] {
        for key in ["url.full", "http.url", "http.target", "url.path"] {
            assert_eq!(value(key, url), expected.unwrap_or(url), "{key} {url}");
        }
    }
}

#[test]
fn texts_keep_what_is_no_value() {
    for (text, expected) in [
        ("session started", None),
        ("the author authenticated", None),
        ("wrong password", None),
        ("password=hunter2 for bob", Some("password=* for bob")),
        ("password: \"hunter 2\", x", Some("password: *, x")),
        ("{\"password\": broken", Some("{\"password\": *")),
        ("the password is hunter2", Some("the password is *")),
        ("log in with password hunter2 failed", Some("log in with password * failed")),
        ("Authorization: Bearer abc def\nnext", Some("Authorization: *\nnext")),
        ("cookie: a=b; c=d", Some("cookie: *")),
        ("user_password_hash = 'x y' done", Some("user_password_hash = * done")),
        ("rejected (pylf_v1_us_abc)", Some("rejected *")),
        ("GET /x?api_key=1&b=2", Some("GET /x?api_key=*&b=2")),
        ("secret=a secret=b", Some("secret=* secret=*")),
        ("größe secret=ü", Some("größe secret=*")),
    ] {
        let new = value("logfire.msg", text);
        let masked: String = new
            .split("[Scrubbed due to '")
            .enumerate()
            .map(|(index, part)| match index {
                0 => part.to_owned(),
                _ => format!("*{}", part.split_once("']").unwrap().1),
            })
            .collect();
        assert_eq!(masked, expected.unwrap_or(text), "{text}");
    }
    assert_eq!(
        value("logfire.msg", r#"{"password":"x"}"#),
        r#"{"password":"[Scrubbed due to 'password']"}"#
    );
}

#[test]
fn any_text_survives() {
    let parts =
        ["password", "=", ":", "ü", "\"", "'", " ", "&", "?", "//", "@", "{", "auth", "1", "\n"];
    let scrubber = scrubber(Scrubbing::default());
    let pairs = || parts.iter().flat_map(|a| parts.map(|b| format!("{a}{b}")));
    for text in pairs().flat_map(|pair| parts.map(|last| format!("{pair}{last}"))) {
        for key in ["logfire.msg", "url.full", "url.query", "x"] {
            scrubber.span(&mut span_of(vec![KeyValue::new(key, text.clone())]));
        }
    }
}

/// Without a provider, which takes its time.
fn span_of(attributes: Vec<KeyValue>) -> SpanData {
    use std::sync::LazyLock;
    static EMPTY: LazyLock<SpanData> = LazyLock::new(|| span(SpanBuilder::from_name("x")));
    let mut span = EMPTY.clone();
    span.attributes = attributes;
    span
}

#[test]
fn the_callback_decides() {
    let scrubbing = Scrubbing::default().callback(|found| match found.path() {
        "attributes.session" => Some(found.value().to_owned()),
        "attributes.a.0.secret" => Some(format!("{}!", found.matched())),
        "attributes.url.query.password" => Some("a b".to_owned()),
        _ => None,
    });
    assert_eq!(
        scrubbed_by(
            scrubbing,
            vec![
                KeyValue::new("session", 7),
                KeyValue::new("a", r#"[{"secret":"x"}]"#),
                KeyValue::new("url.query", "password=x"),
                KeyValue::new("cookie", "x"),
            ]
        ),
        [
            "session=7",
            r#"a=[{"secret":"secret!"}]"#,
            "url.query=password=a%20b",
            "cookie=[Scrubbed due to 'cookie']",
            r#"["attributes","cookie"] <- "cookie""#,
        ]
    );
}

#[test]
fn a_callback_that_panics_redacts_and_is_told_once() {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let warnings = Warnings::new(move |warning| heard.lock().unwrap().push(warning.to_owned()));
    let scrubbing = Scrubbing::default().callback(|_| panic!("not today"));
    let scrubber = scrubbing.compile(warnings).unwrap();
    for _ in 0..2 {
        let mut span = span_of(vec![KeyValue::new("password", "x")]);
        scrubber.span(&mut span);
        assert_eq!(span.attributes[0].value.as_str(), "[Scrubbed due to 'password']");
    }
    let warning = "the scrubbing callback panicked: what it was asked about is redacted";
    assert_eq!(*told.lock().unwrap(), [warning]);
}

#[test]
fn extra_patterns_hide_what_they_match_and_false_hides_nothing() {
    let scrubbing = Scrubbing::default().extra_patterns([r"\d{4}-\d{4}"]);
    let attributes =
        vec![KeyValue::new("x", "card 1234-5678"), KeyValue::new("logfire.msg", "got 1234-5678.")];
    assert_eq!(
        scrubbed_by(scrubbing, attributes)[..2],
        [r"x=[Scrubbed due to '\d{4}-\d{4}']", r"logfire.msg=got [Scrubbed due to '\d{4}-\d{4}']"]
    );
    // A name is not what is hidden, nor is a word that the user has written.
    let scrubbing = Scrubbing::default().extra_patterns(["Iban", r"card_\d"]);
    let named = [("card_1", "7"), ("y", "my IBAN is"), ("z", "iban"), ("a", "card_7")];
    let named = named.map(|(key, value)| KeyValue::new(key, value)).to_vec();
    assert_eq!(
        scrubbed_by(scrubbing, named)[..4],
        [
            "card_1=[Scrubbed due to 'card_1']",
            "y=[Scrubbed due to 'IBAN']",
            "z=iban",
            r"a=[Scrubbed due to 'card_\d']"
        ]
    );
    let off = scrubbed_by(false.into(), vec![KeyValue::new("password", "x")]);
    assert_eq!(off, ["password=x"]);
}

#[test]
fn a_resource_keeps_its_names() {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "auth-service"),
            KeyValue::new("host.name", "session-store-1"),
            KeyValue::new("db_password", "x"),
            KeyValue::new("vcs.repository.url.full", "https://ci:hunter2@git.example/shop"),
            KeyValue::new("process.command_args", strings(&["shop", "--password=x"])),
        ])
        .build();
    let mut scrubbed: Vec<_> = scrubber(Scrubbing::default())
        .resource(&resource)
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    scrubbed.sort();
    assert_eq!(
        scrubbed,
        [
            "db_password=[Scrubbed due to 'password']",
            "host.name=session-store-1",
            r#"process.command_args=["shop","--password=[Scrubbed due to 'password']"]"#,
            "service.name=auth-service",
            "vcs.repository.url.full=https://REDACTED:REDACTED@git.example/shop",
        ]
    );
}
