//! What is checked of a base URL, and what of it is shown.

use http::uri::Authority;

pub(super) fn has_host_and_good_port(authority: &Authority) -> bool {
    let host = authority.host();
    let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
    !host.is_empty() && (host_and_port == host || authority.port_u16().is_some())
}

/// A URL that is none: a password in it may hold any character, a slash or a question mark as well; or
/// it is a token, in the wrong variable.
pub(super) fn without_secrets(url: &str) -> String {
    if url.starts_with("pylf_") || url.len() >= 16 && !url.contains([':', '/', '.']) {
        return "REDACTED".to_owned();
    }
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |it| it + 3));
    let (mark, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("REDACTED@", rest),
        None => ("", rest),
    };
    match rest.find(['?', '#']) {
        Some(end) => format!("{scheme}{mark}{}…", rest.get(..=end).unwrap_or_default()),
        None => format!("{scheme}{mark}{rest}"),
    }
}

/// Everything between `://` and the last `@` before the path is a secret.
pub(super) fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((credentials, _)) => {
            let rest = rest.get(credentials.len()..).unwrap_or_default();
            let separator = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{separator}REDACTED{rest}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_is_shown_without_secrets() {
        for (text, expected) in [
            ("localhost:4318", "localhost:4318"),
            ("localhost", "localhost"),
            ("htp://collector.example/v1?key=s3cret", "htp://collector.example/v1?…"),
            ("https//ada:s3/cret@collector", "REDACTED@collector"),
            ("pylf_v1_us_s3cret", "REDACTED"),
            ("0123456789abcdef0123456789abcdef", "REDACTED"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
