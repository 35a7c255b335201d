//! The errors of actix-web's extractors, in the words of core.

use std::any::Any;
use std::fmt::Display;

use actix_web::error::{
    InternalError, JsonPayloadError, ParseError, PathError, PayloadError, QueryPayloadError,
    UrlencodedError,
};
use actix_web::{Error, HttpRequest};
use logfire_rs_core::endpoint::{ArgumentError, ErrorKind};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// The error of an extractor, and the request that it is about.
pub(super) struct Rejected {
    pub(super) error: Error,
    pub(super) request: HttpRequest,
}

/// What is recorded of `rejection`.
pub(super) fn describe(rejection: &dyn Any, type_name: &'static str) -> ArgumentError {
    let known = (rejection.downcast_ref::<Rejected>())
        .map(|it| error_of(&it.error, Some(&it.request)))
        .or_else(|| rejection.downcast_ref().map(|it| error_of(it, None)))
        .unwrap_or_else(|| {
            rejection.downcast_ref().map(json).or_else(|| rejection.downcast_ref().map(form))
        });
    known.unwrap_or_else(|| ArgumentError::unknown(type_name))
}

/// The key whose value is why `text` is no `T`.
pub(super) fn wrong_key<T: DeserializeOwned>(text: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(text.as_bytes());
    let pairs = serde_urlencoded::Deserializer::new(pairs);
    let error = serde_path_to_error::deserialize::<_, T>(pairs).err()?;
    error.path().iter().find_map(|it| match it {
        Segment::Map { key } => Some(key.clone()),
        _ => None,
    })
}

fn error_of(error: &Error, request: Option<&HttpRequest>) -> Option<ArgumentError> {
    let parsing = |kind, text: &dyn Display| Some(ArgumentError::parsing(kind, &text.to_string()));
    if let Some(it) = error.as_error::<JsonPayloadError>() {
        return Some(json(it));
    }
    if let Some(it) = error.as_error::<UrlencodedError>() {
        return Some(form(it));
    }
    if let Some(QueryPayloadError::Deserialize(it)) = error.as_error::<QueryPayloadError>() {
        return parsing(ErrorKind::QueryInvalid, it);
    }
    if let Some(PathError::Deserialize(it)) = error.as_error::<PathError>() {
        return Some(path(it, request));
    }
    // What becomes of the error of a path by default.
    if let Some(it) = error.as_error::<InternalError<serde::de::value::Error>>() {
        return Some(path(it, request));
    }
    if let Some(PayloadError::Overflow) = error.as_error::<PayloadError>() {
        return Some(body_too_large());
    }
    if error.as_error::<ParseError>().is_some() {
        return Some(ArgumentError::new(ErrorKind::HeaderInvalid, "the header is not valid"));
    }
    let missing = error.as_error::<InternalError<&'static str>>()?.to_string();
    let missing = missing.contains("application data") || missing.contains("extension data");
    let text = "missing application or request data";
    missing.then(|| ArgumentError::new(ErrorKind::MissingExtension, text).argument())
}

/// The parameter is the one with the value that the error quotes, if there is one such.
fn path(error: &dyn Display, request: Option<&HttpRequest>) -> ArgumentError {
    let text = error.to_string();
    let found = ArgumentError::parsing(ErrorKind::PathInvalid, &text);
    let Some(request) = request else { return found };
    let quoted = |it: &(&str, &str)| text.starts_with(&format!("can not parse {:?} to a ", it.1));
    let mut parameters = request.match_info().iter().filter(quoted);
    match (parameters.next(), parameters.next()) {
        (Some((key, value)), None) => found.key(key).input(value),
        _ => found,
    }
}

fn json(error: &JsonPayloadError) -> ArgumentError {
    match error {
        JsonPayloadError::Deserialize(it) if it.is_data() => {
            ArgumentError::parsing(ErrorKind::JsonType, &it.to_string())
        }
        JsonPayloadError::Deserialize(it) => {
            ArgumentError::parsing(ErrorKind::JsonInvalid, &it.to_string())
        }
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            body_too_large()
        }
        JsonPayloadError::ContentType => content_type(),
        _ => body_unread(),
    }
}

fn form(error: &UrlencodedError) -> ArgumentError {
    match error {
        UrlencodedError::Parse(it) => {
            ArgumentError::parsing(ErrorKind::FormInvalid, &it.to_string())
        }
        UrlencodedError::Overflow { .. } => body_too_large(),
        UrlencodedError::ContentType => content_type(),
        UrlencodedError::Encoding => {
            ArgumentError::new(ErrorKind::FormInvalid, "the form has another encoding")
        }
        _ => body_unread(),
    }
}

fn body_too_large() -> ArgumentError {
    ArgumentError::new(ErrorKind::BodyTooLarge, "length limit exceeded")
}

fn body_unread() -> ArgumentError {
    ArgumentError::new(ErrorKind::Other, "the body could not be read").part("body")
}

fn content_type() -> ArgumentError {
    let error = ArgumentError::new(ErrorKind::MissingContentType, "unsupported content type");
    error.key("content-type")
}
