//! Values of the application as JSON of limited size, without secrets.

mod limited;

use std::fmt::{self, Debug, Write as _};

use serde::Serialize;

use self::limited::{push_short, write};
use super::EndpointLimits;
use crate::{diagnostics, redaction};

/// The JSON of a value that is not shown.
pub(super) const MASK: &str = "\"[REDACTED]\"";

/// Stands where something was left out for its size.
const CUT: &str = "…";

/// `value` as JSON, or nothing if its `Serialize` fails or panics.
///
/// What is too long, too deep or too much is cut, with `…` in its place; the values of keys that
/// look secret become `[REDACTED]`.
pub(super) fn text<T: Serialize + ?Sized>(value: &T, limits: EndpointLimits) -> Option<String> {
    write(value, limits, true)
}

/// As [`text`], but what the application chose to show is shown.
pub(super) fn unmasked(value: &serde_json::Value, limits: EndpointLimits) -> Option<String> {
    write(value, limits, false)
}

/// What is kept of `value`, or nothing if a key in it looks secret.
pub(super) fn without_secrets(
    value: &serde_json::Value,
    limits: EndpointLimits,
) -> Option<serde_json::Value> {
    let kept = text(value, limits)?;
    (unmasked(value, limits)? == kept).then(|| serde_json::from_str(&kept).ok())?
}

/// The `Debug` form of `value`, as a JSON string.
pub(super) fn debug<T: Debug + ?Sized>(value: &T, limits: EndpointLimits) -> Option<String> {
    let mut short = Short { text: String::new(), limit: limits.bytes };
    diagnostics::guarded("the `Debug` of an endpoint's argument", || write!(short, "{value:?}"))?
        .or_else(|error| if short.text.ends_with(CUT) { Ok(()) } else { Err(error) })
        .ok()?;
    text(&redaction::mask_text(&short.text), limits)
}

/// Text up to the limit.
struct Short {
    text: String,
    limit: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if push_short(&mut self.text, text, self.limit) { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::ser;

    use super::*;

    const LIMITS: EndpointLimits = EndpointLimits { bytes: 8192, items: 1000, depth: 16 };

    fn text<T: Serialize + ?Sized>(value: &T) -> Option<String> {
        super::text(value, LIMITS)
    }

    fn debug<T: Debug + ?Sized>(value: &T) -> Option<String> {
        super::debug(value, LIMITS)
    }

    #[derive(Serialize)]
    enum Login {
        Password(&'static str),
        By { name: &'static str, api_key: &'static str },
    }

    struct Bytes;

    impl Serialize for Bytes {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&[1, 2])
        }
    }

    #[test]
    fn what_serde_json_writes_is_written_as_it_is() {
        #[derive(Serialize)]
        struct All {
            text: &'static str,
            none: Option<u8>,
            nested: Vec<(u8, char)>,
            float: f64,
            empty: [u8; 0],
        }
        let all = All { text: "é\n\"", none: None, nested: vec![(1, 'a')], float: 1.5, empty: [] };
        let expected = serde_json::to_string(&all).unwrap();
        assert_eq!(text(&all).unwrap(), expected);
        assert_eq!(text(&f64::NAN).unwrap(), "null");
        assert_eq!(text(&u128::MAX).unwrap(), u128::MAX.to_string());
        assert_eq!(text(&BTreeMap::from([(1, true)])).unwrap(), r#"{"1":true}"#);
        assert_eq!(text(&Bytes).unwrap(), "[1,2]");
        assert_eq!(text(&BTreeMap::from([((), 1)])), None);
    }

    #[test]
    fn values_of_secret_keys_are_masked() {
        for (value, expected) in [
            (text(&Login::Password("s3cret")), r#"{"Password":"[REDACTED]"}"#),
            (
                text(&Login::By { name: "ada", api_key: "s3cret" }),
                r#"{"By":{"name":"ada","api_key":"[REDACTED]"}}"#,
            ),
            (
                text(&[("password", "s3cret"), ("page", "2")]),
                r#"[["password","[REDACTED]"],["page","2"]]"#,
            ),
            (
                text(&serde_json::json!({ "tokens": { "a": ["s3cret"] }, "z": 1 })),
                r#"{"tokens":"[REDACTED]","z":1}"#,
            ),
            (debug(&Some(("token: s3cret", 1))), r#""Some((\"token: REDACTED\", 1))""#),
        ] {
            assert_eq!(value.unwrap(), expected);
        }
        assert_eq!(unmasked(&serde_json::json!({ "token": 1 }), LIMITS).unwrap(), r#"{"token":1}"#);
    }

    #[test]
    fn what_is_too_much_is_cut_and_marked() {
        let long = text(&"é".repeat(LIMITS.bytes)).unwrap();
        assert!(long.ends_with("é…\"") && long.len() < LIMITS.bytes + 10, "{}", long.len());
        let many = text(&vec![7; 1_000_000]).unwrap();
        assert!(many.ends_with(r#"7,"…"]"#) && many.len() <= LIMITS.bytes, "{}", many.len());
        let deep = (0..100).fold(serde_json::json!(1), |it, _| serde_json::json!([it]));
        assert_eq!(
            text(&deep).unwrap(),
            format!("{}\"…\"{}", "[".repeat(LIMITS.depth), "]".repeat(LIMITS.depth))
        );
        let map: BTreeMap<u32, String> = (0..5000).map(|it| (it, "x".repeat(99))).collect();
        let map = text(&map).unwrap();
        assert!(map.ends_with(r#","…":"…"}"#) && map.len() < LIMITS.bytes + 300, "{}", map.len());
        assert!(debug(&"x".repeat(LIMITS.bytes * 2)).unwrap().len() < LIMITS.bytes + 20);
    }

    #[test]
    fn the_limits_can_be_set() {
        assert_eq!(EndpointLimits::default(), LIMITS);
        let value = serde_json::json!({ "a": ["é".repeat(9), 2, [3, [4]]], "b": 5 });
        for (limits, expected) in [
            (LIMITS.max_bytes(10), r#"{"a":["é…","…"],"…":"…"}"#),
            (LIMITS.max_items(3), r#"{"a":["ééééééééé",2,"…"],"…":"…"}"#),
            (LIMITS.max_depth(2), r#"{"a":["ééééééééé",2,"…"],"b":5}"#),
            (LIMITS.max_depth(0), r#""…""#),
            (LIMITS.max_bytes(0).max_items(0), r#"{"…":"…"}"#),
        ] {
            assert_eq!(super::text(&value, limits).unwrap(), expected);
        }
        assert_eq!(super::debug("ééééé", LIMITS.max_bytes(4)).unwrap(), r#""\"…""#);
    }

    #[test]
    fn a_value_with_a_secret_in_it_is_not_shown() {
        let shown = |value| without_secrets(&value, LIMITS);
        let value = serde_json::json!({ "a": [1, null, { "b": "c" }] });
        assert_eq!(shown(value.clone()), Some(value));
        assert_eq!(shown(serde_json::json!({ "a": [{ "api_key": 1 }] })), None);
        assert_eq!(shown(serde_json::json!([["password", "x"]])), None);
    }

    #[test]
    fn a_serialize_that_fails_or_panics_loses_its_value() {
        struct Broken(bool);
        impl Serialize for Broken {
            fn serialize<S: ser::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                assert!(self.0, "on purpose");
                Err(ser::Error::custom("on purpose"))
            }
        }
        assert_eq!(text(&[Broken(true)]), None);
        assert_eq!(text(&[Broken(false)]), None);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Into::into),
            "[a-z\"é\\\\]{0,12}".prop_map(serde_json::Value::from),
            Just(serde_json::Value::from("x".repeat(6000))),
        ];
        leaf.prop_recursive(20, 64, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("[a-z]{0,3}|password", inner, 0..5)
                    .prop_map(|it| it.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_a_secret_key_holds_never_comes_out(
            value in json(), key in "password|apiKey|x-token", before in json(),
        ) {
            let secret = serde_json::json!({ key: ["s3cret", value, { "a": "s3cret" }] });
            for value in [secret.clone(), serde_json::json!({ "a": [before, secret] })] {
                let text = text(&value).unwrap();
                prop_assert!(!text.contains("s3cret"), "{text}");
            }
        }

        #[test]
        fn what_comes_out_is_json_of_limited_size(value in json()) {
            let text = text(&value).unwrap();
            prop_assert!(text.len() < 2 * LIMITS.bytes, "{}", text.len());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }
}
