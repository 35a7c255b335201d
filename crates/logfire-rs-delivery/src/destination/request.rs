//! What a delivery asks of its destination: the URL and the headers of a request, and a name.

use std::time::Duration;

use http::{HeaderMap, Uri};

use super::{Compression, Destination};

impl Destination {
    pub(crate) fn url(&self, path: &str) -> String {
        let (base, query) = self.base_url.split_once('?').unwrap_or((&self.base_url, ""));
        // An export without a path goes to the base URL exactly as it was given.
        let base = if path.is_empty() { base } else { base.trim_end_matches('/') };
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{base}{path}{separator}{query}")
    }

    /// `scheme://host:port`, the part of the base URL that gRPC knows.
    #[cfg(feature = "grpc")]
    pub(crate) fn origin(&self) -> String {
        let (scheme, rest) = self.base_url.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host_and_port = authority.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host_and_port}")
    }

    #[cfg(feature = "grpc")]
    pub(crate) const fn speaks_grpc(&self) -> bool {
        self.grpc
    }

    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn compresses(&self) -> bool {
        self.compression == Compression::Gzip
    }

    /// What the destination has said: at most 200 characters, in one line, without what was sent in headers.
    pub(crate) fn quoted(&self, text: &str) -> String {
        let texts = self.headers.values().filter_map(|value| value.to_str().ok());
        // A scheme such as `Bearer` may be left out.
        let secrets = texts.flat_map(|value| std::iter::once(value).chain(value.split(' ')));
        let mut secrets: Vec<_> = secrets.filter(|secret| secret.len() > 3).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let text = secrets
            .into_iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "[REDACTED]"));
        text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// A name for a directory: the host, and a number that differs with URL and headers. It is too short to tell
    /// what a header holds.
    pub(crate) fn file_name(&self) -> String {
        let mut parts = vec![self.base_url.as_bytes()];
        for (name, value) in &self.headers {
            parts.extend([name.as_str().as_bytes(), value.as_bytes()]);
        }
        // FNV-1a, which is the same in every version of this program, folded.
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let bytes = parts.into_iter().flat_map(|part| part.iter().chain(&[0]));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325, step);
        let uri = self.base_url.parse::<Uri>().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let host =
            host.replace(|it: char| !it.is_ascii_alphanumeric() && it != '.' && it != '-', "_");
        format!("{host}-{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn the_path_of_an_export_comes_after_the_path_of_the_base_url() {
        for (base_url, path, url) in [
            ("http://a", "/v1/traces", "http://a/v1/traces"),
            ("http://a/b/", "/v1/traces", "http://a/b/v1/traces"),
            ("http://a/b/", "", "http://a/b/"),
            ("http://a/b?c=d", "/v1/traces", "http://a/b/v1/traces?c=d"),
        ] {
            assert_eq!(Destination::new(base_url).unwrap().url(path), url);
        }
    }

    #[test]
    fn file_names_differ_with_the_token_and_are_stable() {
        let name = |token: &str| Destination::logfire(token).unwrap().file_name();
        assert_eq!(name("pylf_v1_eu_one"), "logfire-eu.pydantic.dev-ee8de303");
        assert_ne!(name("pylf_v1_eu_two"), name("pylf_v1_eu_one"));
        assert!(Destination::new("http://[::1]:1").unwrap().file_name().starts_with("___1_-"));
    }
}
