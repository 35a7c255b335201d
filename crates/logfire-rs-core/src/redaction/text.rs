//! Secrets in free text: the messages of errors and panics.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::MARK;
use crate::start_of::start_of;

/// A longer message helps nobody, and costs at every hop.
const LIMIT: usize = 8 * 1024;

/// Takes what looks like a secret out of `text`, and cuts it at 8 KiB.
///
/// A heuristic: it knows credentials in URLs, authorization and cookie headers, bearer tokens, web
/// tokens, and the values of names such as `password` or `api_key`. It rather takes too much.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = Cow::Borrowed(whole_words(text, 2 * LIMIT));
    for (rule, replacement) in RULES.iter() {
        if let Cow::Owned(changed) = rule.replace_all(&masked, replacement.as_str()) {
            masked = Cow::Owned(changed);
        }
    }
    if let Some(scheme) = &*SCHEME
        && let Cow::Owned(changed) = scheme.replace_all(&masked, credentials)
    {
        masked = Cow::Owned(changed);
    }
    let mut masked = masked.into_owned();
    if masked.len() > LIMIT {
        masked.truncate(start_of(&masked, LIMIT).len());
        masked.push('…');
    } else if text.len() > 2 * LIMIT {
        masked.push('…');
    }
    masked
}

/// At most `length` bytes of a text, without the word that is cut in two: a secret may be known by its end.
fn whole_words(text: &str, length: usize) -> &str {
    let start = start_of(text, length);
    if start.len() == text.len() {
        return start;
    }
    let ends = |it: char| it.is_whitespace() || matches!(it, ',' | ';' | '&' | '"' | '\'');
    start.rfind(ends).and_then(|it| start.get(..it)).unwrap_or(start)
}

const NAME: &str = r"[\w.-]*(?:passw|passphrase|pwd|secret|token|api[-_]?key|session|csrf|xsrf|jwt|credential|signature|awsaccesskeyid)[\w.-]*";
/// `Some(` and the like.
const OPENED: &str = r"(?-i:[A-Z][\w:]*)\(";
static RULES: LazyLock<Vec<(Regex, String)>> = LazyLock::new(|| {
    let text = r#""(?:[^"\\]|\\[\s\S])*"?"#;
    let quoted = format!(r#"\\"[^"]*"?|{text}|'[^']*'"#);
    // A list, a map, what has the shape of one, or a word; a bracket in quotes ends nothing.
    let unquoted = format!(
        r#"\[(?:{text}|[^\]"])*\]?|(?-i:[A-Z][\w:]* ?)?\{{(?:{text}|[^}}"])*\}}?|[^\s,;&"'<>()\[\]{{}}]+"#
    );
    [
        // Credentials in a URL.
        (r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#"'<>]*@"#, "${1}REDACTED:REDACTED@"),
        // Credentials without one.
        (r#"[\w.%+-]+:[^\s/?#@"'<>]+@"#, "REDACTED:REDACTED@"),
        // Whole headers.
        (
            r"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization)(\W{0,3}[:=]\s*)[^\r\n]+",
            "${1}${2}REDACTED",
        ),
        // Web tokens.
        (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", MARK),
        // What is between the lines of a private key.
        (r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END|\z)", "${1}REDACTED${2}"),
        // The values of names that say that they are secret, also in the shape that `Debug` gives them.
        (
            &format!(
                r#"(?i)({NAME}|\bsig|\bpw)(\\?["']?\s*[=:]>?\s*(?:{OPENED})*)({quoted}|{unquoted})"#
            ),
            "${1}${2}REDACTED",
        ),
        // The value of a type with such a name.
        (&format!(r#"(?i)({NAME}\()({quoted})"#), "${1}REDACTED"),
    ]
    .into_iter()
    .filter_map(|(rule, replacement)| Some((Regex::new(rule).ok()?, replacement.to_owned())))
    .collect()
});

static SCHEME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(bearer|basic|digest|negotiate)\s+([A-Za-z0-9._~+/=-]+)").ok()
});

/// `Basic dXNlcjpwdw==` goes, "basic arithmetic" stays.
fn credentials(found: &Captures<'_>) -> String {
    let group = |i| found.get(i).map_or("", |it| it.as_str());
    let (whole, scheme, value) = (group(0), group(1), group(2));
    let word = value.bytes().all(|it| it.is_ascii_lowercase()) && value.len() < 20;
    if word && !scheme.eq_ignore_ascii_case("bearer") {
        return whole.to_owned();
    }
    format!("{scheme} {MARK}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_goes_and_the_rest_stays() {
        for (text, expected) in [
            ("connection refused", "connection refused"),
            ("basic arithmetic failed", "basic arithmetic failed"),
            (
                "postgres://ada:s3cret@db:5432/x failed",
                "postgres://REDACTED:REDACTED@db:5432/x failed",
            ),
            ("GET https://a/b?q=1&sig=s3cret failed", "GET https://a/b?q=1&sig=REDACTED failed"),
            ("Host: ada:s3cret@a.b", "Host: REDACTED:REDACTED@a.b"),
            ("mail ada@a.b at 12:30", "mail ada@a.b at 12:30"),
            ("bad Bearer s3cret.token!", "bad Bearer REDACTED!"),
            ("Authorization: Basic czNjcmV0", "Authorization: REDACTED"),
            ("cookie: a=s3cret; b=s3cret\nnext", "cookie: REDACTED\nnext"),
            (
                r#"{"password": "s3cret", "user": "ada"}"#,
                r#"{"password": REDACTED, "user": "ada"}"#,
            ),
            ("api_key=s3cret&x=1", "api_key=REDACTED&x=1"),
            (r#"Login { password: "s3 cret", id: 1 }"#, "Login { password: REDACTED, id: 1 }"),
            (r#"token: Some("s3cret")"#, "token: Some(REDACTED)"),
            (r#"api_key: Some(ApiKey("s3cret")), id: 1"#, "api_key: Some(ApiKey(REDACTED)), id: 1"),
            (r#"Login(Password("s3cret"), 1)"#, "Login(Password(REDACTED), 1)"),
            (r#"{ passwords: ["s3cret", "s3cret"], id: 1 }"#, "{ passwords: REDACTED, id: 1 }"),
            (r#"password: "s3\"cret", id: 1"#, "password: REDACTED, id: 1"),
            (r#"{\"password\":\"s3cret\",\"id\":1}"#, r#"{\"password\":REDACTED,\"id\":1}"#),
            (r#"secret => "s3cret""#, "secret => REDACTED"),
            (r#"password: Password { value: "a}s3cret" }, id: 1"#, "password: REDACTED, id: 1"),
            (r#"{ passwords: ["a]s3cret", "s3cret"], id: 1 }"#, "{ passwords: REDACTED, id: 1 }"),
            ("password=\"s3\\\ncret\" x", "password=REDACTED x"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\ns3cret\n-----END RSA",
                "-----BEGIN RSA PRIVATE KEY-----REDACTED-----END RSA",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----REDACTED-----END RSA PRIVATE KEY-----",
            ),
            ("eyJhbGciOiJI.eyJzdWIiOiIx.s3cret-x", "REDACTED"),
        ] {
            assert_eq!(mask(text), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let masked = mask(&"é".repeat(LIMIT));
        assert!(masked.len() <= LIMIT + "…".len() && masked.ends_with("é…"));
        let url = "postgres://ada:s3cret@db";
        let masked = mask(&format!("{}{url}{}", "x".repeat(LIMIT - 20), "é".repeat(LIMIT)));
        assert!(masked.ends_with("xpostgres://REDACTED:…"), "{masked}");
        // What is masked is much shorter, and the end is in a secret.
        let cookie = format!("cookie: {}\n{}", "c".repeat(9000), "x ".repeat(3677));
        let masked = mask(&format!("{cookie}{url}{}", "@".repeat(LIMIT)));
        assert!(masked.ends_with(" x…") && !masked.contains("s3cr"), "{masked}");
    }
}
