//! Names that say that their value is a secret.

/// Whether a name says that its value is a secret.
///
/// A loop, since it is asked of each key of each value: `regex` without its fast engines takes twenty
/// times as long.
pub(super) fn is_secret(name: &str) -> bool {
    if !name.is_ascii() {
        // There are other letters that are an `s` or a `k` in lower case.
        let folded = name.to_lowercase().replace('ſ', "s");
        return names_secret(folded.as_bytes());
    }
    names_secret(name.as_bytes())
}

/// What names of secrets are.
const WHOLE_SECRETS: [&str; 5] = ["auth", "otp", "pin", "pw", "sig"];

/// What names of secrets contain, without their first letter, which is given; a `-` is one of `-`,
/// `_`, ` ` and `.`, or nothing.
fn secrets(first: u8) -> &'static [&'static str] {
    match first {
        b'a' => &["ccess-key", "pi-key", "uthorization"],
        b'c' => &["ard-number", "ookie", "redential", "redit-card", "srf", "vv"],
        b'e' => &["ncryption-key"],
        b'j' => &["wt"],
        b'p' => &["assphrase", "assw", "rivate-key", "wd"],
        b's' => &["ecret", "ession", "ignature", "igning-key"],
        b't' => &["oken"],
        b'x' => &["srf"],
        _ => &[],
    }
}

fn names_secret(name: &[u8]) -> bool {
    if WHOLE_SECRETS.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes())) {
        return true;
    }
    let mut before = None;
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let ends_word = |it: Option<&u8>| it.is_none_or(|it| !it.is_ascii_alphanumeric());
        let number = rest.get(..3).is_some_and(|it| it.eq_ignore_ascii_case(b"ssn"));
        if number && ends_word(before) && ends_word(rest.get(3)) {
            return true;
        }
        if secrets(first.to_ascii_lowercase()).iter().any(|it| begins_with(after, it)) {
            return true;
        }
        before = Some(first);
        rest = after;
    }
    false
}

fn begins_with(mut text: &[u8], word: &str) -> bool {
    for wanted in word.bytes() {
        match text.split_first() {
            Some((b'-' | b'_' | b' ' | b'.', after)) if wanted == b'-' => text = after,
            _ if wanted == b'-' => {}
            Some((byte, after)) if byte.eq_ignore_ascii_case(&wanted) => text = after,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn names_of_secrets_are_known_in_each_spelling() {
        for name in [
            "apiKey",
            "API-KEY",
            "x.access_key.id",
            "user_ssn",
            "SSN",
            "Auth",
            "creditCard",
            "card number",
            "paſſword",
            "to\u{212a}en",
            "mySessionId",
            "ééé token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["author", "page", "pins", "key", "api", "assn", "ssnail", "", "é", "card", "passe"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }
}
