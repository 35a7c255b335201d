//! Which headers become attributes, and which of their values are hidden.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::{memchr2, memchr3};
use opentelemetry::trace::SpanRef;
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use regex::{Regex, RegexSet, RegexSetBuilder};

use crate::headers::{HeaderValue, Headers};
use crate::patterns;
use crate::redaction::{self, UrlRedaction};

/// What stands in the place of a secret header value.
const MARK: &str = "[REDACTED]";

/// Names that are secret unless the application says otherwise; searched, without regard to case.
pub(crate) const SANITIZED: [&str; 12] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "passw",
    "api[-_]?key",
    "session",
    "csrf",
    "xsrf",
    "jwt",
    "credential",
    "signature",
];

/// The headers whose values are replaced by `[REDACTED]`.
#[derive(Clone, Debug)]
pub(crate) struct SanitizedHeaders(Option<RegexSet>);

impl SanitizedHeaders {
    /// Those that one of the patterns is found in; before each is the setting that it is of.
    pub(crate) fn new<'a>(patterns: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        // Each pattern is compiled by itself first, so that a bad one does not void the others.
        let valid = patterns.filter_map(|(setting, pattern)| {
            patterns::compile(setting, pattern, patterns::anywhere_ignoring_case)
        });
        let set = RegexSetBuilder::new(valid.map(|it| it.as_str().to_owned()))
            .case_insensitive(true)
            .build();
        Self(set.ok())
    }

    /// Whether the values of `name` are secret; all are if that cannot be decided.
    fn contains(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|it| it.is_match(name))
    }
}

/// The headers of one direction that are recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderCapture {
    prefix: &'static str,
    exact: Vec<ExactHeader>,
    patterns: Vec<Regex>,
    sanitized: Option<SanitizedHeaders>,
    redaction: UrlRedaction,
}

#[derive(Clone, Debug)]
struct ExactHeader {
    name: String,
    key: Key,
    secret: bool,
}

impl HeaderCapture {
    /// Records the headers that `patterns` match as a whole, as attributes `{prefix}{name}`;
    /// in those that are not secret, `redaction` says what is masked in URLs.
    pub(crate) fn new(
        setting: &str,
        prefix: &'static str,
        patterns: &[String],
        sanitized: &SanitizedHeaders,
        redaction: &UrlRedaction,
    ) -> Self {
        let mut capture = Self {
            prefix,
            sanitized: Some(sanitized.clone()),
            redaction: redaction.clone(),
            ..Self::default()
        };
        for pattern in patterns {
            if pattern.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)) {
                let name = pattern.to_ascii_lowercase();
                if capture.exact.iter().all(|it| it.name != name) {
                    // Shared: a clone of a key that owns its text is an allocation.
                    let key = Key::from(Arc::<str>::from(format!("{prefix}{name}")));
                    let secret = sanitized.contains(&name);
                    capture.exact.push(ExactHeader { name, key, secret });
                }
            } else {
                let whole = patterns::whole_ignoring_case;
                capture.patterns.extend(patterns::compile(setting, pattern, whole));
            }
        }
        capture
    }

    /// Adds an attribute for each header of `headers` that is to be recorded.
    #[inline]
    pub(crate) fn record(&self, headers: &dyn Headers, attributes: &mut Vec<KeyValue>) {
        if !self.patterns.is_empty() {
            self.record_matching(headers, attributes);
        } else if !self.exact.is_empty() {
            self.record_exact(headers, attributes);
        }
    }

    /// The same for a span that has started.
    #[inline]
    pub(crate) fn record_late(&self, headers: &dyn Headers, span: &SpanRef<'_>) {
        if self.exact.is_empty() && self.patterns.is_empty() {
            return;
        }
        let mut attributes = Vec::new();
        self.record(headers, &mut attributes);
        span.set_attributes(attributes);
    }

    fn record_exact(&self, headers: &dyn Headers, attributes: &mut Vec<KeyValue>) {
        for header in &self.exact {
            let Some((first, several)) = headers.first_of_several(&header.name) else { continue };
            // Room for one is of the size of short texts, of which allocators keep but a few at hand.
            let mut values = Vec::with_capacity(4);
            if several {
                headers.each(&header.name, &mut |it| values.push(self.text(it, header.secret)));
            } else {
                values.push(self.text(first, header.secret));
            }
            attributes.push(attribute(header.key.clone(), values));
        }
    }

    fn record_matching(&self, headers: &dyn Headers, attributes: &mut Vec<KeyValue>) {
        let mut found: BTreeMap<String, Option<Vec<StringValue>>> = BTreeMap::new();
        headers.each_pair(&mut |name, value| {
            let name = name.to_ascii_lowercase();
            let secret = self.sanitized.as_ref().is_none_or(|it| it.contains(&name));
            let values = found.entry(name).or_insert_with_key(|name| {
                let wanted = self.exact.iter().any(|it| it.name == *name)
                    || self.patterns.iter().any(|it| it.is_match(name));
                wanted.then(Vec::new)
            });
            if let Some(values) = values {
                values.push(self.text(value, secret));
            }
        });
        for (name, values) in found {
            if let Some(values) = values {
                attributes.push(attribute(Key::from(format!("{}{name}", self.prefix)), values));
            }
        }
    }

    fn text(&self, value: HeaderValue<'_>, secret: bool) -> StringValue {
        if secret || value.sensitive {
            return StringValue::from(MARK);
        }
        let text = value.to_text();
        // Only a URL or an authority has a secret inside of what is not one as a whole.
        if memchr3(b'@', b'?', b'#', text.as_bytes()).is_none() {
            return StringValue::from(text.into_owned());
        }
        StringValue::from(redaction::mask_text(&self.mask_urls(&text)))
    }

    /// Of a URL more is known than of a text: a value may be one as a whole, or have some in it, as
    /// `Link` has.
    fn mask_urls<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let has_blanks = memchr2(b' ', b'\t', text.as_bytes()).is_some();
        if !has_blanks && redaction::split_scheme(text).is_some() {
            return self.redaction.url(text);
        }
        let mut masked = String::with_capacity(text.len() + 16);
        for word in text.split_inclusive([' ', '\t', '<', '>']) {
            let url = word.trim_end_matches([' ', '\t', '<', '>']);
            masked.push_str(&self.redaction.url(url));
            masked.push_str(word.get(url.len()..).unwrap_or_default());
        }
        Cow::Owned(masked)
    }
}

fn attribute(key: Key, values: Vec<StringValue>) -> KeyValue {
    KeyValue::new(key, Value::Array(Array::String(values)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::Lines;

    const RECEIVED: Lines<'_> = Lines(&[
        ("X-Tag", b"one"),
        ("x-tag", b"two"),
        ("Authorization", b"Bearer hunter2"),
        ("X-My-Api-Key", b"hunter2"),
        ("!x-marked", b"hunter2"),
        ("X-Bytes", b"\xffa"),
        ("X-Empty", b""),
        ("Location", b"https://a.b/back#access_token=hunter2"),
        ("Referer", b"https://ada:hunter2@a.b/?sig=hunter2&q=1"),
        ("X-Quoted", b"https://o'hara:hunter2@a.b/"),
    ]);

    fn record(patterns: &[&str], sanitize: &[&str], only: Option<&[&str]>) -> String {
        record_of(&RECEIVED, patterns, sanitize, only)
    }

    fn record_of(
        headers: &Lines<'_>,
        patterns: &[&str],
        sanitize: &[&str],
        only: Option<&[&str]>,
    ) -> String {
        let owned = |list: &[&str]| -> Vec<_> { list.iter().map(ToString::to_string).collect() };
        let secret = only.unwrap_or(&SANITIZED).iter().chain(sanitize);
        let sanitized = SanitizedHeaders::new(secret.map(|it| ("test", *it)));
        let redaction = UrlRedaction::default();
        let capture = HeaderCapture::new("test", "h.", &owned(patterns), &sanitized, &redaction);
        let mut attributes = Vec::new();
        capture.record(headers, &mut attributes);
        let lines = attributes.iter().map(|it| format!("{}={}", it.key, it.value.as_str()));
        lines.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_match_as_a_whole_and_without_regard_to_case() {
        assert_eq!(record(&["X-TAG", "missing"], &[], None), r#"h.x-tag=["one","two"]"#);
        assert_eq!(record(&["x-t.*"], &[], None), r#"h.x-tag=["one","two"]"#);
        assert_eq!(record(&["x-ta"], &[], None), "");
        assert_eq!(record(&["tag.*"], &[], None), "");
        assert_eq!(
            record(&["x-empty", "x-bytes"], &[], None),
            "h.x-empty=[\"\"] h.x-bytes=[\"\u{ff}a\"]"
        );
        assert_eq!(
            record(&["x-tag", "x-em.*"], &[], None),
            r#"h.x-empty=[""] h.x-tag=["one","two"]"#
        );
    }

    #[test]
    fn secrets_are_hidden_whatever_way_they_are_captured() {
        let hidden = r#"h.authorization=["[REDACTED]"] h.location=["https://a.b/back#access_token=REDACTED"] h.referer=["https://REDACTED:REDACTED@a.b/?sig=REDACTED&q=1"] h.x-bytes=["ÿa"] h.x-empty=[""] h.x-marked=["[REDACTED]"] h.x-my-api-key=["[REDACTED]"] h.x-quoted=["https://REDACTED:REDACTED@a.b/"] h.x-tag=["one","two"]"#;
        assert_eq!(record(&[".*"], &[], None), hidden);
        assert_eq!(record(&["authorization"], &[], None), r#"h.authorization=["[REDACTED]"]"#);
        assert_eq!(record(&["x-tag"], &["TAG"], None), r#"h.x-tag=["[REDACTED]","[REDACTED]"]"#);
        assert_eq!(record(&["x-my-api-key"], &[], Some(&[])), r#"h.x-my-api-key=["hunter2"]"#);
        assert_eq!(record(&["x-marked"], &[], Some(&[])), r#"h.x-marked=["[REDACTED]"]"#);
        assert_eq!(record(&["x-tag"], &["("], None), r#"h.x-tag=["one","two"]"#);
    }

    #[test]
    fn urls_are_masked_as_the_application_says() {
        let text = |value: &str| {
            let redaction = UrlRedaction::default().add_keys(["code"]);
            let sanitized = SanitizedHeaders::new(SANITIZED.iter().map(|it| ("test", *it)));
            let names = ["x-url".to_owned()];
            let capture = HeaderCapture::new("test", "h.", &names, &sanitized, &redaction);
            let mut attributes = Vec::new();
            capture.record(&Lines(&[("X-Url", value.as_bytes())]), &mut attributes);
            let value = attributes.pop().unwrap().value;
            value.as_str().trim_start_matches("[\"").trim_end_matches("\"]").to_owned()
        };
        for (value, expected) in [
            ("https://a.b/c?code=s3cret&q=1", "https://a.b/c?code=REDACTED&q=1"),
            ("/c?code=s3cret&q=1#top", "/c?code=REDACTED&q=1#top"),
            ("back?q=1&code=s3cret", "back?q=1&code=REDACTED"),
            ("https://u:s3<cret@a.b/", "https://REDACTED:REDACTED@a.b/"),
            (
                "</a?sig=1>; rel=next, </b?page=2>; rel=last",
                "</a?sig=REDACTED>; rel=next, </b?page=2>; rel=last",
            ),
            ("</a?code=s3cret>;rel=next,</b?p=2>", "</a?code=REDACTED>;rel=next,</b?p=2>"),
            ("https://a.b, c@d", "https://a.b, c@d"),
            ("see  <https://u:s3cret@a.b> ?", "see  <https://REDACTED:REDACTED@a.b> ?"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn the_cases_of_the_python_tests() {
        let lines = Lines(&[
            ("Accept", b"text/html"),
            ("Accept-Encoding", b"br"),
            ("User-Agent", b"tests"),
            ("Test-Header", b"1"),
            ("My-Secret-Header", b"hunter2"),
            ("My-Secret-Header-2", b"hunter2"),
            ("My-Not-Secret-Header", b"open"),
            ("Set-Cookie2", b"hunter2"),
            ("apple", b"red"),
            ("banana-secret", b"yellow"),
            ("fig", b"green"),
        ]);
        let record = |patterns: &[&str], sanitize: &[&str], only: bool| match only {
            true => record_of(&lines, patterns, &[], Some(sanitize)),
            false => record_of(&lines, patterns, sanitize, None),
        };
        assert_eq!(
            record(&["User-Agent", "Test-Header"], &[], false),
            r#"h.user-agent=["tests"] h.test-header=["1"]"#
        );
        let secret = ["My-Secret-Header", "My-Secret-Header-2"];
        let all = ["my-secret-header", "my-secret-header-2", "my-not-secret-header"];
        assert_eq!(
            record(&all, &secret, true),
            r#"h.my-secret-header=["[REDACTED]"] h.my-secret-header-2=["[REDACTED]"] h.my-not-secret-header=["open"]"#
        );
        // The list that is there by default errs on the safe side.
        assert_eq!(
            record(&["my-not-secret-header"], &secret, false),
            r#"h.my-not-secret-header=["[REDACTED]"]"#
        );
        assert_eq!(record(&["accept"], &[], false), r#"h.accept=["text/html"]"#);
        assert_eq!(
            record(&["set-cookie2"], &["set-cookie"], true),
            r#"h.set-cookie2=["[REDACTED]"]"#
        );
        assert_eq!(
            record(&["a.*", "b.*"], &[".*secret.*"], false),
            r#"h.accept=["text/html"] h.accept-encoding=["br"] h.apple=["red"] h.banana-secret=["[REDACTED]"]"#
        );
    }
}
