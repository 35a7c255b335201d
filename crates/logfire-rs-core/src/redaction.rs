//! What is taken out of URLs before they become attributes.

mod filter;
mod text;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

pub use self::filter::FilterUrl;
pub(crate) use self::filter::split_scheme;
pub(crate) use self::text::mask as mask_text;

/// What stands in the place of a secret in a URL.
pub(crate) const MARK: &str = "REDACTED";

/// The query keys that the semantic conventions have listed at one time or another.
const SENSITIVE: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
];

/// Which parts of a URL are masked before it becomes an attribute.
///
/// By default the values of seven query keys become `REDACTED`, as the [semantic conventions] ask:
/// `AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`, `X-Amz-Signature`, `X-Amz-Credential`
/// and `X-Amz-Security-Token`. Keys are compared with regard to case, after percent-decoding.
/// Everything else of the URL stays as it was, byte for byte. User name and password are always
/// masked.
///
/// ```
/// use logfire_rs_core::UrlRedaction;
///
/// let redaction = UrlRedaction::default().add_keys(["token"]);
/// let url = "https://user:pw@example.com/a?q=1&sig=x&token=y";
/// assert_eq!(
///     redaction.url(url),
///     "https://REDACTED:REDACTED@example.com/a?q=1&sig=REDACTED&token=REDACTED",
/// );
/// ```
///
/// [semantic conventions]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/
#[derive(Clone, Debug)]
pub struct UrlRedaction {
    keys: Vec<Cow<'static, str>>,
    all_values: bool,
    drop_query: bool,
}

impl Default for UrlRedaction {
    fn default() -> Self {
        Self { keys: SENSITIVE.map(Cow::Borrowed).to_vec(), all_values: false, drop_query: false }
    }
}

impl UrlRedaction {
    /// Masks the values of these query keys too. Adds none by default.
    ///
    /// ```
    /// use logfire_rs_core::UrlRedaction;
    ///
    /// let redaction = UrlRedaction::default().add_keys(["token"]);
    /// assert_eq!(redaction.query("sig=1&token=2").as_deref(), Some("sig=REDACTED&token=REDACTED"));
    /// ```
    #[must_use]
    pub fn add_keys<S: AsRef<str>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.keys.extend(keys.into_iter().map(owned));
        self
    }

    /// Masks the values of these query keys only; an empty list turns the masking of values off.
    ///
    /// ```
    /// use logfire_rs_core::UrlRedaction;
    ///
    /// let redaction = UrlRedaction::default().keys(["token"]);
    /// assert_eq!(redaction.query("sig=1&token=2").as_deref(), Some("sig=1&token=REDACTED"));
    /// ```
    #[must_use]
    pub fn keys<S: AsRef<str>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.keys = keys.into_iter().map(owned).collect();
        self
    }

    /// Whether the value of every query key is masked. False by default.
    ///
    /// ```
    /// use logfire_rs_core::UrlRedaction;
    ///
    /// let redaction = UrlRedaction::default().all_values(true);
    /// assert_eq!(redaction.query("a=1&b").as_deref(), Some("a=REDACTED&b"));
    /// ```
    #[must_use]
    pub fn all_values(mut self, all_values: bool) -> Self {
        self.all_values = all_values;
        self
    }

    /// Whether the query is left out altogether. False by default.
    ///
    /// ```
    /// use logfire_rs_core::UrlRedaction;
    ///
    /// let redaction = UrlRedaction::default().drop_query(true);
    /// assert_eq!(redaction.query("a=1"), None);
    /// assert_eq!(redaction.url("http://a/b?c=d"), "http://a/b");
    /// ```
    #[must_use]
    pub fn drop_query(mut self, drop_query: bool) -> Self {
        self.drop_query = drop_query;
        self
    }

    /// Masks a query string, given without `?`; `None` if nothing of it is left.
    ///
    /// ```
    /// use logfire_rs_core::UrlRedaction;
    ///
    /// let redaction = UrlRedaction::default();
    /// assert_eq!(redaction.query("q=1&sig=2").as_deref(), Some("q=1&sig=REDACTED"));
    /// assert_eq!(redaction.query(""), None);
    /// ```
    #[must_use]
    pub fn query<'q>(&self, query: &'q str) -> Option<Cow<'q, str>> {
        if self.drop_query || query.is_empty() {
            return None;
        }
        let mut masked = String::new();
        let mut copied = 0;
        let mut start = 0;
        for pair in query.split('&') {
            if let Some(value) = self.secret_value(pair) {
                if masked.is_empty() {
                    masked.reserve(query.len() + MARK.len());
                }
                masked.push_str(query.get(copied..start + value)?);
                masked.push_str(MARK);
                copied = start + pair.len();
            }
            start += pair.len() + 1;
        }
        if copied == 0 {
            return Some(Cow::Borrowed(query));
        }
        masked.push_str(query.get(copied..)?);
        Some(Cow::Owned(masked))
    }

    /// Masks an absolute URL, or one that starts with a path.
    ///
    /// ```
    /// use logfire_rs_core::UrlRedaction;
    ///
    /// let redaction = UrlRedaction::default();
    /// assert_eq!(redaction.url("ftp://ada:pw@a/b?sig=1#c"), "ftp://REDACTED:REDACTED@a/b?sig=REDACTED#c");
    /// assert_eq!(redaction.url("/b?sig=1"), "/b?sig=REDACTED");
    /// ```
    #[must_use]
    pub fn url<'u>(&self, url: &'u str) -> Cow<'u, str> {
        self.parsed(&FilterUrl::parse(url))
    }

    /// The same, of a URL that was taken apart before.
    #[inline]
    pub(crate) fn parsed<'u>(&self, parts: &FilterUrl<'u>) -> Cow<'u, str> {
        let url = parts.as_str();
        let has_nothing = parts.query() == Some("") && !self.drop_query;
        let query = parts.query().filter(|it| !it.is_empty()).map(|it| self.query(it));
        if parts.user_info().is_none() && matches!(query, None | Some(Some(Cow::Borrowed(_)))) {
            return Cow::Borrowed(url);
        }
        let mut masked = String::with_capacity(url.len() + 16);
        let (before, after) = parts.around_user_info();
        masked.push_str(before);
        if parts.user_info().is_some() {
            masked.push_str("REDACTED:REDACTED@");
        }
        masked.push_str(after);
        if let Some(query) = query.flatten().or(has_nothing.then_some(Cow::Borrowed(""))) {
            masked.push('?');
            masked.push_str(&query);
        }
        if let Some(fragment) = parts.fragment() {
            masked.push('#');
            masked.push_str(fragment);
        }
        Cow::Owned(masked)
    }

    /// Where the secret of `pair` begins, if it has one.
    ///
    /// Some servers take `;` for a separator too, so a key may follow one; all that stands after
    /// the secret's `=` counts as its value.
    fn secret_value(&self, pair: &str) -> Option<usize> {
        let mut start = 0;
        for part in pair.split(';') {
            if let Some((key, _)) = part.split_once('=')
                && (self.all_values || self.is_secret(key))
            {
                return Some(start + key.len() + 1);
            }
            start += part.len() + 1;
        }
        None
    }

    fn is_secret(&self, key: &str) -> bool {
        if key.contains('%') {
            let decoded = percent_decode_str(key).decode_utf8_lossy();
            return self.keys.iter().any(|it| **it == *decoded);
        }
        self.keys.iter().any(|it| **it == *key)
    }
}

fn owned(key: impl AsRef<str>) -> Cow<'static, str> {
    Cow::Owned(key.as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_of_secret_keys_are_masked_in_place() {
        let redaction = UrlRedaction::default();
        for (query, expected) in [
            ("a=b&c=d", "a=b&c=d"),
            ("sig=secret", "sig=REDACTED"),
            ("a=b&sig=secret&sig=again&c=%20", "a=b&sig=REDACTED&sig=REDACTED&c=%20"),
            ("SIG=open&sigx=open&sig", "SIG=open&sigx=open&sig"),
            ("%73ig=secret", "%73ig=REDACTED"),
            ("a=1;sig=secret;b=2&c=3", "a=1;sig=REDACTED&c=3"),
            ("sig=", "sig=REDACTED"),
            ("&&sig=secret&", "&&sig=REDACTED&"),
            (
                "X-Amz-Signature=s&X-Amz-Credential=s&X-Amz-Security-Token=s",
                "X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED",
            ),
            (
                "AWSAccessKeyId=s&Signature=s&X-Goog-Signature=s",
                "AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED",
            ),
        ] {
            assert_eq!(redaction.query(query).as_deref(), Some(expected), "{query}");
        }
        assert_eq!(redaction.query(""), None);
    }

    #[test]
    fn user_information_is_masked_and_the_rest_kept() {
        let redaction = UrlRedaction::default();
        for (url, expected) in [
            ("https://a.b/c?d#e", "https://a.b/c?d#e"),
            ("https://u:p@a.b:8080/c?d=1#e", "https://REDACTED:REDACTED@a.b:8080/c?d=1#e"),
            ("https://u@a.b", "https://REDACTED:REDACTED@a.b"),
            ("https://u:p@w@a.b/", "https://REDACTED:REDACTED@a.b/"),
            ("https://a.b/@c?d=@&sig=s#f", "https://a.b/@c?d=@&sig=REDACTED#f"),
            ("https://a.b?sig=s", "https://a.b?sig=REDACTED"),
            ("/path?sig=s", "/path?sig=REDACTED"),
            ("http://a/?", "http://a/?"),
            ("http://u@a/?", "http://REDACTED:REDACTED@a/?"),
            ("http://u@a/?#f", "http://REDACTED:REDACTED@a/?#f"),
        ] {
            assert_eq!(redaction.url(url), expected, "{url}");
        }
    }

    #[test]
    fn urls_of_the_python_tests_are_masked_byte_for_byte() {
        let redaction = UrlRedaction::default();
        for (url, expected) in [
            ("http://mock/status/200/test/path?query=value", None),
            ("https://www.example.com/path?color=blue&query=secret", None),
            ("https://www.example.com/path", None),
            ("https://www.example.com/path?", None),
            ("", None),
            ("https://www.example.com/path?api_key=secret%20key&user=john", None),
            ("https://api.example.com?key=abc&password=123&user=admin", None),
            ("https://example.com/p@th?foo=b@r", None),
            (
                "http://someuser:somepass@mock/status/200/test/path?sig=value",
                Some("http://REDACTED:REDACTED@mock/status/200/test/path?sig=REDACTED"),
            ),
            (
                "http://someuser:somepass@127.0.0.1:8080/test/path?query=value",
                Some("http://REDACTED:REDACTED@127.0.0.1:8080/test/path?query=value"),
            ),
            (
                "http://someuser:somepass@[::1]:8080/test/path?query=value",
                Some("http://REDACTED:REDACTED@[::1]:8080/test/path?query=value"),
            ),
            (
                "https://www.example.com/path?color=blue&X-Goog-Signature=secret",
                Some("https://www.example.com/path?color=blue&X-Goog-Signature=REDACTED"),
            ),
            (
                "https://www.example.com/path?color=blue&AWSAccessKeyId=secrets",
                Some("https://www.example.com/path?color=blue&AWSAccessKeyId=REDACTED"),
            ),
            (
                "https://mock.com?AWSAccessKeyId=AKIAIOSFODNN7",
                Some("https://mock.com?AWSAccessKeyId=REDACTED"),
            ),
            (
                "https://service.com?sig=39Up9jzHkxhUIhFEjEH9594DJxe7w6cIRCg0V6lCGSo%3D",
                Some("https://service.com?sig=REDACTED"),
            ),
            (
                "https://service.com?Signature=39Up9jzHkxhUIhFEjEH9594DJxe7w6cIRCg0V6lCGSo%3A377",
                Some("https://service.com?Signature=REDACTED"),
            ),
            (
                "https://user:password@api.example.com/data?AWSAccessKeyId=AKIAIOSFODNN7&color=blue",
                Some(
                    "https://REDACTED:REDACTED@api.example.com/data?AWSAccessKeyId=REDACTED&color=blue",
                ),
            ),
            (
                "https://user:password@api.example.com/data?Signature=abc123&X-Goog-Signature=xyz789&sig=def456",
                Some(
                    "https://REDACTED:REDACTED@api.example.com/data?Signature=REDACTED&X-Goog-Signature=REDACTED&sig=REDACTED",
                ),
            ),
            (
                "https://user@domain:p@ss!word@api.example.com/path?Signature=s%40me+special%20chars&normal=fine",
                Some(
                    "https://REDACTED:REDACTED@api.example.com/path?Signature=REDACTED&normal=fine",
                ),
            ),
            (
                "https://user:pass@api.example.com/data?Signature=secret#section",
                Some("https://REDACTED:REDACTED@api.example.com/data?Signature=REDACTED#section"),
            ),
            (
                "https://user:pass@api.example.com:8443/data?AWSAccessKeyId=secret",
                Some("https://REDACTED:REDACTED@api.example.com:8443/data?AWSAccessKeyId=REDACTED"),
            ),
            (
                "https://user:pass@192.168.1.1/path?X-Goog-Signature=xyz",
                Some("https://REDACTED:REDACTED@192.168.1.1/path?X-Goog-Signature=REDACTED"),
            ),
            ("https://u@e.com/", Some("https://REDACTED:REDACTED@e.com/")),
            ("https://e.com/?a=&sig=x&b=2", Some("https://e.com/?a=&sig=REDACTED&b=2")),
            ("https://e.com/?q=a%20b&sig=1", Some("https://e.com/?q=a%20b&sig=REDACTED")),
            (
                "https://e.com/?sig=1&sig=2&a=1&b=3&a=2",
                Some("https://e.com/?sig=REDACTED&sig=REDACTED&a=1&b=3&a=2"),
            ),
            (
                "https://e.com/?X-Amz-Signature=1&X-Amz-Credential=2&X-Amz-Security-Token=3",
                Some(
                    "https://e.com/?X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED",
                ),
            ),
        ] {
            assert_eq!(redaction.url(url), expected.unwrap_or(url), "{url}");
        }
        let credentials_only = UrlRedaction::default().keys([""; 0]);
        assert_eq!(
            credentials_only.url("http://someuser:somepass@mock/status/200/test/path?sig=value"),
            "http://REDACTED:REDACTED@mock/status/200/test/path?sig=value"
        );
        let more = UrlRedaction::default().add_keys(["api_key"]);
        assert_eq!(
            more.url("https://www.example.com/path?api_key=secret%20key&user=john"),
            "https://www.example.com/path?api_key=REDACTED&user=john"
        );
    }

    #[test]
    fn keys_come_in_any_list_of_strings() {
        let owned = vec!["token".to_owned()];
        let borrowed: &[&str] = &["key"];
        let redaction = UrlRedaction::default().keys(&owned).add_keys(borrowed).add_keys(["a"]);
        let redaction = redaction.add_keys(owned);
        assert_eq!(
            redaction.query("token=1&key=2&a=3&b=4").as_deref(),
            Some("token=REDACTED&key=REDACTED&a=REDACTED&b=4")
        );
    }

    proptest! {
        #[test]
        fn a_secret_never_survives_and_masking_twice_changes_nothing(
            before in "[ -~]{0,20}", after in "[ -~é]{0,20}", key in 0..SENSITIVE.len(),
        ) {
            let redaction = UrlRedaction::default();
            let key = SENSITIVE[key];
            let query = format!("{before}&{key}=hunter2hunter2&{after}");
            let masked = redaction.query(&query).unwrap().into_owned();
            prop_assert!(!masked.contains("hunter2"), "{}", masked);
            prop_assert_eq!(redaction.query(&masked).unwrap(), masked.as_str());
            let url = format!("http://u:hunter2@h/{}?{masked}", before.replace(['?', '#'], ""));
            let masked = redaction.url(&url).into_owned();
            prop_assert!(!masked.contains("hunter2"), "{}", masked);
            prop_assert_eq!(redaction.url(&masked), masked.as_str());
        }
    }
}
