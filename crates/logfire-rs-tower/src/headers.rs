//! The header map of `http` 1.x, for core.

use http::HeaderMap;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName,
    LOCATION, ORIGIN, REFERER, USER_AGENT,
};
use logfire_rs_core::{CommonHeaders, HeaderValue, Headers};

/// The headers of a message of the `http` crate.
///
/// ```
/// use logfire_rs_core::Headers;
/// use logfire_rs_tower::HttpHeaders;
///
/// let request = http::Request::builder().header("X-Tag", "a").body(()).unwrap();
/// let headers = HttpHeaders(request.headers());
/// assert_eq!(headers.first("x-tag").unwrap().as_str(), Some("a"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HttpHeaders<'a>(pub &'a HeaderMap);

impl Headers for HttpHeaders<'_> {
    fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
        match known(name) {
            Some(name) => self.0.get(name),
            None => self.0.get(name),
        }
        .map(value)
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
        match known(name) {
            Some(name) => self.0.get_all(name),
            None => self.0.get_all(name),
        }
        .iter()
        .map(value)
        .for_each(visit);
    }

    fn first_of_several(&self, name: &str) -> Option<(HeaderValue<'_>, bool)> {
        let first = self.first(name)?;
        // Most requests have no header twice.
        let several = self.0.len() > self.0.keys_len() && self.0.get_all(name).iter().count() > 1;
        Some((first, several))
    }

    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
        self.0.iter().for_each(|(name, it)| visit(name.as_str(), value(it)));
    }

    fn common(&self) -> CommonHeaders<'_> {
        // A search costs as much as to walk past three headers.
        if self.0.len() > 12 { CommonHeaders::look_up(self) } else { walk(self.0) }
    }
}

fn walk(headers: &HeaderMap) -> CommonHeaders<'_> {
    let mut common = CommonHeaders::default();
    headers.iter().for_each(|(name, it)| common.add(name.as_str(), value(it)));
    common
}

/// The names that core asks for, or writes, with every request, and those that are captured often: looked
/// up without parsing them each time.
pub(crate) fn known(name: &str) -> Option<&'static HeaderName> {
    static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
    static BAGGAGE: HeaderName = HeaderName::from_static("baggage");
    Some(match name {
        "host" => &HOST,
        "traceparent" => &TRACEPARENT,
        "tracestate" => &TRACESTATE,
        "baggage" => &BAGGAGE,
        "user-agent" => &USER_AGENT,
        "content-length" => &CONTENT_LENGTH,
        "content-type" => &CONTENT_TYPE,
        "accept" => &ACCEPT,
        "accept-language" => &ACCEPT_LANGUAGE,
        "cache-control" => &CACHE_CONTROL,
        "location" => &LOCATION,
        "origin" => &ORIGIN,
        "referer" => &REFERER,
        _ => return None,
    })
}

fn value(value: &http::HeaderValue) -> HeaderValue<'_> {
    HeaderValue { bytes: value.as_bytes(), sensitive: value.is_sensitive() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_over_the_headers_finds_what_a_search_does() {
        let common = ["host", "user-agent", "traceparent", "tracestate", "baggage"];
        let values = [b"".as_slice(), b"a", b"\xff\xfe", b" b", "\u{e9}".as_bytes()];
        for others in [0, 1, 2, 7, 8, 11, 12, 13, 100] {
            for lines in 0..=3 {
                for first in 0..values.len() {
                    let mut map = HeaderMap::new();
                    for other in 0..others {
                        let name = HeaderName::try_from(format!("x-{other}")).unwrap();
                        map.append(name, http::HeaderValue::from_static("other"));
                    }
                    for (at, name) in common.iter().enumerate() {
                        for line in 0..lines.min(at + 1) {
                            let value = values[(first + at + line) % values.len()];
                            let mut value = http::HeaderValue::from_bytes(value).unwrap();
                            value.set_sensitive((first + line) % 2 == 0);
                            map.append(*name, value);
                        }
                    }
                    let searched = format!("{:?}", CommonHeaders::look_up(&HttpHeaders(&map)));
                    assert_eq!(format!("{:?}", walk(&map)), searched, "{map:?}");
                    assert_eq!(format!("{:?}", HttpHeaders(&map).common()), searched, "{map:?}");
                }
            }
        }
    }
}
