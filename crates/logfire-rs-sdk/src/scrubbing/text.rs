//! Texts for people: messages and the bodies of logs. They stay readable; only values in them go.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::pass::{Pass, is_marker};

/// What may follow the name of a secret: the rest of the name, a sign or word that assigns, and the value.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r#"\A[\w.\[\]-]*\\?["']?"#;
    let assigns = r"\s{0,4}(?:[:=]>?|\b(?:is|was|are)\b)\s{0,4}";
    let value =
        r#"(?:(?:bearer|basic|digest|token)\s+)?(\\?"[^"]*"?|'[^']*'?|`[^`]*`?|[^\s,;&)}"'`]+)"#;
    Regex::new(&format!("(?i){name}{assigns}{value}")).ok()
});

/// Headers whose value is the rest of the line.
static HEADER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)\A(?:orization|s)?\s*[:=]\s*([^\r\n"']+)"#).ok());

/// A value that follows its name after a blank only: a word that no language has.
static FOLLOWING: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\A[\w-]*\s+([^\s,;]{6,})").ok());

impl Pass<'_> {
    /// JSON is scrubbed as such. `None` if the text stays.
    pub(super) fn text(&mut self, text: &str) -> Option<String> {
        self.find(text)?;
        if let Some(scrubbed) = self.json_text(text) {
            return scrubbed;
        }
        let mut new = String::new();
        let mut done = 0;
        let mut from = 0;
        while let Some(found) = self.find_from(text, from) {
            let after = found.start + found.text.len();
            from = after;
            let value = value_after(text, found.text, after).or_else(|| {
                self.is_secret_itself(text, &found).then(|| word_around(text, found.range()))
            });
            let Some(value) = value.filter(|value| value.start >= done) else { continue };
            let shown = text.get(value.clone()).unwrap_or_default();
            if is_marker(shown) {
                from = from.max(value.end);
                continue;
            }
            if let Some(replacement) = self.redact(found.text, shown) {
                new.push_str(text.get(done..value.start).unwrap_or_default());
                new.push_str(&replacement);
                done = value.end;
            }
            from = from.max(value.end);
        }
        if done == 0 && new.is_empty() {
            return None;
        }
        new.push_str(text.get(done..).unwrap_or_default());
        Some(new)
    }
}

/// Where the value is that belongs to the name that ends at `after`.
fn value_after(text: &str, name: &str, after: usize) -> Option<Range<usize>> {
    let rest = text.get(after..)?;
    let group = |regex: &Option<Regex>| {
        let captures = regex.as_ref()?.captures(rest)?;
        let value = captures.iter().skip(1).flatten().next()?;
        Some(after + value.start()..after + value.end())
    };
    let is_header = ["auth", "cookie"].iter().any(|header| header.eq_ignore_ascii_case(name));
    let header = if is_header { group(&HEADER) } else { None };
    header.or_else(|| group(&ASSIGNED)).or_else(|| {
        let value = group(&FOLLOWING)?;
        text.get(value.clone())?.contains(|c: char| c.is_ascii_digit()).then_some(value)
    })
}

/// What was found and everything around it up to a blank or quote.
fn word_around(text: &str, found: Range<usize>) -> Range<usize> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | '=');
    let before = text.get(..found.start).unwrap_or_default();
    let start = before.char_indices().rfind(|(_, c)| ends(*c));
    let start = start.map_or(0, |(index, c)| index + c.len_utf8());
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
}
