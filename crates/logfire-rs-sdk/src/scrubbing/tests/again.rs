//! What was scrubbed is scrubbed once more.

use std::sync::LazyLock;

use proptest::{
    prelude::{ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_assume, proptest},
    test_runner::RngSeed,
};

use super::*;

/// Names, values and what stands around them.
const PARTS: &str = concat!(
    "password~auth~Authorization~cookie~session~jwt~secret~author~card~ pylf_v1_us_abc~",
    " 1234-5678~hunter2~bearer~is~x~é~=~: ~ ~ ~_~-~.~,~;~'~\"~`~[~]~)~\n~",
    "{\"password\":\"x\"}~[\"secret x\"]~[Scrubbed due to 'auth']~[Scrubbed due to 'card']~",
    "']~REDACTED~&~?~/",
);

/// Some of them, in any order.
fn texts() -> impl Strategy<Value = String> {
    let parts: Vec<_> = PARTS.split('~').collect();
    proptest::collection::vec(proptest::sample::select(parts), 0..14)
        .prop_map(|parts| parts.concat())
}

proptest! {
    // The same texts in every run; `PROPTEST_CASES` tries more.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn scrubbing_twice_is_scrubbing_once_and_hides_what_is_a_secret_itself(text in texts()) {
        static SCRUBBER: LazyLock<Scrubber> = LazyLock::new(|| {
            scrubber(Scrubbing::default().extra_patterns([r"\d{4}-\d{4}", "card"]))
        });
        // What is no JSON may become some, when what stood in the way is hidden.
        let is_json = serde_json::from_str::<Json>(&text).is_ok();
        prop_assume!(is_json || !text.trim_start().starts_with(['{', '[', '"']));
        let keys = ["logfire.msg", "x", "url.query", "url.full", "password", "exception.message"];
        let mut span = span_of(keys.map(|key| KeyValue::new(key, text.clone())).to_vec());
        SCRUBBER.span(&mut span);
        let once = span.attributes.clone();
        // The names in a query and the path of a URL stay.
        let texts = ["logfire.msg", "x", "exception.message"];
        for attribute in once.iter().filter(|it| texts.contains(&it.key.as_str())) {
            prop_assert!(!attribute.value.as_str().contains("us_abc"), "{attribute:?}");
            prop_assert!(!attribute.value.as_str().contains("1234-5678"), "{attribute:?}");
        }
        SCRUBBER.span(&mut span);
        prop_assert_eq!(span.attributes, once);
    }
}

#[test]
fn a_scrubbed_text_stays_and_notes_have_an_end() {
    for (text, scrubbed) in [
        ("password=hunter2 x", "password=[Scrubbed due to 'password'] x"),
        ("Authorization: Bearer a", "Authorization: [Scrubbed due to 'Auth']"),
        ("pylf_v1_us_a: x", "[Scrubbed due to 'pylf_v1_'] x"),
        ("the 'pylf_v1_us_a' x", "the '[Scrubbed due to 'pylf_v1_']' x"),
    ] {
        let mut span = span_of(vec![KeyValue::new("logfire.msg", text)]);
        let scrubber = scrubber(Scrubbing::default());
        for _ in 0..3 {
            scrubber.span(&mut span);
            assert_eq!(span.attributes[0].value.as_str(), scrubbed);
            assert_eq!(notes(&span.attributes[1].value.as_str()).len(), 1);
        }
    }
    let users: Vec<_> = (0..1000).map(|_| r#"{"password":"x"}"#).collect();
    let shown = one("users", format!("[{}]", users.join(",")));
    assert_eq!(shown.len(), 1 + 100 + 1);
    assert_eq!(shown[101], r#"[] <- "… and 900 more""#);
}

#[test]
fn notes_are_added_to_earlier_ones_and_scrubbing_twice_is_scrubbing_once() {
    let mut span = span_of(vec![
        KeyValue::new("password", "x"),
        KeyValue::new("logfire.scrubbed", r#"[{"path":["message","x"],"matched_substring":"y"}]"#),
    ]);
    let scrubber = scrubber(Scrubbing::default());
    scrubber.span(&mut span);
    let once = span.attributes.clone();
    assert_eq!(
        shown(&once)[1..],
        [r#"["message","x"] <- "y""#, r#"["attributes","password"] <- "password""#]
    );
    scrubber.span(&mut span);
    assert_eq!(span.attributes, once);
}

#[test]
fn debug_shows_no_value() {
    let shown = Arc::new(std::sync::Mutex::new(String::new()));
    let seen = Arc::clone(&shown);
    let scrubbing = Scrubbing::default().callback(move |found| {
        *seen.lock().unwrap() = format!("{found:?}");
        None
    });
    scrubbed_by(scrubbing, vec![KeyValue::new("password", "hunter2")]);
    assert_eq!(*shown.lock().unwrap(), r#"ScrubMatch { path: "attributes.password", .. }"#);
}
