//! The known methods, and how a method shows in attributes and span names.

use std::borrow::Cow;

use crate::names;

/// RFC 9110, PATCH (RFC 5789) and QUERY.
const DEFAULT: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"];

const OTHER: &str = "_OTHER";

/// The methods that are recorded by name; all others are `_OTHER`.
///
/// Matched with regard to case, as the methods of HTTP are.
#[derive(Clone, Debug)]
pub(crate) struct KnownMethods(Cow<'static, [&'static str]>);

impl Default for KnownMethods {
    fn default() -> Self {
        Self(Cow::Borrowed(&DEFAULT))
    }
}

impl KnownMethods {
    /// Replaces the default list.
    pub(crate) fn new<S: AsRef<str>>(methods: impl IntoIterator<Item = S>) -> Self {
        Self(methods.into_iter().map(|it| names::intern(it.as_ref())).collect())
    }

    pub(crate) fn classify(&self, method: &str) -> Method {
        let index = self.0.iter().position(|it| *it == method);
        let name = index.and_then(|it| self.0.get(it)).copied().unwrap_or(OTHER);
        let index = index.unwrap_or(self.0.len());
        let framing = match method {
            "HEAD" => Framing::Head,
            "CONNECT" => Framing::Connect,
            _ => Framing::Usual,
        };
        Method { name, framing, index }
    }

    /// The values of `http.request.method`; [`Method::index`] is the place of one.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied().chain([OTHER])
    }
}

/// A known method, or `_OTHER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    name: &'static str,
    framing: Framing,
    index: usize,
}

/// What the method means for the body of an answer, whether its name is known or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Usual,
    Head,
    Connect,
}

impl Method {
    pub(crate) const OTHER: Self = Self { name: OTHER, framing: Framing::Usual, index: 0 };

    /// The value of `http.request.method`.
    pub(crate) fn as_str(self) -> &'static str {
        self.name
    }

    /// The first word of the span's name.
    pub(crate) fn span_name(self) -> &'static str {
        if self.is_other() { "HTTP" } else { self.name }
    }

    pub(crate) fn index(self) -> usize {
        self.index
    }

    pub(crate) fn is_other(self) -> bool {
        self.name == OTHER
    }

    pub(crate) fn is_head(self) -> bool {
        self.framing == Framing::Head
    }

    pub(crate) fn is_connect(self) -> bool {
        self.framing == Framing::Connect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_methods_are_matched_exactly_and_replaced_as_a_whole() {
        let default = KnownMethods::default();
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
        ] {
            assert_eq!(default.classify(method).as_str(), method);
        }
        for method in ["get", "UNKNOWN", "FROB", ""] {
            assert_eq!(default.classify(method).as_str(), "_OTHER", "{method}");
        }
        let own = KnownMethods::new(["FROB"]);
        assert_eq!(own.classify("FROB").span_name(), "FROB");
        assert_eq!(own.classify("GET").span_name(), "HTTP");
        let head = own.classify("HEAD");
        assert_eq!((head.as_str(), head.is_head()), ("_OTHER", true));
        assert!(own.classify("CONNECT").is_connect());
    }
}
