//! Access to the headers of a message, whatever the framework keeps them in.

mod common;

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

use bytes::Bytes;
use opentelemetry::propagation::Injector;

pub use self::common::CommonHeaders;
pub(crate) use self::common::{BAGGAGE, TRACEPARENT, TRACESTATE};

/// Read access to the headers of one message.
///
/// An adapter implements it for the header map of its framework. Names are given in lower case,
/// and an implementation compares them without regard to case.
///
/// ```
/// use logfire_rs_core::{HeaderValue, Headers};
///
/// struct Pairs<'a>(&'a [(&'a str, &'a str)]);
///
/// impl Headers for Pairs<'_> {
///     fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
///         self.0.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.into())
///     }
///     fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
///         let named = self.0.iter().filter(|it| it.0.eq_ignore_ascii_case(name));
///         named.for_each(|it| visit(it.1.into()));
///     }
///     fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
///         self.0.iter().for_each(|it| visit(it.0, it.1.into()));
///     }
/// }
///
/// let headers = Pairs(&[("Host", "example.com")]);
/// assert_eq!(headers.first("host").unwrap().as_str(), Some("example.com"));
/// ```
pub trait Headers {
    /// The first value of the header `name`.
    fn first(&self, name: &str) -> Option<HeaderValue<'_>>;

    /// Visits each value of the header `name`, in the order received.
    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>));

    /// Visits each header line, in the order of the framework.
    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>));

    /// The first value of the header `name`, and whether there are more.
    ///
    /// By default found with the other two; worth an implementation where one search tells both.
    fn first_of_several(&self, name: &str) -> Option<(HeaderValue<'_>, bool)> {
        let first = self.first(name)?;
        let mut lines = 0;
        self.each(name, &mut |_| lines += 1);
        Some((first, lines > 1))
    }

    /// The headers that a server asks every request for.
    ///
    /// By default each of them is looked up; worth an implementation where one walk over all lines
    /// takes less.
    fn common(&self) -> CommonHeaders<'_> {
        CommonHeaders::look_up(self)
    }
}

/// One value of a header.
///
/// ```
/// let value = logfire_rs_core::HeaderValue::from("text/html");
/// assert_eq!(value.as_str(), Some("text/html"));
/// assert!(!value.sensitive);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeaderValue<'a> {
    /// The value as received; not always UTF-8.
    pub bytes: &'a [u8],
    /// Whether the framework marks the value as secret; such a value is never recorded.
    pub sensitive: bool,
}

impl<'a> HeaderValue<'a> {
    /// The value, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }

    pub(crate) fn to_text(self) -> Cow<'a, str> {
        text(self.bytes)
    }
}

impl<'a> From<&'a str> for HeaderValue<'a> {
    fn from(value: &'a str) -> Self {
        Self { bytes: value.as_bytes(), sensitive: false }
    }
}

/// Write access to the headers of a request that is about to be sent.
///
/// An adapter implements it for the header map of its client, beside the [`Injector`] that propagators
/// of the application call. What is set takes the place of what is there.
///
/// ```
/// use std::collections::HashMap;
///
/// use logfire_rs_core::OutgoingHeaders;
///
/// let mut headers = HashMap::from([("tracestate".to_owned(), "a=b".to_owned())]);
/// headers.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
/// assert_eq!(headers.keys().collect::<Vec<_>>(), ["traceparent"]);
/// ```
pub trait OutgoingHeaders: Injector {
    /// Writes the header `traceparent`, which is ASCII, and takes out `tracestate`: what is there
    /// belongs to another trace.
    ///
    /// Headers of a thread share the memory of `value`: no copy of it needs its own.
    fn set_traceparent(&mut self, value: Bytes);
}

impl<S: BuildHasher> OutgoingHeaders for HashMap<String, String, S> {
    fn set_traceparent(&mut self, value: Bytes) {
        self.remove(TRACESTATE);
        self.set(TRACEPARENT, text(&value).into_owned());
    }
}

/// `bytes` as text: UTF-8, else the Latin-1 that header values once were.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// The only value of `name`; `None` if there is none, or more than one.
pub(crate) fn only<'a>(headers: &'a dyn Headers, name: &str) -> Option<&'a str> {
    only_value(headers, name)?.as_str()
}

/// The same, whatever the bytes are.
pub(crate) fn only_value<'a>(headers: &'a dyn Headers, name: &str) -> Option<HeaderValue<'a>> {
    let (only, several) = headers.first_of_several(name)?;
    (!several).then_some(only)
}

/// All lines of `name` as one list; `None` if there is none that is UTF-8.
pub(crate) fn joined<'a>(headers: &'a dyn Headers, name: &str) -> Option<Cow<'a, str>> {
    list(headers, name, headers.first_of_several(name)?)
}

/// The same, where the first line is known, and whether there are more.
fn list<'a>(
    headers: &'a dyn Headers,
    name: &str,
    (first, several): (HeaderValue<'a>, bool),
) -> Option<Cow<'a, str>> {
    if !several {
        return first.as_str().map(Cow::Borrowed);
    }
    let mut list = String::new();
    headers.each(name, &mut |value| {
        if let Some(value) = value.as_str() {
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(value);
        }
    });
    (!list.is_empty()).then_some(Cow::Owned(list))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Header lines for tests; a name with a leading `!` is marked as sensitive.
    #[derive(Clone, Copy)]
    pub(crate) struct Lines<'a>(pub(crate) &'a [(&'a str, &'a [u8])]);

    impl Lines<'_> {
        fn pairs(&self) -> impl Iterator<Item = (&str, HeaderValue<'_>)> {
            self.0.iter().map(|(name, bytes)| {
                let sensitive = name.starts_with('!');
                (name.trim_start_matches('!'), HeaderValue { bytes, sensitive })
            })
        }
    }

    impl Headers for Lines<'_> {
        fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
            self.pairs().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1)
        }
        fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
            self.pairs().filter(|it| it.0.eq_ignore_ascii_case(name)).for_each(|it| visit(it.1));
        }
        fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
            self.pairs().for_each(|it| visit(it.0, it.1));
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_latin_1() {
        assert_eq!(text(b"Moto Z\xb2"), "Moto Z\u{b2}");
        assert_eq!(text("Moto Z²".as_bytes()), "Moto Z²");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn several_lines_are_one_list_or_none() {
        let headers = Lines(&[("A", b"1"), ("b", b"2"), ("a", b"\xff"), ("a", b"3")]);
        assert_eq!(joined(&headers, "a").as_deref(), Some("1,3"));
        assert_eq!(joined(&headers, "c"), None);
        assert_eq!(only(&headers, "a"), None);
        assert_eq!(only(&headers, "b"), Some("2"));
    }
}
