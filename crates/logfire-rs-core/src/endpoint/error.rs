//! Why an argument was rejected.

use serde_json::{Value, json};

use super::secret_names::is_secret;
use super::{Argument, EndpointLimits, json as text, place, wording};

/// A key that is longer says nothing, and so does a place that is deeper.
const KEY: usize = 100;
const DEPTH: usize = 32;

/// The kinds of rejections: a closed list, the same for every framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A body is not JSON.
    JsonInvalid,
    /// A body is JSON, of another type.
    JsonType,
    /// The content type is missing, or another one.
    MissingContentType,
    /// A query is not as it should be.
    QueryInvalid,
    /// A parameter of the path is not as it should be.
    PathInvalid,
    /// A form is not as it should be.
    FormInvalid,
    /// A header is missing, or not as it should be.
    HeaderInvalid,
    /// A multipart body is not as it should be.
    MultipartInvalid,
    /// A body is larger than is allowed.
    BodyTooLarge,
    /// An extension, or the like, was not put into the request.
    MissingExtension,
    /// Any other.
    Other,
}

impl ErrorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::JsonInvalid => "json_invalid",
            Self::JsonType => "json_type",
            Self::MissingContentType => "missing_content_type",
            Self::QueryInvalid => "query_invalid",
            Self::PathInvalid => "path_invalid",
            Self::FormInvalid => "form_invalid",
            Self::HeaderInvalid => "header_invalid",
            Self::MultipartInvalid => "multipart_invalid",
            Self::BodyTooLarge => "body_too_large",
            Self::MissingExtension => "missing_extension",
            Self::Other => "other",
        }
    }

    /// The part of the request that is at fault.
    fn part(self) -> Option<&'static str> {
        match self {
            Self::JsonInvalid
            | Self::JsonType
            | Self::FormInvalid
            | Self::MultipartInvalid
            | Self::BodyTooLarge => Some("body"),
            Self::QueryInvalid => Some("query"),
            Self::PathInvalid => Some("path"),
            Self::HeaderInvalid | Self::MissingContentType => Some("header"),
            Self::MissingExtension | Self::Other => None,
        }
    }
}

/// The rejection of an argument, as it is recorded: the value that was rejected is not quoted.
#[derive(Clone, Debug)]
pub struct ArgumentError {
    kind: ErrorKind,
    loc: Vec<Value>,
    /// Whether `loc` goes on with the name of the argument.
    names_argument: bool,
    msg: String,
    /// The field that `loc` ends with: it is missing, or there twice.
    field: Option<String>,
    /// The line and column of the error.
    position: Option<(usize, usize)>,
    input: Option<Value>,
}

impl ArgumentError {
    /// An error with a message of the adapter, which holds nothing of the request.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let loc = kind.part().map(Value::from).into_iter().collect();
        Self {
            kind,
            loc,
            names_argument: false,
            msg: message.into(),
            field: None,
            position: None,
            input: None,
        }
    }

    /// An error with the text of a parser, of which the quotes are taken out.
    #[must_use]
    pub fn parsing(kind: ErrorKind, text: &str) -> Self {
        Self {
            field: wording::field(text).map(shortened),
            position: wording::position(text),
            ..Self::new(kind, wording::without_literals(text))
        }
    }

    /// The rejection of a type that is not known: what it says may quote anything.
    #[must_use]
    pub fn unknown(type_name: &'static str) -> Self {
        Self::new(ErrorKind::Other, format!("rejected with `{type_name}`")).argument()
    }

    /// Sets the part of the request that is at fault, where the kind does not say it.
    #[must_use]
    pub fn part(mut self, part: &'static str) -> Self {
        self.loc = vec![part.into()];
        self
    }

    /// Goes on with the name of the argument, for want of a better one.
    #[must_use]
    pub fn argument(mut self) -> Self {
        self.names_argument = true;
        self
    }

    /// Goes on with the name of a parameter or field.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.step(shortened(key).into())
    }

    /// Goes on with the index of an element.
    #[must_use]
    pub fn index(self, index: usize) -> Self {
        self.step(index.into())
    }

    fn step(mut self, step: Value) -> Self {
        if self.loc.len() < DEPTH {
            self.loc.push(step);
        }
        self
    }

    /// What was rejected; it is not recorded if a key that leads to it, or in it, looks secret.
    #[must_use]
    pub fn input(mut self, input: &str) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Looks the place of the error, and what was rejected, up in the request.
    #[must_use]
    pub(super) fn found_in(
        self,
        query: Option<&str>,
        body: Option<&[u8]>,
        wrong_key: fn(&str) -> Option<String>,
    ) -> Self {
        match (self.kind, self.loc.first().and_then(Value::as_str)) {
            (ErrorKind::JsonInvalid | ErrorKind::JsonType, _) => self.found_in_json(body),
            (ErrorKind::QueryInvalid | ErrorKind::FormInvalid, Some("query")) => {
                self.found_in_pairs(query, wrong_key)
            }
            (ErrorKind::FormInvalid, Some("body")) => {
                self.found_in_pairs(body.and_then(|it| std::str::from_utf8(it).ok()), wrong_key)
            }
            _ => self,
        }
    }

    fn found_in_json(mut self, body: Option<&[u8]>) -> Self {
        let Some(body) = body else { return self };
        if let (1, Some((line, column))) = (self.loc.len(), self.position) {
            for step in place::path_to(body, line, column) {
                self = match &step {
                    Value::String(key) => self.key(key),
                    _ => self.step(step),
                };
            }
        }
        if self.field.is_none() && self.input.is_none() && self.kind == ErrorKind::JsonType {
            let Ok(body) = serde_json::from_slice::<Value>(body) else { return self };
            let mut steps = self.loc.iter().skip(1);
            let found = steps.try_fold(&body, |value, step| match step {
                Value::String(key) => value.get(key),
                step => value.get(usize::try_from(step.as_u64()?).ok()?),
            });
            self.input = found.cloned();
        }
        self
    }

    fn found_in_pairs(self, text: Option<&str>, wrong_key: fn(&str) -> Option<String>) -> Self {
        let Some(text) = text.filter(|_| self.field.is_none()) else { return self };
        let found = match self.loc.as_slice() {
            [_] => match wrong_key(text) {
                Some(key) => self.key(&key),
                None => return self,
            },
            _ => self,
        };
        let [_, Value::String(key)] = found.loc.as_slice() else { return found };
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        match pairs.find(|(name, _)| name == key) {
            Some((_, value)) => found.input(&value),
            None => found,
        }
    }

    /// As an element of the attribute.
    pub(super) fn to_json(&self, argument: &Argument, limits: EndpointLimits) -> Value {
        let mut loc = self.loc.clone();
        loc.extend(self.names_argument.then(|| argument.name.into()));
        loc.extend(self.field.as_deref().map(Value::from));
        let secret = |it: &Value| it.as_str().is_some_and(is_secret);
        let hidden = argument.is_skipped || is_secret(argument.name) || loc.iter().any(secret);
        let shown = self.input.as_ref().filter(|_| !hidden);
        let mut error = json!({ "type": self.kind.as_str(), "loc": loc, "msg": self.msg });
        if let (Some(input), Some(error)) =
            (shown.and_then(|it| text::without_secrets(it, limits)), error.as_object_mut())
        {
            error.insert("input".to_owned(), input);
        }
        error
    }
}

fn shortened(key: &str) -> String {
    key.chars().take(KEY).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Captured, no_key};

    const ARGUMENT: Argument =
        Argument { name: "page", capture: Captured::nothing, wrong_key: no_key, is_skipped: false };

    fn recorded(error: &ArgumentError, argument: Argument) -> Value {
        error.to_json(&argument, EndpointLimits::default())
    }

    #[test]
    fn an_error_says_where_and_what_but_no_secret() {
        let number = |key: &str| {
            ArgumentError::parsing(ErrorKind::QueryInvalid, "invalid digit found in string")
                .key(key)
                .found_in(Some("limit=a%20b&token=s3cret"), None, no_key)
        };
        assert_eq!(
            recorded(&number("limit"), ARGUMENT),
            json!({
                "type": "query_invalid", "loc": ["query", "limit"],
                "msg": "invalid digit found in string", "input": "a b",
            })
        );
        for (error, argument) in [
            (number("token"), ARGUMENT),
            (number("none"), ARGUMENT),
            (number("limit"), Argument { name: "token", ..ARGUMENT }),
            (number("limit"), Argument { is_skipped: true, ..ARGUMENT }),
        ] {
            assert_eq!(recorded(&error, argument).get("input"), None);
        }
        assert_eq!(
            recorded(&ArgumentError::unknown("app::NoUser"), Argument { name: "user", ..ARGUMENT }),
            json!({ "type": "other", "loc": ["user"], "msg": "rejected with `app::NoUser`" })
        );
    }

    #[test]
    fn the_place_and_the_value_are_looked_up_where_the_error_does_not_tell_them() {
        let json = |text: &str, body: &str| {
            let error = ArgumentError::parsing(ErrorKind::JsonType, text);
            let error = recorded(&error.found_in(None, Some(body.as_bytes()), no_key), ARGUMENT);
            (error["loc"].to_string(), error.get("input").map(Value::to_string))
        };
        let (wrong, text) = ("invalid type: integer, expected a string", Some("7".to_owned()));
        assert_eq!(
            json(&format!("{wrong} at line 1 column 7"), r#"{"a":[7]}"#),
            (r#"["body","a",0]"#.to_owned(), text)
        );
        let (loc, input) = json("missing field `b` at line 1 column 9", r#"{"a":[7]}"#);
        assert_eq!((&*loc, input), (r#"["body","b"]"#, None));
        let (loc, input) = json(
            "invalid type: map, expected u8 at line 1 column 5",
            r#"{"a":{"b":1,"c":{"password":"s3cret"}}}"#,
        );
        assert_eq!((&*loc, input), (r#"["body","a"]"#, None));
        let (loc, input) = json(&format!("{wrong} at line 9 column 9"), "no JSON");
        assert_eq!((&*loc, input), (r#"["body"]"#, None));

        let error = ArgumentError::parsing(ErrorKind::FormInvalid, "invalid digit found in string");
        let error = error.found_in(None, Some(b"a=1&b=x"), |it| it.get(4..5).map(str::to_owned));
        let error = recorded(&error, ARGUMENT);
        assert_eq!((&error["loc"], &error["input"]), (&json!(["body", "b"]), &json!("x")));
    }
}
