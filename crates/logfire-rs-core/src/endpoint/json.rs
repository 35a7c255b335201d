//! Values of the application as JSON of limited size, without secrets.

use std::cell::RefCell;
use std::fmt::{self, Debug, Write as _};
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::EndpointLimits;
use crate::{diagnostics, redaction};

/// What is read of one value: beyond it, to pass over the rest costs too much.
const STEPS: usize = 100_000;

/// Room for most values.
const USUAL: usize = 64;

/// Stands where something was left out for its size.
const CUT: &str = "…";
/// The JSON of a value that is not shown.
pub(super) const MASK: &str = "\"[REDACTED]\"";

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

/// What names of secrets contain, without their first letter, which is given; a `-` is one of `-`,
/// `_`, ` ` and `.`, or nothing.
fn secrets(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &["ccess-key", "pi-key", "uthorization"],
        b'c' => &["ard-number", "ookie", "redential", "redit-card", "srf", "vv"],
        b'e' => &["ncryption-key"],
        b'j' => &["wt"],
        b'p' => &["assphrase", "assw", "rivate-key", "wd"],
        b's' => &["ecret", "ession", "ignature", "igning-key"],
        b't' => &["oken"],
        b'x' => &["srf"],
        _ => &[],
    }
}

/// What names of secrets are.
const WHOLE_SECRETS: [&str; 5] = ["auth", "otp", "pin", "pw", "sig"];

/// Whether a name says that its value is a secret.
///
/// A loop, since it is asked of each key of each value: `regex` without its fast engines takes twenty
/// times as long.
pub(super) fn is_secret(name: &str) -> bool {
    if !name.is_ascii() {
        // There are other letters that are an `s` or a `k` in lower case.
        let folded = name.to_lowercase().replace('ſ', "s");
        return names_secret(folded.as_bytes());
    }
    names_secret(name.as_bytes())
}

fn names_secret(name: &[u8]) -> bool {
    if WHOLE_SECRETS.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes())) {
        return true;
    }
    let mut before = None;
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let ends_word = |it: Option<&u8>| it.is_none_or(|it| !it.is_ascii_alphanumeric());
        let number = rest.get(..3).is_some_and(|it| it.eq_ignore_ascii_case(b"ssn"));
        if number && ends_word(before) && ends_word(rest.get(3)) {
            return true;
        }
        if secrets(first.to_ascii_lowercase()).iter().any(|it| begins_with(after, it)) {
            return true;
        }
        before = Some(first);
        rest = after;
    }
    false
}

fn begins_with(mut text: &[u8], word: &str) -> bool {
    for wanted in word.bytes() {
        match text.split_first() {
            Some((b'-' | b'_' | b' ' | b'.', after)) if wanted == b'-' => text = after,
            _ if wanted == b'-' => {}
            Some((byte, after)) if byte.eq_ignore_ascii_case(&wanted) => text = after,
            _ => return false,
        }
    }
    true
}

fn write<T: Serialize + ?Sized>(value: &T, limits: EndpointLimits, masks: bool) -> Option<String> {
    let out = String::with_capacity(USUAL);
    let state = RefCell::new(State { out, limits, masks, ..State::default() });
    let result = diagnostics::guarded("the `Serialize` of an endpoint's argument", || {
        value.serialize(&mut Serializer::with_formatter(Output(&state), Limited(&state)))
    })?;
    let mut state = state.into_inner();
    if state.steps > STEPS {
        state.close_all();
    } else {
        result.ok()?;
    }
    Some(state.out)
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

/// Appends what of `text` fits, and whether that is all of it.
fn push_short(out: &mut String, text: &str, limit: usize) -> bool {
    let room = limit.saturating_sub(out.len());
    if text.len() <= room {
        out.push_str(text);
        return true;
    }
    // `str::floor_char_boundary` is younger than the oldest Rust we support.
    let end = (0..=room).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    out.push_str(text.get(..end).unwrap_or_default());
    out.push_str(CUT);
    false
}

#[derive(Default)]
struct State {
    out: String,
    limits: EndpointLimits,
    masks: bool,
    open: Vec<Open>,
    /// Where the key that is being written begins.
    key: Option<usize>,
    /// What becomes of the value after the key.
    next: Next,
    /// How many of the calls that began something and are not ended are passed over.
    muted: usize,
    /// The string that is being written was cut.
    string_is_cut: bool,
    string_start: usize,
    items: usize,
    steps: usize,
}

/// An array or object that is not closed yet.
struct Open {
    close: char,
    count: usize,
    cut: bool,
    /// The first of an array looks like the name of a secret: the second is its value.
    names_secret: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Next {
    #[default]
    Keep,
    Mask,
    Drop,
}

impl State {
    fn put(&mut self, text: &str) {
        if self.muted == 0 && !self.string_is_cut {
            self.out.push_str(text);
        }
    }

    /// Begins something inside of what is passed over.
    fn begins_muted(&mut self) -> bool {
        self.muted += usize::from(self.muted > 0);
        self.muted > 0
    }

    fn ends_muted(&mut self) -> bool {
        let muted = self.muted > 0;
        self.muted = self.muted.saturating_sub(1);
        muted
    }

    fn begin(&mut self, open: char, close: char) {
        if self.begins_muted() {
            return;
        }
        if self.open.len() >= self.limits.depth {
            let _ = write!(self.out, "\"{CUT}\"");
            self.muted = 1;
            return;
        }
        self.out.push(open);
        self.open.push(Open { close, count: 0, cut: false, names_secret: false });
    }

    fn end(&mut self) {
        if !self.ends_muted() {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if open.cut {
            let comma = if open.count > 0 { "," } else { "" };
            let marker = if open.close == '}' { "\"…\":\"…\"" } else { "\"…\"" };
            let _ = write!(self.out, "{comma}{marker}");
        }
        self.out.push(open.close);
    }

    /// Ends in the middle of a value of which there is too much.
    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Counts an item of the innermost array or object; whether there is room for it.
    fn item(&mut self) -> bool {
        let full = self.out.len() >= self.limits.bytes || self.items >= self.limits.items;
        let Some(open) = self.open.last_mut() else { return true };
        if full {
            open.cut = true;
            return false;
        }
        if open.count > 0 {
            self.out.push(',');
        }
        open.count += 1;
        self.items += 1;
        true
    }

    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        if self.steps > STEPS { Err(io::Error::other("the value is too large")) } else { Ok(()) }
    }

    fn begin_element(&mut self) -> io::Result<()> {
        self.step()?;
        if self.begins_muted() {
            return Ok(());
        }
        if !self.item() {
            self.muted = 1;
        } else if self.masks && self.open.last().is_some_and(|it| it.names_secret && it.count == 2)
        {
            self.out.push_str(MASK);
            self.muted = 1;
        }
        Ok(())
    }

    fn begin_key(&mut self) -> io::Result<()> {
        self.step()?;
        if self.begins_muted() {
            return Ok(());
        }
        if self.item() {
            self.key = Some(self.out.len());
        } else {
            self.next = Next::Drop;
            self.muted = 1;
        }
        Ok(())
    }

    fn end_key(&mut self) {
        if self.ends_muted() {
            return;
        }
        self.string_is_cut = false;
        let key = self.key.take().and_then(|start| self.out.get(start..)).unwrap_or_default();
        let masks = self.masks && is_secret(key.trim_matches('"'));
        self.next = if masks { Next::Mask } else { Next::Keep };
    }

    fn begin_value(&mut self) {
        if self.begins_muted() {
            return;
        }
        match std::mem::take(&mut self.next) {
            Next::Keep => self.out.push(':'),
            Next::Mask => {
                let _ = write!(self.out, ":{MASK}");
                self.muted = 1;
            }
            Next::Drop => self.muted = 1,
        }
    }

    fn begin_string(&mut self) {
        self.put("\"");
        self.string_start = self.out.len();
    }

    fn fragment(&mut self, text: &str) {
        if self.muted > 0 || self.string_is_cut {
            return;
        }
        // A key has room of its own.
        let limit = self.limits.bytes.saturating_add(self.key.unwrap_or_default());
        self.string_is_cut = !push_short(&mut self.out, text, limit);
    }

    fn end_string(&mut self) {
        self.string_is_cut = false;
        self.put("\"");
        if self.muted > 0 || self.key.is_some() {
            return;
        }
        if let Some(open) = self.open.last_mut().filter(|it| it.close == ']') {
            let text = self.out.get(self.string_start..).unwrap_or_default();
            open.names_secret =
                open.count == 1 && text.len() < 100 && is_secret(text.trim_end_matches('"'));
        }
    }
}

/// Where numbers and the like go.
struct Output<'a>(&'a RefCell<State>);

impl io::Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.borrow_mut().put(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps to the limits. Everything goes to the state; the writer of each method is an [`Output`].
struct Limited<'a>(&'a RefCell<State>);

impl Formatter for Limited<'_> {
    fn begin_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin_string();
        Ok(())
    }

    fn write_string_fragment<W>(&mut self, _: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.0.borrow_mut().fragment(fragment);
        Ok(())
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end_string();
        Ok(())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin('[', ']');
        Ok(())
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end();
        Ok(())
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.0.borrow_mut().begin_element()
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().ends_muted();
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin('{', '}');
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end();
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        self.0.borrow_mut().begin_key()
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().end_key();
        Ok(())
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().begin_value();
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.borrow_mut().ends_muted();
        Ok(())
    }

    fn write_raw_fragment<W>(&mut self, _: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        // JSON that was never looked into; what is not JSON is an error of the value.
        let value: serde_json::Value = serde_json::from_str(fragment)?;
        value.serialize(&mut Serializer::with_formatter(Output(self.0), Limited(self.0)))?;
        Ok(())
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
        for name in [
            "apiKey",
            "API-KEY",
            "x.access_key.id",
            "user_ssn",
            "SSN",
            "Auth",
            "creditCard",
            "card number",
            "paſſword",
            "to\u{212a}en",
            "mySessionId",
            "ééé token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["author", "page", "pins", "key", "api", "assn", "ssnail", "", "é", "card", "passe"]
        {
            assert!(!is_secret(name), "{name}");
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
