//! A URL as a filter of the application sees it.

use std::borrow::Cow;

use form_urlencoded::Serializer;
use memchr::{memchr, memchr2, memrchr};

/// The URL that a `url_filter` may rewrite: an absolute URL, or on a server without a known host
/// one that starts with the path.
///
/// ```
/// use logfire_rs_core::{FilterUrl, HttpClientOptions};
///
/// fn mask(url: &FilterUrl<'_>) -> String {
///     url.with_query_pairs(url.query_pairs().map(|(key, value)| match &*key {
///         "password" => (key, "***".into()),
///         _ => (key, value),
///     }))
/// }
///
/// let url = FilterUrl::parse("https://example.com/login?user=ada&password=secret#top");
/// assert_eq!(mask(&url), "https://example.com/login?user=ada&password=***#top");
/// let options = HttpClientOptions::default().url_filter(mask);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FilterUrl<'a> {
    whole: &'a str,
    scheme: &'a str,
    user_info: Option<&'a str>,
    /// Host and port, as written.
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> FilterUrl<'a> {
    /// Takes `url` apart; never fails, what is missing is empty.
    ///
    /// ```
    /// use logfire_rs_core::FilterUrl;
    ///
    /// let url = FilterUrl::parse("https://ada:pw@[::1]:8080/a%20b?c=d#e");
    /// assert_eq!((url.scheme(), url.host(), url.port()), ("https", Some("::1"), Some(8080)));
    /// assert_eq!((url.path(), url.query()), ("/a%20b", Some("c=d")));
    ///
    /// let path = FilterUrl::parse("/a?b");
    /// assert_eq!((path.scheme(), path.host(), path.path()), ("", None, "/a"));
    /// ```
    #[must_use]
    pub fn parse(url: &'a str) -> Self {
        let (scheme, rest) = split_scheme(url).unwrap_or(("", url));
        let (before, after) = cut(rest, |it| memchr2(b'?', b'#', it));
        let (authority, path) =
            if scheme.is_empty() { ("", before) } else { cut(before, |it| memchr(b'/', it)) };
        let (query, fragment) = match after.strip_prefix('?') {
            Some(after) => {
                let (query, after) = cut(after, |it| memchr(b'#', it));
                (Some(query), after.strip_prefix('#'))
            }
            None => (None, after.strip_prefix('#')),
        };
        let (user_info, authority) = match memrchr(b'@', authority.as_bytes()) {
            Some(at) => (authority.get(..at), authority.get(at + 1..).unwrap_or_default()),
            None => (None, authority),
        };
        Self { whole: url, scheme, user_info, authority, path, query, fragment }
    }

    /// The whole URL, with credentials and fragment.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.whole
    }

    /// The scheme, without `://`; empty if there is none.
    #[must_use]
    pub fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// The host, an IPv6 address without its brackets; `None` if there is none.
    #[must_use]
    pub fn host(&self) -> Option<&'a str> {
        crate::address::split_host(self.authority).map(|it| it.0)
    }

    /// The port, if it is written out.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        crate::address::split_host(self.authority)?.1
    }

    /// The path, still percent-encoded.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The query, still percent-encoded, without `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// The keys and values of the query, decoded.
    ///
    /// ```
    /// use logfire_rs_core::FilterUrl;
    ///
    /// let url = FilterUrl::parse("/search?q=a+b&page=2");
    /// assert!(url.query_pairs().eq([("q".into(), "a b".into()), ("page".into(), "2".into())]));
    /// ```
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        form_urlencoded::parse(self.query.unwrap_or_default().as_bytes())
    }

    /// The URL with another query; without pairs, without a query.
    ///
    /// ```
    /// use logfire_rs_core::FilterUrl;
    ///
    /// let url = FilterUrl::parse("https://a.test/b?c=d#e");
    /// assert_eq!(url.with_query_pairs([("q", "1 2")]), "https://a.test/b?q=1+2#e");
    /// assert_eq!(url.with_query_pairs([("", ""); 0]), "https://a.test/b#e");
    /// ```
    pub fn with_query_pairs<K, V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> String
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let before = self.whole.split(['?', '#']).next().unwrap_or_default();
        let mut query = Serializer::new(String::new());
        query.extend_pairs(pairs);
        let query = query.finish();
        let mut url = before.to_owned();
        if !query.is_empty() {
            url.push('?');
            url.push_str(&query);
        }
        if let Some(fragment) = self.fragment {
            url.push('#');
            url.push_str(fragment);
        }
        url
    }

    pub(crate) fn authority(&self) -> &'a str {
        self.authority
    }

    pub(crate) fn user_info(&self) -> Option<&'a str> {
        self.user_info
    }

    pub(crate) fn fragment(&self) -> Option<&'a str> {
        self.fragment
    }

    /// Everything between the scheme, or the user information, and the fragment.
    pub(crate) fn target(&self) -> &'a str {
        let user_info = self.user_info.map_or(0, |it| it.len() + "@".len());
        let scheme = if self.scheme.is_empty() { 0 } else { self.scheme.len() + "://".len() };
        let fragment = self.fragment.map_or(0, |it| "#".len() + it.len());
        let end = self.whole.len().saturating_sub(fragment);
        self.whole.get(scheme + user_info..end).unwrap_or_default()
    }

    /// What stands before the user information, and between it and the query.
    pub(crate) fn around_user_info(&self) -> (&'a str, &'a str) {
        let end = self.whole.find(['?', '#']).unwrap_or(self.whole.len());
        let whole = self.whole.get(..end).unwrap_or_default();
        match self.user_info {
            Some(user_info) => {
                let start = self.scheme.len() + "://".len();
                let rest = start + user_info.len() + "@".len();
                (whole.get(..start).unwrap_or_default(), whole.get(rest..).unwrap_or_default())
            }
            None => ("", whole),
        }
    }
}

/// The scheme, and what follows on its `://`; one in a path is not that of a scheme.
pub(crate) fn split_scheme(url: &str) -> Option<(&str, &str)> {
    for usual in ["http", "https"] {
        if let Some(rest) = url.strip_prefix(usual).and_then(|it| it.strip_prefix("://")) {
            return Some((usual, rest));
        }
    }
    let of_scheme = |it: &u8| it.is_ascii_alphanumeric() || b"+-.".contains(it);
    let (scheme, rest) = cut(url, |it| it.iter().position(|it| !of_scheme(it)));
    let rest = rest.strip_prefix("://")?;
    scheme.starts_with(|it: char| it.is_ascii_alphabetic()).then_some((scheme, rest))
}

/// `text` before and from the byte that `find` finds.
fn cut(text: &str, find: impl Fn(&[u8]) -> Option<usize>) -> (&str, &str) {
    find(text.as_bytes()).and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = FilterUrl::parse("https://u:p@[::1]:8080/a/b?c=d&e=%20#f");
        assert_eq!((url.scheme(), url.host(), url.port()), ("https", Some("::1"), Some(8080)));
        assert_eq!(
            (url.path(), url.query(), url.fragment()),
            ("/a/b", Some("c=d&e=%20"), Some("f"))
        );
        assert_eq!(url.query_pairs().last(), Some(("e".into(), " ".into())));
        assert_eq!(url.with_query_pairs([("x", "y z")]), "https://u:p@[::1]:8080/a/b?x=y+z#f");

        let path = FilterUrl::parse("/a?b");
        assert_eq!(
            (path.scheme(), path.host(), path.path(), path.query()),
            ("", None, "/a", Some("b"))
        );
        assert_eq!(path.with_query_pairs::<&str, &str>([]), "/a");
        assert_eq!(url.target(), "[::1]:8080/a/b?c=d&e=%20");
        let bare = FilterUrl::parse("https://u@a@b?c#d?e");
        assert_eq!(bare.target(), "b?c");
        assert_eq!((bare.user_info(), bare.authority(), bare.path()), (Some("u@a"), "b", ""));
        assert_eq!((bare.query(), bare.fragment()), (Some("c"), Some("d?e")));
        let fragment = FilterUrl::parse("http://a/é#b/?c");
        assert_eq!(
            (fragment.path(), fragment.query(), fragment.fragment()),
            ("/é", None, Some("b/?c"))
        );
        for path in ["/to?url=http://x", "/proxy/https://x/y", "://x", "1a://x", "a:/b", "é://x"] {
            assert_eq!(FilterUrl::parse(path).scheme(), "", "{path}");
        }
    }
}
