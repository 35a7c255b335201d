//! What looks sensitive: the patterns, and where they match first.

use std::ops::Range;

use regex::Regex;

use super::marker;

/// Those of Logfire's Python SDK but for `auth(?!ors?\b)`, which has a look-ahead.
const BEFORE_AUTH: &str = "password|passwd|mysql_pwd|secret";
const AUTH: &str = "auth";
/// The borders of words are those of ASCII: with others a text that has any other character is read slowly.
const AFTER_AUTH: &str = "credential|private[._ -]?key|api[._ -]?key|session|cookie|\
    social[._ -]?security|credit[._ -]?card|(?:(?-u:\\b)|_)(?:csrf|xsrf|jwt|ssn)(?:(?-u:\\b)|_)|\
    logfire[._ -]?token";
/// A Logfire token. The others are names of secrets, this is one.
const TOKEN: &str = r"pylf_v\d+_";

/// The default patterns, and those of the user.
#[derive(Debug)]
pub(super) struct Patterns {
    /// Everything, with `auth` whatever follows it: most texts do not match.
    any: Regex,
    /// Everything but `auth`.
    but_auth: Regex,
    auth: Regex,
    /// What makes an `auth` an author.
    author: Regex,
    /// What is a secret itself, or what the user does not want to see.
    itself: Regex,
    /// The default ones, whose matches tell no secret.
    default: Regex,
    /// A token of Logfire's, as a whole.
    token: Regex,
    /// Those of the user, each with its text.
    extra: Vec<(Regex, String)>,
}

/// A match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Found<'_> {
    pub(super) const fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

impl Patterns {
    /// The error is about one of the user's patterns.
    pub(super) fn new(extra: &[String]) -> Result<Self, String> {
        // Each for itself first: `(` and `)` in two patterns could make a valid one together.
        for pattern in extra {
            if compile(pattern).map_err(|error| error.to_string())?.is_match("") {
                return Err(format!("the pattern '{pattern}' matches an empty text"));
            }
        }
        Self::compiled(extra).map_err(|error| error.to_string())
    }

    fn compiled(patterns: &[String]) -> Result<Self, regex::Error> {
        let extra = patterns.iter().map(|pattern| format!("(?:{pattern})"));
        let itself = [TOKEN.to_owned()].into_iter().chain(extra).collect::<Vec<_>>().join("|");
        let [before, after] = [BEFORE_AUTH, AFTER_AUTH].map(dotless);
        Ok(Self {
            any: compile(&format!("{before}|{AUTH}|{after}|{itself}"))?,
            but_auth: compile(&format!("{before}|{after}|{itself}"))?,
            auth: compile(AUTH)?,
            author: compile(r"\Aors?\b")?,
            itself: compile(&itself)?,
            default: compile(&format!(r"\A(?:{before}|{AUTH}|{after}|{TOKEN})\z"))?,
            token: compile(&format!(r"\A{TOKEN}\z"))?,
            extra: patterns
                .iter()
                .map(|pattern| Ok((compile(&format!(r"\A(?:{pattern})\z"))?, pattern.clone())))
                .collect::<Result<_, regex::Error>>()?,
        })
    }

    /// What is told about a match in a value: what matched, or the pattern of the user, if what it matches may be the
    /// secret itself, as `\d{16}` does.
    pub(super) fn cause<'a>(&'a self, matched: &'a str) -> &'a str {
        if self.default.is_match(matched) || self.is_word(matched) {
            return matched;
        }
        let pattern = self.extra.iter().find(|(regex, _)| regex.is_match(matched));
        pattern.or(self.extra.first()).map_or(matched, |(_, pattern)| pattern)
    }

    /// Whether it is what [`cause`](Self::cause) may tell, as a marker tells it.
    pub(super) fn is_cause(&self, told: &str) -> bool {
        let is_told = |(_, pattern): &(Regex, String)| marker::told(pattern) == told;
        self.default.is_match(told) || self.is_word(told) || self.extra.iter().any(is_told)
    }

    pub(super) fn is_token(&self, matched: &str) -> bool {
        self.token.is_match(matched)
    }

    /// Whether the user has written just this word.
    pub(super) fn is_word(&self, matched: &str) -> bool {
        let matched = matched.to_lowercase();
        self.extra.iter().any(|(_, pattern)| pattern.to_lowercase() == matched)
    }

    /// The first match of any pattern, as Python's `re.search` finds it.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<Found<'a>> {
        self.any.find(text)?;
        self.search(text).next(0)
    }

    /// The matches in a text, one after the other.
    pub(super) const fn search<'p, 't>(&'p self, text: &'t str) -> Search<'p, 't> {
        let ahead = Ahead(None);
        Search { patterns: self, text, auth: ahead, other: ahead, itself: ahead }
    }

    /// `auth(?!ors?\b)`
    fn first_auth<'a>(&self, text: &'a str, mut from: usize) -> Option<regex::Match<'a>> {
        loop {
            let auth = self.auth.find_at(text, from)?;
            if !self.author.is_match(text.get(auth.end()..).unwrap_or_default()) {
                return Some(auth);
            }
            from = auth.end();
        }
    }
}

/// A way through a text from its start to its end, on which each pattern reads the text once.
pub(super) struct Search<'p, 't> {
    patterns: &'p Patterns,
    text: &'t str,
    auth: Ahead<'t>,
    other: Ahead<'t>,
    itself: Ahead<'t>,
}

impl<'t> Search<'_, 't> {
    /// The first match of any pattern at or behind `from`, which only grows.
    pub(super) fn next(&mut self, from: usize) -> Option<Found<'t>> {
        let Self { patterns, text, .. } = *self;
        let other = self.other.at(from, || first(&patterns.but_auth, text, from));
        let auth = self.auth.at(from, || patterns.first_auth(text, from));
        match (auth, other) {
            // Of two that begin together the first pattern wins; only the user's begin with `auth` too.
            (Some(auth), Some(other)) if other.start < auth.start => Some(other),
            (auth, other) => auth.or(other),
        }
    }

    /// Whether what was found last is no name of something secret, but to be hidden itself.
    pub(super) fn is_secret_itself(&mut self, found: &Found<'_>) -> bool {
        let Self { patterns, text, .. } = *self;
        let itself = self.itself.at(found.start, || first(&patterns.itself, text, found.start));
        itself.is_some_and(|itself| itself.range() == found.range())
    }
}

/// The next match of a pattern, `Some(None)` if there is none; `None` before the first search.
#[derive(Clone, Copy, Debug)]
struct Ahead<'t>(Option<Option<Found<'t>>>);

impl<'t> Ahead<'t> {
    /// The first match at or behind `from`; it is searched only if the one before is passed.
    fn at(
        &mut self,
        from: usize,
        search: impl FnOnce() -> Option<regex::Match<'t>>,
    ) -> Option<Found<'t>> {
        match self.0 {
            Some(None) => None,
            Some(Some(found)) if found.start >= from => Some(found),
            _ => {
                let found = search().map(|it| Found { text: it.as_str(), start: it.start() });
                *self.0.insert(found)
            }
        }
    }
}

/// The first match with something in it: `\b` matches what is empty, and that hides nothing.
fn first<'a>(pattern: &Regex, text: &'a str, mut from: usize) -> Option<regex::Match<'a>> {
    loop {
        let found = pattern.find_at(text, from)?;
        if !found.is_empty() {
            return Some(found);
        }
        from = found.end() + text.get(found.end()..)?.chars().next()?.len_utf8();
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("(?is){pattern}"))
}

/// To Python an `i` without regard to case is also `ı` and `İ`; to Unicode's rules, which `regex` has, it is not.
fn dotless(pattern: &str) -> String {
    pattern.replace('i', "[iıİ]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        Patterns::new(&[]).unwrap().find(text).map(|found| found.text)
    }

    #[test]
    fn words_end_at_what_is_not_ascii() {
        for text in ["éjwt", "jwt「", "xsrf…", "a ssn"] {
            assert!(found(text).is_some(), "{text}");
        }
        for text in ["xjwty", "ssnow", "lessn"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn authors_are_not_secret() {
        for (text, expected) in [
            ("Author", None),
            ("authors", None),
            ("author's", None),
            ("AUTHORS", None),
            ("the author authorized it", Some("auth")),
            ("authr", Some("auth")),
            ("authorization", Some("auth")),
            ("Authorization", Some("Auth")),
            ("author_id", Some("auth")),
            ("coauthor", None),
            ("authors secret", Some("secret")),
            ("secret author", Some("secret")),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn every_default_pattern_matches() {
        for (text, expected) in [
            ("user_password", Some("password")),
            ("PASSWD", Some("PASSWD")),
            ("MYSQL_PWD", Some("MYSQL_PWD")),
            ("clientSecret", Some("Secret")),
            ("credentials", Some("credential")),
            ("private-key", Some("private-key")),
            ("privatekey", Some("privatekey")),
            ("x-api-key", Some("api-key")),
            ("api.key", Some("api.key")),
            ("sessionid", Some("session")),
            ("Set-Cookie", Some("Cookie")),
            ("social security", Some("social security")),
            ("creditCard", Some("creditCard")),
            ("logfire_token", Some("logfire_token")),
            ("x pylf_v1_us_abc", Some("pylf_v1_")),
            ("csrf", Some("csrf")),
            ("my_xsrf", Some("_xsrf")),
            ("ssn", Some("ssn")),
            ("has jwt value", Some("jwt")),
            ("has_jwt_value", Some("_jwt_")),
            ("xjwty", None),
            ("lesson", None),
            ("token", None),
            ("nothing to see", None),
            // What Python's `re.IGNORECASE` folds.
            ("has \u{17f}ecret value", Some("\u{17f}ecret")),
            ("has credent\u{131}al value", Some("credent\u{131}al")),
            ("coo\u{212a}\u{130}e", Some("coo\u{212a}\u{130}e")),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn patterns_of_the_user_come_after_the_default_ones() {
        let patterns = Patterns::new(&["authors?".to_owned(), r"\d{4}".to_owned()]).unwrap();
        let find = |text| patterns.find(text).map(|found| found.text);
        assert_eq!(find("Author"), Some("Author"));
        assert_eq!(find("authority"), Some("auth"));
        assert_eq!(find("year 2026"), Some("2026"));
        let itself = |text: &str| {
            let mut search = patterns.search(text);
            let found = search.next(0).unwrap();
            search.is_secret_itself(&found)
        };
        assert!(itself("year 2026"));
        assert!(itself("pylf_v1_"));
        assert!(!itself("a password 2026"));
        assert!(Patterns::new(&["a)|(b".to_owned()]).is_err());
    }

    #[test]
    fn patterns_that_match_nothing_are_refused_or_find_nothing() {
        for pattern in [r"\d*", "iban|", "(iban)?", "^", "$", r"\B", ""] {
            let error = Patterns::new(&[pattern.to_owned()]).unwrap_err();
            assert_eq!(error, format!("the pattern '{pattern}' matches an empty text"));
        }
        // Empty between other characters only.
        let patterns = Patterns::new(&[r"\b".to_owned(), r"\bx*\b".to_owned()]).unwrap();
        let find = |text, from| patterns.search(text).next(from).map(|found| found.text);
        assert_eq!(find("hi", 0), None);
        assert_eq!(find("é a secret é", 0), Some("secret"));
        assert_eq!(find("é a secret é", "é a secret".len()), None);
    }

    #[test]
    fn a_pattern_searches_again_only_behind_its_match() {
        let text = "auth auth secret auth";
        let (secret, auth) = (Regex::new("secret").unwrap(), Regex::new("auth").unwrap());
        let mut ahead = Ahead(None);
        let mut searched = Vec::new();
        let mut starts = Vec::new();
        for found in auth.find_iter(text) {
            let next = ahead.at(found.start(), || {
                searched.push(found.start());
                secret.find_at(text, found.start())
            });
            starts.push(next.map(|next| next.start));
        }
        ahead.at(text.len(), || panic!("it is known that there is none"));
        assert_eq!(starts, [Some(10), Some(10), None]);
        assert_eq!(searched, [0, 17]);
    }
}
