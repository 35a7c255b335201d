//! The headers that every request is asked for, found in one walk.

use std::borrow::Cow;

use super::{HeaderValue, Headers, list};

const HOST: &str = "host";
const USER_AGENT: &str = "user-agent";
pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The headers of one message that a server asks every request for.
///
/// ```
/// use logfire_rs_core::{CommonHeaders, HeaderValue, Headers};
///
/// struct Pairs<'a>(&'a [(&'a str, &'a str)]);
///
/// impl Headers for Pairs<'_> {
///     fn common(&self) -> CommonHeaders<'_> {
///         let mut common = CommonHeaders::default();
///         self.0.iter().for_each(|it| common.add(it.0, it.1.into()));
///         common
///     }
/// #   fn first(&self, _: &str) -> Option<HeaderValue<'_>> { None }
/// #   fn each(&self, _: &str, _: &mut dyn FnMut(HeaderValue<'_>)) {}
/// #   fn each_pair(&self, _: &mut dyn FnMut(&str, HeaderValue<'_>)) {}
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CommonHeaders<'a> {
    host: Found<'a>,
    user_agent: Found<'a>,
    traceparent: Found<'a>,
    tracestate: Found<'a>,
    baggage: Found<'a>,
}

/// The first line of a header, and whether there are more.
#[derive(Clone, Copy, Debug, Default)]
struct Found<'a> {
    first: Option<&'a [u8]>,
    sensitive: bool,
    several: bool,
}

impl<'a> CommonHeaders<'a> {
    /// Keeps the next line, if it is one of these; `name` is in lower case.
    #[inline]
    pub fn add(&mut self, name: &str, value: HeaderValue<'a>) {
        let found = match name.len() {
            4 if name == HOST => &mut self.host,
            7 if name == BAGGAGE => &mut self.baggage,
            10 if name == USER_AGENT => &mut self.user_agent,
            10 if name == TRACESTATE => &mut self.tracestate,
            11 if name == TRACEPARENT => &mut self.traceparent,
            _ => return,
        };
        if found.first.is_some() {
            found.several = true;
        } else {
            *found = Found::new(value, false);
        }
    }

    /// Looks each of them up.
    pub fn look_up<H: Headers + ?Sized>(headers: &'a H) -> Self {
        let find = |name| {
            let found = headers.first_of_several(name);
            found.map_or_else(Found::default, |(first, several)| Found::new(first, several))
        };
        Self {
            host: find(HOST),
            user_agent: find(USER_AGENT),
            traceparent: find(TRACEPARENT),
            tracestate: find(TRACESTATE),
            baggage: find(BAGGAGE),
        }
    }

    pub(crate) fn host(&self) -> Option<HeaderValue<'a>> {
        self.host.only()
    }

    pub(crate) fn user_agent(&self) -> Option<HeaderValue<'a>> {
        self.user_agent.first()
    }

    pub(crate) fn traceparent(&self) -> Option<&'a [u8]> {
        self.traceparent.only().map(|it| it.bytes)
    }

    /// All lines as one list, of which `headers` knows the others.
    pub(crate) fn tracestate(&self, headers: &'a dyn Headers) -> Option<Cow<'a, str>> {
        self.tracestate.list(headers, TRACESTATE)
    }

    /// The same of baggage.
    pub(crate) fn baggage(&self, headers: &'a dyn Headers) -> Option<Cow<'a, str>> {
        self.baggage.list(headers, BAGGAGE)
    }
}

impl<'a> Found<'a> {
    fn new(first: HeaderValue<'a>, several: bool) -> Self {
        Self { first: Some(first.bytes), sensitive: first.sensitive, several }
    }

    fn first(self) -> Option<HeaderValue<'a>> {
        self.first.map(|bytes| HeaderValue { bytes, sensitive: self.sensitive })
    }

    fn only(self) -> Option<HeaderValue<'a>> {
        self.first().filter(|_| !self.several)
    }

    fn list(self, headers: &'a dyn Headers, name: &str) -> Option<Cow<'a, str>> {
        list(headers, name, (self.first()?, self.several))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Lines;
    use super::*;

    #[test]
    fn a_walk_finds_what_is_looked_up() {
        let lines: [(&str, &[u8]); 9] = [
            ("host", b"a.example"),
            ("accept", b"*/*"),
            ("user-agent", b"one"),
            ("tracestate", b"a=1"),
            ("user-agent", b"two"),
            ("traceparent", b"00-1"),
            ("host", b"b.example"),
            ("tracestate", b"b=2"),
            ("tracestate", b"c=3"),
        ];
        let headers = Lines(&lines);
        let mut walked = CommonHeaders::default();
        lines.iter().for_each(|(name, bytes)| {
            walked.add(name, HeaderValue { bytes, sensitive: false });
        });
        for found in [walked, CommonHeaders::look_up(&headers)] {
            assert!(found.host().is_none());
            assert_eq!(found.user_agent().unwrap().bytes, b"one");
            assert_eq!(found.traceparent(), Some(b"00-1".as_slice()));
            assert_eq!(found.tracestate(&headers).as_deref(), Some("a=1,b=2,c=3"));
            assert_eq!(found.baggage(&headers), None);
        }
    }
}
