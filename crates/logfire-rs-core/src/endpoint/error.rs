//! Why an argument was rejected.

use serde_json::{Value, json};

use super::{json as text, wording};

/// A key that is longer says nothing.
const KEY: usize = 100;
const INPUT: usize = 1000;

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
    input: Option<String>,
}

impl ArgumentError {
    /// An error with a message of the adapter, which holds nothing of the request.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let loc = kind.part().map(Value::from).into_iter().collect();
        Self { kind, loc, names_argument: false, msg: message.into(), input: None }
    }

    /// An error with the text of a parser, of which the quotes are taken out.
    #[must_use]
    pub fn parsing(kind: ErrorKind, text: &str) -> Self {
        Self::new(kind, wording::without_literals(text))
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
    pub fn key(mut self, key: &str) -> Self {
        self.loc.push(key.chars().take(KEY).collect::<String>().into());
        self
    }

    /// Goes on with the index of an element.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.loc.push(index.into());
        self
    }

    /// What was rejected; it is not recorded if a key that leads to it looks secret.
    #[must_use]
    pub fn input(mut self, input: &str) -> Self {
        self.input = Some(input.chars().take(INPUT).collect());
        self
    }

    /// Looks what was rejected up in the query.
    #[must_use]
    pub fn input_from(self, query: Option<&str>) -> Self {
        let [Value::String(part), Value::String(key)] = self.loc.as_slice() else { return self };
        if part != "query" {
            return self;
        }
        let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        match pairs.find(|(name, _)| name == key) {
            Some((_, value)) => self.input(&value),
            None => self,
        }
    }

    /// As an element of the attribute.
    pub(super) fn to_json(&self, argument: &str) -> Value {
        let mut loc = self.loc.clone();
        if self.names_argument {
            loc.push(argument.into());
        }
        let secret = |it: &Value| it.as_str().is_some_and(text::is_secret);
        let hidden = text::is_secret(argument) || loc.iter().any(secret);
        let shown = self.input.as_ref().filter(|_| !hidden);
        let mut error = json!({ "type": self.kind.as_str(), "loc": loc, "msg": self.msg });
        if let (Some(input), Some(error)) = (shown, error.as_object_mut()) {
            error.insert("input".to_owned(), input.as_str().into());
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_and_what_but_no_secret() {
        let number = |key: &str| {
            ArgumentError::parsing(ErrorKind::QueryInvalid, "invalid digit found in string")
                .key(key)
                .input_from(Some("limit=a%20b&token=s3cret"))
        };
        assert_eq!(
            number("limit").to_json("page"),
            json!({
                "type": "query_invalid", "loc": ["query", "limit"],
                "msg": "invalid digit found in string", "input": "a b",
            })
        );
        for (error, argument) in [(number("token"), "page"), (number("limit"), "token")] {
            assert_eq!(error.to_json(argument).get("input"), None);
        }
        assert_eq!(number("none").to_json("page").get("input"), None);
        assert_eq!(
            ArgumentError::unknown("app::NoUser").to_json("user"),
            json!({ "type": "other", "loc": ["user"], "msg": "rejected with `app::NoUser`" })
        );
    }
}
