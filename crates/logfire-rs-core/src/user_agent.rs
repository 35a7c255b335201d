//! `User-Agent` as attributes.

use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue};

use crate::attributes::{self as keys, attribute};
use crate::headers::text;
use crate::recent::{Recent, slot};

/// Adds the attributes of `agent`, which is not empty; its text is shared while a thread sees it
/// often, since few clients send different ones.
#[inline]
pub(crate) fn push(agent: &[u8], attributes: &mut Vec<KeyValue>) {
    let (text, synthetic) = known(agent);
    attributes.push(attribute(keys::USER_AGENT_ORIGINAL, StringValue::from(text)));
    if let Some(synthetic) = synthetic {
        attributes.push(attribute(keys::USER_AGENT_SYNTHETIC_TYPE, synthetic));
    }
}

/// The text of an agent, and what makes it a synthetic one.
type Known = (Arc<str>, Option<&'static str>);

#[inline]
fn known(agent: &[u8]) -> Known {
    /// A longer one is not worth keeping.
    const LIMIT: usize = 512;
    thread_local! {
        static RECENT: Recent<Known, 8> = const { Recent::new() };
    }
    let read = || (Arc::from(text(agent)), synthetic(agent));
    if agent.len() > LIMIT {
        return read();
    }
    let is_it = |it: &Known| it.0.as_bytes() == agent;
    Recent::share(&RECENT, slot(agent), is_it, read, Known::clone)
}

/// Whether `agent` is a `test` that watches the service, or a `bot` that reads it: the words of the
/// Python instrumentation.
fn synthetic(agent: &[u8]) -> Option<&'static str> {
    let has =
        |word: &str| agent.windows(word.len()).any(|it| it.eq_ignore_ascii_case(word.as_bytes()));
    if has("alwayson") {
        Some("test")
    } else if has("googlebot") || has("bingbot") {
        Some("bot")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_and_tests_are_known_by_a_word() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                Some("bot"),
            ),
            ("Mozilla/5.0 (compatible; bingbot/2.0)", Some("bot")),
            ("AlwaysOn-Monitor/1.0", Some("test")),
            ("GOOGLEBOT/2.1", Some("bot")),
            ("ALWAYSON-Monitor/1.0", Some("test")),
            ("MyApp/1.0 googlebot crawler", Some("bot")),
            ("alwayson-googlebot/1.0", Some("test")),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", None),
            ("curl/8.5.0", None),
            ("PostmanRuntime/7.36.0", None),
            ("", None),
        ] {
            assert_eq!(known(agent.as_bytes()).1, expected, "{agent}");
            assert_eq!(known(agent.as_bytes()).1, expected, "{agent}, once more");
        }
    }

    #[test]
    fn texts_are_shared_while_they_stay_the_same() {
        let (first, _) = known(b"curl/8.5.0");
        assert!(Arc::ptr_eq(&first, &known(b"curl/8.5.0").0));
        assert_eq!(&*known(b"curl/9.5.0").0, "curl/9.5.0");
        assert_eq!(&*known(b"curl/8.5.0").0, "curl/8.5.0");
        assert_eq!(&*known(b"\xff").0, "\u{ff}");
        let long = "a".repeat(600);
        assert_eq!(&*known(long.as_bytes()).0, long);
    }
}
