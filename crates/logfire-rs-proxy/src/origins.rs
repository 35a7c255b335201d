//! Pages of other origins: which may post, and what their browsers are told.
//!
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>

use std::sync::Arc;

use http::Uri;
use logfire_rs_core::Headers;

use crate::ForwardResponse;

/// How long a browser may remember the answer to a preflight, in seconds.
const MAX_AGE: &str = "600";

/// The origins whose pages may post, in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Origins(Arc<[String]>);

/// What an answer to one request has to say about its origin.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginHeaders(Vec<(&'static str, String)>);

/// Whether a request may go on.
#[derive(Debug)]
pub(crate) enum Verdict {
    Allowed(OriginHeaders),
    Answered(ForwardResponse),
}

impl Origins {
    /// The valid ones of `origins`; `tell` hears of the others.
    pub(crate) fn new<S: AsRef<str>>(
        origins: impl IntoIterator<Item = S>,
        mut tell: impl FnMut(&str),
    ) -> Self {
        let origins = origins.into_iter().filter_map(|origin| {
            let parsed = parse(origin.as_ref());
            if parsed.is_none() {
                tell(origin.as_ref());
            }
            parsed
        });
        Self(origins.collect())
    }

    pub(crate) fn judge(&self, method: &str, headers: &dyn Headers) -> Verdict {
        let mut answer = OriginHeaders(vec![("vary", "Origin".to_owned())]);
        // Without an `Origin` it is no browser, or no request that another page has caused.
        let Some(origin) = headers.first("origin") else { return Verdict::Allowed(answer) };
        let origin = origin.as_str().unwrap_or_default().to_ascii_lowercase();
        let listed = self.0.contains(&origin);
        if listed {
            answer.0.push(("access-control-allow-origin", origin.clone()));
        }
        let is_preflight =
            method == "OPTIONS" && headers.first("access-control-request-method").is_some();
        if !listed && (is_preflight || !is_own(&origin, headers)) {
            let refused = ForwardResponse::text(403, "Origin not allowed");
            return Verdict::Answered(answer.complete(refused));
        }
        if !is_preflight {
            return Verdict::Allowed(answer);
        }
        answer.0.push(("access-control-allow-methods", "POST, OPTIONS".to_owned()));
        // The origin is trusted, so that it may send what it asks for.
        let requested = headers.first("access-control-request-headers");
        if let Some(requested) = requested.and_then(|requested| requested.as_str()) {
            answer.0.push(("access-control-allow-headers", requested.to_owned()));
        }
        answer.0.push(("access-control-max-age", MAX_AGE.to_owned()));
        let empty = ForwardResponse { status: 204, headers: Vec::new(), body: Default::default() };
        Verdict::Answered(answer.complete(empty))
    }
}

impl OriginHeaders {
    /// Adds them to `response`.
    pub(crate) fn complete(&self, mut response: ForwardResponse) -> ForwardResponse {
        response.headers.extend(self.0.iter().cloned());
        response
    }
}

/// An origin as a browser writes it: scheme and host, the port if it is not the default, nothing else.
fn parse(origin: &str) -> Option<String> {
    let origin = origin.trim().trim_end_matches('/').to_ascii_lowercase();
    let uri: Uri = origin.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_origin = !authority.host().is_empty()
        && !authority.as_str().contains(['@', '*'])
        && origin.len() == scheme.len() + "://".len() + authority.as_str().len();
    is_origin.then_some(origin)
}

/// Whether the page comes from the server that it posts to. The browser says so itself, or else names the same host.
fn is_own(origin: &str, headers: &dyn Headers) -> bool {
    if let Some(site) = headers.first("sec-fetch-site") {
        return site.bytes == b"same-origin";
    }
    let host = headers.first("host").and_then(|host| host.as_str());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    host.zip(authority).is_some_and(|(host, authority)| host.eq_ignore_ascii_case(authority))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        for (origin, expected) in [
            ("https://shop.example", Some("https://shop.example")),
            ("HTTPS://Shop.Example/", Some("https://shop.example")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("http://[::1]:5173", Some("http://[::1]:5173")),
            ("https://shop.example/path", None),
            ("https://shop.example?x", None),
            ("https://user@shop.example", None),
            ("https://*.example", None),
            ("shop.example", None),
            ("null", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(parse(origin).as_deref(), expected, "{origin}");
        }
    }
}
