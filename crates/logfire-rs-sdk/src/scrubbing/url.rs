//! The values in a query, and the credentials before a host.

use std::{borrow::Cow, sync::LazyLock};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::{Captures, Regex};

use super::pass::Pass;

/// What the instrumentation writes in the place of a value of a URL too.
pub(super) const REDACTED: &str = "REDACTED";

/// The characters that need no encoding anywhere. <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Pass<'_> {
    /// A URL, or its part from the path on. `None` if it stays.
    pub(super) fn location(&mut self, text: &str) -> Option<String> {
        let (location, fragment) = split(text, '#');
        let (location, query) = split(location, '?');
        let (authority, path) = match location.find("://") {
            Some(scheme) => {
                let host = scheme + "://".len();
                let rest = location.get(host..).unwrap_or_default();
                location.split_at(host + rest.find('/').unwrap_or(rest.len()))
            }
            None => ("", location),
        };
        let new_authority = without_credentials(authority);
        let new_path = self.parameters(path);
        let new_query = query.and_then(|query| self.query(query));
        let new_fragment = fragment.and_then(|fragment| self.query(fragment));
        if new_authority.is_none()
            && new_path.is_none()
            && new_query.is_none()
            && new_fragment.is_none()
        {
            return None;
        }
        let mut new = new_authority.unwrap_or_else(|| authority.to_owned());
        new.push_str(new_path.as_deref().unwrap_or(path));
        for (mark, new_part, part) in [('?', new_query, query), ('#', new_fragment, fragment)] {
            if let Some(part) = new_part.as_deref().or(part) {
                new.push(mark);
                new.push_str(part);
            }
        }
        Some(new)
    }

    /// `a=1&b=2`; what stays keeps its bytes. `None` if all of it stays.
    pub(super) fn query(&mut self, query: &str) -> Option<String> {
        let mut changed = false;
        let pairs: Vec<Cow<'_, str>> = query
            .split_inclusive(['&', ';'])
            .map(|part| {
                let pair = part.trim_end_matches(['&', ';']);
                let separator = part.get(pair.len()..).unwrap_or_default();
                match self.pair(pair) {
                    Some(new) => {
                        changed = true;
                        Cow::Owned(new + separator)
                    }
                    None => Cow::Borrowed(part),
                }
            })
            .collect();
        changed.then(|| pairs.concat())
    }

    /// `/a;jsessionid=1/b`. <https://www.rfc-editor.org/rfc/rfc3986#section-3.3>
    fn parameters(&mut self, path: &str) -> Option<String> {
        if !path.contains(';') {
            return None;
        }
        let mut changed = false;
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| {
                let (name, parameters) = split(segment, ';');
                match parameters.and_then(|parameters| self.query(parameters)) {
                    Some(new) => {
                        changed = true;
                        format!("{name};{new}")
                    }
                    None => segment.to_owned(),
                }
            })
            .collect();
        changed.then(|| segments.join("/"))
    }

    /// A pair is an attribute; what is only a key is a value.
    fn pair(&mut self, pair: &str) -> Option<String> {
        let (key, value) = split(pair, '=');
        let Some(value) = value else {
            let key = decoded(key);
            return self.masked(REDACTED, |pass| pass.string(&key)).as_deref().map(encoded);
        };
        if value.is_empty() || value == REDACTED {
            return None;
        }
        let (name, text) = (decoded(key), decoded(value));
        let new = self.masked(REDACTED, |pass| {
            pass.at_key(&name, |pass| match pass.find(&name) {
                Some(found) => pass.redact(found.text, &text),
                None => pass.string(&text),
            })
        })?;
        Some(format!("{key}={}", encoded(&new)))
    }
}

/// The credentials of a URL in a text, up to the host.
static IN_TEXT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\w://[^\s/?\#"'`<>\\]+@"#).ok());

/// A text without the credentials in its URLs, such as a database's. `None` if there are none.
pub(super) fn urls_without_credentials(text: &str) -> Option<String> {
    // Nearly all texts have none.
    let regex = IN_TEXT.as_ref().filter(|_| text.contains("://") && text.contains('@'))?;
    let masked = regex.replace_all(text, |found: &Captures<'_>| {
        let found = found.get(0).map_or("", |found| found.as_str());
        without_credentials(found).unwrap_or_else(|| found.to_owned())
    });
    Some(masked.into_owned()).filter(|masked| masked != text)
}

/// `https://user:password@host`
fn without_credentials(authority: &str) -> Option<String> {
    let (before, host) = authority.rsplit_once('@')?;
    let (scheme, credentials) = before.split_once("://")?;
    let masked = if credentials.contains(':') { "REDACTED:REDACTED" } else { REDACTED };
    (!credentials.is_empty() && credentials != masked)
        .then(|| format!("{scheme}://{masked}@{host}"))
}

fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { text.into() };
    match percent_decode_str(&spaced).decode_utf8_lossy() {
        Cow::Owned(decoded) => Cow::Owned(decoded),
        Cow::Borrowed(_) => spaced,
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::urls_without_credentials;

    #[test]
    fn credentials_go_and_everything_else_stays() {
        for (text, masked) in [
            ("no route to postgres://u:p@ss@db/x", "no route to postgres://REDACTED:REDACTED@db/x"),
            (
                "redis://:hunter2@h:1, mongodb+srv://u:p@c",
                "redis://REDACTED:REDACTED@h:1, mongodb+srv://REDACTED:REDACTED@c",
            ),
            (r#"{"dsn":"amqp://u@h"}"#, r#"{"dsn":"amqp://REDACTED@h"}"#),
        ] {
            assert_eq!(urls_without_credentials(text).as_deref(), Some(masked));
            assert_eq!(urls_without_credentials(masked), None);
        }
        for text in [
            "mail to a@b.example, see https://x.example/?to=a@b",
            "https://x.example?to=a@b",
            "http://[::1]:80 and a@b",
            "a://\"b@c\"",
            "https://@h",
        ] {
            assert_eq!(urls_without_credentials(text), None, "{text}");
        }
    }
}
