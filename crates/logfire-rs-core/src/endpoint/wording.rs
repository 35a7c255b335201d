//! What a parser says of a value, without the value.

/// Words of serde for what it met instead of what it wanted.
const MET: [&str; 16] = [
    "boolean",
    "integer",
    "floating point",
    "character",
    "string",
    "byte array",
    "unit value",
    "Option value",
    "newtype struct",
    "sequence",
    "map",
    "enum",
    "unit variant",
    "newtype variant",
    "tuple variant",
    "null",
];

/// Beginnings that are followed by the names of a type's own fields and variants only.
const OF_THE_TYPE: [&str; 3] =
    ["missing field `", "duplicate field `", "missing query parameter `"];

/// Texts that are the same for every value: of the standard library, `serde_json`, and decoders.
const FIXED: [&str; 37] = [
    "invalid digit found in string",
    "cannot parse integer from empty string",
    "number too large to fit in target type",
    "number too small to fit in target type",
    "number would be zero for non-zero type",
    "invalid float literal",
    "cannot parse float from empty string",
    "provided string was not `true` or `false`",
    "cannot parse char from empty string",
    "too many characters in string",
    "invalid utf-8 sequence",
    "the URI holds another number of parameters",
    "the parameter is not UTF-8",
    "EOF while parsing a list",
    "EOF while parsing an object",
    "EOF while parsing a string",
    "EOF while parsing a value",
    "expected `:`",
    "expected `,` or `]`",
    "expected `,` or `}`",
    "expected ident",
    "expected value",
    "expected `\"`",
    "invalid escape",
    "invalid number",
    "number out of range",
    "invalid unicode code point",
    "control character (\\u0000-\\u001F) found while parsing a string",
    "key must be a string",
    "invalid value: expected key to be a number in quotes",
    "float key must be finite (got NaN or +/-inf)",
    "lone leading surrogate in hex escape",
    "trailing comma",
    "trailing characters",
    "unexpected end of hex escape",
    "recursion limit exceeded",
    "length limit exceeded",
];

/// Where nothing is known that would not quote the value.
const NOT_VALID: &str = "the value is not valid";

/// `text` without what it quotes; only known forms are kept, since any other may hold the value.
pub(super) fn without_literals(text: &str) -> String {
    let (text, place) = place(text);
    let kept = known_form(text).unwrap_or_else(|| NOT_VALID.to_owned());
    format!("{kept}{place}")
}

fn known_form(text: &str) -> Option<String> {
    if FIXED.contains(&text) || field(text).is_some() {
        return Some(text.to_owned());
    }
    for problem in ["invalid type", "invalid value"] {
        let Some(rest) = text.strip_prefix(problem).and_then(|it| it.strip_prefix(": ")) else {
            continue;
        };
        let met = MET.iter().filter(|it| rest.starts_with(**it)).max_by_key(|it| it.len());
        let met = met.copied().unwrap_or("a value");
        return Some(format!("{problem}: {met}{}", expected(rest, ", expected ")));
    }
    for problem in ["unknown variant", "unknown field"] {
        if text.starts_with(problem) {
            return Some(format!(
                "{problem}{}",
                expected(text, "`, expected ").trim_start_matches('`')
            ));
        }
    }
    if text.starts_with("can not parse ") {
        // Of actix-web's paths.
        let (_, expected) = text.rsplit_once(" to a ")?;
        let plain = expected.chars().all(|it| it.is_ascii_alphanumeric());
        return plain.then(|| format!("expected `{expected}`"));
    }
    let length = text.strip_prefix("invalid length ")?;
    let digits = length.find(|it: char| !it.is_ascii_digit()).filter(|it| *it > 0)?;
    Some(format!("invalid length {}{}", length.get(..digits)?, expected(length, ", expected ")))
}

/// What a type expects; behind the last `mark`, since the value may hold one too.
fn expected<'t>(text: &'t str, mark: &str) -> &'t str {
    text.rfind(mark).and_then(|at| text.get(at..)).unwrap_or_default()
}

/// Takes ` at line 1 column 2` off the end.
fn place(text: &str) -> (&str, &str) {
    match (text.rfind(" at line "), position(text)) {
        (Some(at), Some(_)) => text.split_at(at),
        _ => (text, ""),
    }
}

/// The line and column that `text` ends with.
pub(super) fn position(text: &str) -> Option<(usize, usize)> {
    let (_, place) = text.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    Some((line.parse().ok().filter(|it| *it > 0)?, column.parse().ok()?))
}

/// The field that is missing, or there twice, and so no part of the place that parsers tell.
pub(super) fn field(text: &str) -> Option<&str> {
    let (text, _) = place(text);
    let mut beginnings = OF_THE_TYPE.iter();
    let name = beginnings.find_map(|it| text.strip_prefix(it)?.strip_suffix('`'))?;
    (!name.contains('`')).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct New {
        age: u8,
        kind: Option<Kind>,
        at: Option<(u8, u8)>,
        own: Option<Own>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Cat,
        Dog,
    }

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Own;

    impl TryFrom<String> for Own {
        type Error = String;

        fn try_from(value: String) -> Result<Self, String> {
            Err(format!("{value} is bad, really"))
        }
    }

    #[test]
    fn known_forms_are_kept_without_the_value() {
        for (json, expected) in [
            ("{}", "missing field `age` at line 1 column 2"),
            (r#"{"age":"s3cret"}"#, "invalid type: string, expected u8 at line 1 column 15"),
            (r#"{"age":-77}"#, "invalid value: integer, expected u8 at line 1 column 10"),
            (r#"{"age":7.75}"#, "invalid type: floating point, expected u8 at line 1 column 11"),
            (r#"{"age":null}"#, "invalid type: null, expected u8 at line 1 column 11"),
            (
                r#"{"age":1,"kind":"s3cret`, expected `s3cret"}"#,
                "unknown variant, expected `cat` or `dog` at line 1 column 43",
            ),
            (
                r#"{"age":"s3cret\", expected s3cret"}"#,
                "invalid type: string, expected u8 at line 1 column 34",
            ),
            (
                r#"{"s3cret":1}"#,
                "unknown field, expected one of `age`, `kind`, `at`, `own` at line 1 column 9",
            ),
            (
                r#"{"age":1,"at":[1]}"#,
                "invalid length 1, expected a tuple of size 2 at line 1 column 17",
            ),
            (r#"{"age":1,"own":"s3cret"}"#, "the value is not valid at line 1 column 24"),
            (r#"{"age":1,"age":2}"#, "duplicate field `age` at line 1 column 14"),
            ("{bad", "key must be a string at line 1 column 2"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("[] ]", "trailing characters at line 1 column 4"),
        ] {
            let text = match json {
                "[] ]" => serde_json::from_str::<[u8; 0]>(json).unwrap_err().to_string(),
                _ => serde_json::from_str::<New>(json).unwrap_err().to_string(),
            };
            assert_eq!(without_literals(&text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_goes() {
        for text in [
            "s3cret is bad",
            "can not parse s3cret",
            "missing field `a` s3cret",
            "missing field `a`s3cret`",
            "invalid length s3cret",
            "s3cret at line s3cret column 1",
            "expected value s3cret",
        ] {
            assert_eq!(without_literals(text), NOT_VALID);
        }
        assert_eq!(without_literals("invalid type: s3cret"), "invalid type: a value");
        assert_eq!(without_literals("can not parse \"s3cret to a x\" to a u32"), "expected `u32`");
        let parsed = "s3cret".parse::<u8>().unwrap_err().to_string();
        assert_eq!(without_literals(&parsed), parsed);
    }
}
