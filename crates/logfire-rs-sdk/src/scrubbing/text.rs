//! Texts for people: messages and the bodies of logs. They stay readable; only values in them go.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    marker::{Markers, begins_with_marker},
    pass::Pass,
    url::urls_without_credentials,
};

/// Bytes of a text that are scrubbed; the rest is cut off. It is done on the thread that logs.
const MAX_SCRUBBED: usize = 64 * 1024;

/// What may follow the name of a secret: the rest of the name, a sign or word that assigns, and the value, which may have
/// the shape that `Debug` gives it: `Some("..")`, `["..", ".."]`, `Name { .. }`; or the value of a type with that name:
/// `Password("..")`.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r#"\A[\w.\[\]-]*\\?["']?"#;
    let assigns = r"\s{0,4}(?:[:=]>?|\b(?P<verb>is|was|are)\b(?:\s(?:now|still)\b)?(?:\s(?:re)?set to\b|\schanged to\b)?\s?[:=]?)\s{0,4}";
    let scheme = r"(?:(?:bearer|basic|digest|token)\s+)?";
    let text = r#"(?:\\"[^"]*"?|"(?:[^"\\]|\\[\s\S])*"?)"#;
    let quoted = format!("{text}|'[^']*'?|`[^`]*`?");
    // A bracket in quotes ends nothing.
    let shaped = format!(
        r#"(?-i:[A-Z][\w:]*\()+{text}[^)]*\)*|(?-i:[A-Z][\w:]* ?)?\{{(?:{text}|[^}}"])*\}}?|\[(?:{text}|[^\]"])*\]?"#
    );
    let value = format!(r#"(?P<value>{quoted}|{shaped}|[^\s,;&)}}"'`]+)"#);
    let newtype = format!(r#"\((?P<inner>{text}[^)]*)"#);
    Regex::new(&format!("(?i){name}(?:{assigns}{scheme}{value}|{newtype})")).ok()
});

/// What a sentence says about a secret, and is none: `password is required`.
const STATES: [&str; 24] = [
    "active",
    "changed",
    "closed",
    "correct",
    "disabled",
    "empty",
    "enabled",
    "expired",
    "incorrect",
    "invalid",
    "missing",
    "no",
    "not",
    "null",
    "open",
    "required",
    "reset",
    "set",
    "too",
    "unknown",
    "unset",
    "valid",
    "weak",
    "wrong",
];

/// Headers whose value is the rest of the line, or what is left of the quotes around them. Parts of it may be quoted.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let quoted = r#"[=(\[{,:\s](?:"[^"\r\n]*"|'[^'\r\n]*')"#;
    Regex::new(&format!(r#"(?i)\A(?:orization|s)?\s*[:=]\s*((?:{quoted}|[^\r\n"'])+)"#)).ok()
});

/// What is no value of a header, but of a field that is named like one.
static FIELD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\A(?:orization|s)?\s*[:=]\s*(?:["']|[\[{]"|[A-Z][\w:]*(?:\(| \{))"#).ok()
});

/// A value that follows its name after a blank only: a word that no language has.
static FOLLOWING: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\A[\w-]*\s+([^\s,;]{6,})").ok());

/// The rest of the name, as `ASSIGNED` and `FOLLOWING` see it.
static ASSIGNED_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[\w.\[\]-]*").ok());
static FOLLOWING_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[\w-]*").ok());

impl Pass<'_> {
    /// JSON is scrubbed as such, and credentials in URLs are masked. `None` if the text stays.
    pub(super) fn text(&mut self, text: &str) -> Option<String> {
        let masked = urls_without_credentials(text);
        self.values(masked.as_deref().unwrap_or(text)).or(masked)
    }

    fn values(&mut self, text: &str) -> Option<String> {
        self.find(text)?;
        if let Some(scrubbed) = self.json_text(text) {
            return scrubbed;
        }
        let whole = text;
        let text = start_of(whole);
        let mut search = self.search(text);
        let mut markers = Markers::new(text, self.patterns());
        let mut values = Values::default();
        let mut new = String::new();
        let mut done = 0;
        let mut from = 0;
        // The end of what was scrubbed, now or earlier.
        let mut behind = 0;
        while let Some(found) = search.next(from) {
            if let Some(end) = markers.end_of(found.start) {
                (from, behind) = (end, end);
                continue;
            }
            from = found.range().end;
            let word =
                search.is_secret_itself(&found).then(|| word_around(text, behind, found.range()));
            let value = match word {
                // What follows a token does not make a name of it.
                Some(word) if self.is_token(&found) => Some(word),
                // A pattern of the user's may be that of a name or that of a value: both are hidden.
                Some(word) if !self.is_word(&found) => {
                    let end = values.of(text, found.text, from).map_or(word.end, |it| it.0.end);
                    Some(word.start..word.end.max(end))
                }
                word => match values.of(text, found.text, from) {
                    // A name has a value of its own.
                    Some((value, false)) if self.is_name(text, &value) => {
                        from = value.start;
                        continue;
                    }
                    value => value.map(|it| it.0).or(word),
                },
            };
            let Some(mut value) = value else { continue };
            if let Some(end) = markers.end_of(value.start) {
                (from, behind) = (end, end);
                continue;
            }
            // A marker is not cut in two.
            value.end = markers.end_of(value.end.saturating_sub(1)).unwrap_or(value.end);
            from = value.end;
            let shown = text.get(value.clone()).unwrap_or_default();
            if let Some(replacement) = self.redact_found(&found, shown) {
                new.push_str(text.get(done..value.start).unwrap_or_default());
                new.push_str(&replacement);
                (done, behind) = (value.end, value.end);
            }
        }
        let is_cut = text.len() < whole.len();
        if done == 0 && !is_cut {
            return None;
        }
        new.push_str(text.get(done..).unwrap_or_default());
        if is_cut {
            new.push('…');
        }
        Some(new)
    }
}

impl Pass<'_> {
    /// Whether a name stands in the place of a value, as in `credentials: password: hunter2`, and nothing else: no value is
    /// taken for a name because there is one in it.
    fn is_name(&self, text: &str, value: &Range<usize>) -> bool {
        /// A name may have a blank in it, where a value ends: `api key`.
        const LONGEST: usize = 40;
        let rest = text.get(value.start..).unwrap_or_default();
        let end = rest.char_indices().nth(LONGEST).map_or(rest.len(), |(end, _)| end);
        let rest = rest.get(..end).unwrap_or_default();
        let name = rest.trim_start_matches(['{', '[', '(', '<', '"', '\'']);
        let Some(found) = self.find(name).filter(|found| found.start == 0) else { return false };
        let behind = name.get(found.text.len()..).unwrap_or_default();
        let behind = behind.trim_start_matches(['s', '"', '\'']);
        value.len() <= rest.len() && behind.starts_with([':', '='])
    }
}

/// As much of a text as is scrubbed.
fn start_of(text: &str) -> &str {
    // `str::floor_char_boundary` is younger than the oldest Rust we support.
    let end = (0..=text.len().min(MAX_SCRUBBED)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Finds the values of names from the start of a text to its end. Of several names in one word without a value, only the
/// first is read to the end of the word.
#[derive(Default)]
struct Values {
    /// To names that end up to here nothing is assigned.
    unassigned: usize,
    /// Nothing follows those.
    unfollowed: usize,
}

impl Values {
    /// Where the value is that belongs to the name that ends at `after`, and whether it is the rest of a line.
    fn of(&mut self, text: &str, name: &str, after: usize) -> Option<(Range<usize>, bool)> {
        let rest = text.get(after..)?;
        if let Some(key) = private_key(text, after) {
            return Some((key, false));
        }
        let group = |regex: &Option<Regex>| {
            let captures = regex.as_ref()?.captures(rest)?;
            let mut names = ["value", "inner"].into_iter();
            let value = names.find_map(|name| captures.name(name)).or_else(|| captures.get(1))?;
            let is_state = captures.name("verb").is_some() && is_state(value.as_str());
            (!is_state).then(|| after + value.start()..after + value.end())
        };
        let end = |name: &Option<Regex>| {
            after + name.as_ref().and_then(|name| name.find(rest)).map_or(0, |name| name.end())
        };
        let is_header = ["auth", "cookie"].iter().any(|header| header.eq_ignore_ascii_case(name));
        let is_field = FIELD.as_ref().is_some_and(|field| field.is_match(rest));
        if is_header
            && !is_field
            && let Some(value) = group(&HEADER)
        {
            return Some((value, true));
        }
        if after > self.unassigned {
            if let Some(value) = group(&ASSIGNED) {
                return Some((value, false));
            }
            self.unassigned = end(&ASSIGNED_NAME);
        }
        if after > self.unfollowed {
            let is_no_word = |value: &Range<usize>| {
                let has_digit = |it: &str| it.contains(|c: char| c.is_ascii_digit());
                text.get(value.clone()).is_some_and(has_digit)
                    || text.get(value.start..).is_some_and(begins_with_marker)
            };
            if let Some(value) = group(&FOLLOWING).filter(is_no_word) {
                return Some((value, false));
            }
            self.unfollowed = end(&FOLLOWING_NAME);
        }
        None
    }
}

fn is_state(value: &str) -> bool {
    let word = value.trim_end_matches(['.', ':', '!', '?']);
    STATES.iter().any(|state| state.eq_ignore_ascii_case(word))
}

/// What is between the lines that begin and end a private key, if what ends at `after` is the name in the first of them.
/// <https://www.rfc-editor.org/rfc/rfc7468#section-10>
fn private_key(text: &str, after: usize) -> Option<Range<usize>> {
    const LINE: &str = "-----";
    let (before, rest) = text.split_at_checked(after)?;
    let key = rest.strip_prefix(LINE)?;
    // As long as such a line may be, and no longer: a text may be full of names.
    let line = (before.len().saturating_sub(80)..).find_map(|it| before.get(it..))?;
    let begins = line.rfind(LINE).and_then(|it| line.get(it..))?;
    if !begins.starts_with("-----BEGIN ") {
        return None;
    }
    let start = after + LINE.len();
    Some(start..start + key.find(LINE).unwrap_or(key.len()))
}

/// What was found and everything around it up to a blank or quote, but not what was scrubbed before it.
fn word_around(text: &str, behind: usize, found: Range<usize>) -> Range<usize> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | '=');
    let before = text.get(behind..found.start).unwrap_or_default();
    let start = before.char_indices().rfind(|(_, c)| ends(*c));
    let start = behind + start.map_or(0, |(index, c)| index + c.len_utf8());
    let after = text.get(found.end..).unwrap_or_default();
    start..found.end + after.find(ends).unwrap_or(after.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scrubbing;

    fn scrubbed(scrubbing: Scrubbing, text: &str) -> Option<String> {
        let scrubber = scrubbing.scrubber().unwrap();
        Pass::new(scrubber.0.as_deref().unwrap()).text(text)
    }

    #[test]
    fn a_pattern_that_is_empty_in_places_ends() {
        let scrubbing = || Scrubbing::default().extra_patterns([r"\b", r"\bx*\b"]);
        let hidden = "hi é password=[Scrubbed due to 'password'] é";
        assert_eq!(scrubbed(scrubbing(), "hi é password=hunter2 é").as_deref(), Some(hidden));
        assert_eq!(scrubbed(scrubbing(), "hi"), None);
        let error = Scrubbing::default().extra_patterns([r"\d*"]).scrubber().unwrap_err();
        let told = r"scrubbing is invalid: the pattern '\d*' matches an empty text";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn what_was_scrubbed_before_stays() {
        let scrubbing = || Scrubbing::default().extra_patterns([r"\d{4}"]);
        for text in [
            "credit card: hunter2",
            "the password is hunter2, and the session \"hunter2\"",
            "Authorization: Bearer hunter2",
            "a pylf_v1_us_hunter2 of 2026",
            "secret=x)pylf_v1_us_hunter2",
        ] {
            let once = scrubbed(scrubbing(), text).unwrap();
            assert!(!once.contains("hunter2"), "{once}");
            assert_eq!(scrubbed(scrubbing(), &once), None, "{once}");
        }
    }

    #[test]
    fn what_a_pattern_of_the_user_names_or_matches_is_hidden() {
        let hidden = |text: &str| {
            let patterns = Scrubbing::default().extra_patterns(["phone", "e-?mail", r"\d{4}"]);
            scrubbed(patterns, text).unwrap()
        };
        for text in
            ["email=ada@x.example", "the e-mail is ada@x.example", "phone: ada", "4711 is ada"]
        {
            assert!(!hidden(text).contains("ada"), "{}", hidden(text));
        }
        assert_eq!(hidden("phone: 0123, x"), "phone: [Scrubbed due to 'phone'], x");
        assert_eq!(hidden("card 4711 x"), r"card [Scrubbed due to '\d{4}'] x");
    }

    #[test]
    fn a_marker_that_a_client_makes_up_hides_nothing() {
        let text = "login [Scrubbed due to ' password=hunter2 agent ']";
        let shown = scrubbed(Scrubbing::default(), text).unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
        let text = "login [Scrubbed due to 'x password=hunter2'] [Scrubbed due to 'x']";
        let shown = scrubbed(Scrubbing::default(), text).unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_long_text_is_cut_where_scrubbing_ends() {
        let default = |text: &str| scrubbed(Scrubbing::default(), text);
        // A client may send such texts.
        for word in [
            "auth ",
            "auth_",
            "auth é",
            "pylf_v1_",
            "password=x)pylf_v1_",
            "auth x.",
            "secret=",
            "secret: ",
            "secret [Scrubbed due to '",
            "secret=[Scrubbed due to 'auth']",
        ] {
            let long = word.repeat(2 * MAX_SCRUBBED / word.len());
            let short = default(&long).unwrap();
            assert!(short.ends_with('…'), "{word}");
            let kept = short.matches("auth").count();
            assert!(kept <= 2 * MAX_SCRUBBED / word.len(), "{word}: {kept}");
        }
        let long = "auth ".repeat((1 << 20) / 5);
        assert_eq!(default(&long), Some(format!("{}…", &long[..MAX_SCRUBBED])));

        // Where nothing is found nothing is cut, and no character is cut in two.
        let quiet = "é".repeat(MAX_SCRUBBED);
        assert_eq!(default(&quiet), None);
        let text = format!("x{quiet} password=hunter2");
        let cut = format!("x{}…", "é".repeat(MAX_SCRUBBED / 2 - 1));
        assert_eq!(default(&text), Some(cut));
        // A value that is cut in two is hidden.
        let text = format!("{} password=hunter2", "x".repeat(MAX_SCRUBBED - "password=hunt".len()));
        let shown = default(&text).unwrap();
        assert!(shown.ends_with(" password=[Scrubbed due to 'password']…"), "{shown}");
    }

    #[test]
    fn values_in_the_shape_of_debug_are_hidden_as_a_whole() {
        let hidden = |text: &str| scrubbed(Scrubbing::default(), text).unwrap();
        for text in [
            r#"Login { password: Some("hunter2"), user: "ada" }"#,
            r#"Login { passwords: ["hunter2", "hunter2"], user: "ada" }"#,
            r#"Login { secrets: {"a": "hunter2"}, user: "ada" }"#,
            r#"Login { secret: Secret("hunter2"), user: "ada" }"#,
            r#"Login { secret: Some(Secret("hunter2")), user: "ada" }"#,
            r#"Login { auth: Auth { token: "hunter2" }, user: "ada" }"#,
            r#"Login { password: "a\"hunter2", user: "ada" }"#,
            r#"Login(Password("hunter2"), User("ada"))"#,
            r#"Login { text: "{\"password\":\"hunter2\",\"user\":\"ada\"}" }"#,
        ] {
            let shown = hidden(text);
            assert!(!shown.contains("hunter2") && shown.contains("ada"), "{shown}");
        }
    }

    #[test]
    fn values_of_headers_may_have_quotes_in_them() {
        let hidden = |text: &str| scrubbed(Scrubbing::default(), text).unwrap();
        for (text, shown) in [
            (r#"Cookie: sid="hunter2"; b=hunter2"#, "Cookie: <Cookie>"),
            (
                r#"Authorization: Digest username="ada", response="hunter2""#,
                "Authorization: <Auth>",
            ),
            (
                "curl -H 'Authorization: Bearer hunter2' for 'x'",
                "curl -H 'Authorization: <Auth>' for 'x'",
            ),
            (r#"R { authorization: "Bearer hunter2", n: 1 }"#, "R { authorization: <auth>, n: 1 }"),
            (r#"R { auth: Some("hunter2"), n: 1 }"#, "R { auth: <auth>, n: 1 }"),
            (r#"R { cookie: ["hunter2", "x"], n: 1 }"#, "R { cookie: <cookie>, n: 1 }"),
        ] {
            let short = hidden(text).replace("[Scrubbed due to '", "<").replace("']", ">");
            assert_eq!(short, shown);
        }
    }

    #[test]
    fn what_is_said_about_a_secret_stays() {
        for text in [
            "password is required",
            "the password is too short, the session was invalid.",
            "Your API key is not valid: ask for another",
            "the session is now closed, and the password is set",
        ] {
            assert_eq!(scrubbed(Scrubbing::default(), text), None, "{text}");
        }
        for text in [
            "the password is: hunter2",
            "the password is required2",
            "password: required",
            "the password was reset to hunter2",
            "the password is now set to hunter2",
            "the password was changed to: hunter2",
            r#"password: Some("hun)ter2")"#,
            r#"password: ["a]hunter2", "hunter3"]"#,
            r#"password: Login { value: "hun}ter2" }"#,
            r#"password: Kind::Basic { value: "hunter2" }"#,
        ] {
            let shown = scrubbed(Scrubbing::default(), text).unwrap();
            assert!(shown.ends_with(" [Scrubbed due to 'password']"), "{shown}");
        }
    }

    #[test]
    fn private_keys_are_hidden_to_their_last_line() {
        let text = "bad key -----BEGIN RSA PRIVATE KEY-----\nhunter2\nhunter2==\n\
                    -----END RSA PRIVATE KEY-----, line 1";
        assert_eq!(
            scrubbed(Scrubbing::default(), text).as_deref(),
            Some(
                "bad key -----BEGIN RSA PRIVATE KEY-----[Scrubbed due to 'PRIVATE KEY']\
                 -----END RSA PRIVATE KEY-----, line 1"
            )
        );
        let text = "private key: -----BEGIN PRIVATE KEY-----\nhunter2";
        assert!(!scrubbed(Scrubbing::default(), text).unwrap().contains("hunter2"));
    }

    #[test]
    fn of_names_in_one_word_any_may_have_a_value() {
        let hidden = |text: &str| {
            let text = scrubbed(Scrubbing::default(), text);
            text.map(|text| text.replace("[Scrubbed due to '", "<").replace("']", ">"))
        };
        for (text, expected) in [
            ("auth_auth_cookie=x", Some("auth_auth_cookie=<auth>")),
            ("auth.auth.cookie hunter2", Some("auth.auth.cookie <cookie>")),
            ("auth_cookie hunters", None),
            ("auth_cookie hunters cookie: 7", Some("auth_cookie hunters cookie: <cookie>")),
            ("auth-cookie/session=x", Some("auth-cookie/session=<session>")),
            ("credentials: password: hunter2", Some("credentials: password: <password>")),
            ("secret: api key: hunter2", Some("secret: api key: <api key>")),
            ("secret = x, the secret: y", Some("secret = <secret>, the secret: <secret>")),
            ("{secret: {password: hunter2}}", Some("{secret: {password: <password>}}")),
            // A value with such a word in it is no name.
            ("password is Secret123: too weak", Some("password is <password> too weak")),
            ("password=my_secret_pw= for bob", Some("password=<password> for bob")),
            ("password=Tr0ub4dor-api key x", Some("password=<password> key x")),
            // A secret that follows a value without a blank.
            ("password=x)pylf_v1_us_abc", Some("password=<password><pylf_v1_>")),
        ] {
            assert_eq!(hidden(text).as_deref(), expected, "{text}");
        }
    }
}
