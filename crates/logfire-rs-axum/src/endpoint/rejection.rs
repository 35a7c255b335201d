//! The rejections of axum's extractors, in the words of core.

use std::any::Any;
use std::error::Error;

use axum::extract::path::ErrorKind as PathError;
use axum::extract::rejection::{
    BytesRejection, ExtensionRejection, FormRejection, JsonRejection, PathRejection,
    QueryRejection, RawFormRejection, RawPathParamsRejection, StringRejection,
};
use axum::http::StatusCode;
use logfire_rs_core::endpoint::{ArgumentError, ErrorKind};
use serde_path_to_error::{Path, Segment};

/// What is recorded of `rejection`.
pub(super) fn describe(rejection: &dyn Any, type_name: &'static str) -> ArgumentError {
    let known = (rejection.downcast_ref().map(json))
        .or_else(|| rejection.downcast_ref().map(query))
        .or_else(|| rejection.downcast_ref().map(path))
        .or_else(|| rejection.downcast_ref().map(form))
        .or_else(|| rejection.downcast_ref().map(bytes))
        .or_else(|| rejection.downcast_ref().map(string))
        .or_else(|| rejection.downcast_ref().map(raw_form))
        .or_else(|| rejection.downcast_ref().map(raw_path))
        .or_else(|| rejection.downcast_ref().map(extension));
    known.unwrap_or_else(|| by_name(type_name))
}

fn json(rejection: &JsonRejection) -> ArgumentError {
    match rejection {
        JsonRejection::JsonDataError(it) => parsing(ErrorKind::JsonType, it),
        JsonRejection::JsonSyntaxError(it) => parsing(ErrorKind::JsonInvalid, it),
        JsonRejection::MissingJsonContentType(it) => content_type(it.body_text()),
        JsonRejection::BytesRejection(it) => bytes(it),
        _ => ArgumentError::new(ErrorKind::Other, "the body was rejected").part("body"),
    }
}

fn query(rejection: &QueryRejection) -> ArgumentError {
    parsing(ErrorKind::QueryInvalid, rejection)
}

fn form(rejection: &FormRejection) -> ArgumentError {
    match rejection {
        FormRejection::InvalidFormContentType(it) => content_type(it.body_text()),
        FormRejection::FailedToDeserializeForm(it) => {
            parsing_in(ErrorKind::FormInvalid, Some("query"), it)
        }
        FormRejection::FailedToDeserializeFormBody(it) => parsing(ErrorKind::FormInvalid, it),
        FormRejection::BytesRejection(it) => bytes(it),
        _ => ArgumentError::new(ErrorKind::FormInvalid, "the form was rejected"),
    }
}

fn raw_form(rejection: &RawFormRejection) -> ArgumentError {
    match rejection {
        RawFormRejection::InvalidFormContentType(it) => content_type(it.body_text()),
        RawFormRejection::BytesRejection(it) => bytes(it),
        _ => ArgumentError::new(ErrorKind::FormInvalid, "the form was rejected"),
    }
}

fn bytes(rejection: &BytesRejection) -> ArgumentError {
    body(rejection.status())
}

fn string(rejection: &StringRejection) -> ArgumentError {
    body(rejection.status())
}

fn body(status: StatusCode) -> ArgumentError {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        ArgumentError::new(ErrorKind::BodyTooLarge, "length limit exceeded")
    } else {
        ArgumentError::new(ErrorKind::Other, "the body could not be read").part("body")
    }
}

fn content_type(expected: String) -> ArgumentError {
    ArgumentError::new(ErrorKind::MissingContentType, expected).key("content-type")
}

fn extension(rejection: &ExtensionRejection) -> ArgumentError {
    let ExtensionRejection::MissingExtension(_) = rejection else {
        return ArgumentError::new(ErrorKind::MissingExtension, "an extension was rejected");
    };
    ArgumentError::new(ErrorKind::MissingExtension, "missing request extension").argument()
}

fn raw_path(rejection: &RawPathParamsRejection) -> ArgumentError {
    let text = match rejection {
        RawPathParamsRejection::InvalidUtf8InPathParam(_) => "a parameter is not UTF-8",
        _ => "there are no parameters",
    };
    ArgumentError::new(ErrorKind::PathInvalid, text)
}

fn path(rejection: &PathRejection) -> ArgumentError {
    const KIND: ErrorKind = ErrorKind::PathInvalid;
    let PathRejection::FailedToDeserializePathParams(failure) = rejection else {
        return ArgumentError::new(KIND, "there are no parameters");
    };
    let expected = |it: &str| ArgumentError::new(KIND, format!("expected `{it}`"));
    match failure.kind() {
        PathError::ParseErrorAtKey { key, value, expected_type } => {
            expected(expected_type).key(key).input(value)
        }
        PathError::ParseErrorAtIndex { index, value, expected_type } => {
            expected(expected_type).index(*index).input(value)
        }
        PathError::ParseError { value, expected_type } => {
            expected(expected_type).argument().input(value)
        }
        PathError::DeserializeError { key, value, message } => {
            ArgumentError::parsing(KIND, message).key(key).input(value)
        }
        PathError::InvalidUtf8InPathParam { key } => {
            ArgumentError::new(KIND, "a parameter is not UTF-8").key(key)
        }
        PathError::WrongNumberOfParameters { got, expected } => {
            ArgumentError::new(KIND, format!("expected {expected} parameters, got {got}"))
        }
        PathError::Message(text) => ArgumentError::parsing(KIND, text),
        _ => ArgumentError::new(KIND, "the type cannot be taken from a path"),
    }
}

/// The error of a parser, with the place of the value, which axum's own parsers note.
fn parsing(kind: ErrorKind, rejection: &(dyn Error + 'static)) -> ArgumentError {
    parsing_in(kind, None, rejection)
}

fn parsing_in(
    kind: ErrorKind,
    part: Option<&'static str>,
    rejection: &(dyn Error + 'static),
) -> ArgumentError {
    type Json = serde_path_to_error::Error<serde_json::Error>;
    type Pairs = serde_path_to_error::Error<serde::de::value::Error>;

    let mut next = Some(rejection);
    let mut found = None;
    while let Some(error) = next {
        let traced = error
            .downcast_ref::<Json>()
            .map(|it| (it.inner().to_string(), Some(it.path())))
            .or_else(|| {
                error.downcast_ref::<Pairs>().map(|it| (it.inner().to_string(), Some(it.path())))
            })
            .or_else(|| error.downcast_ref::<serde_json::Error>().map(|it| (it.to_string(), None)));
        found = found.or(traced);
        next = error.source();
    }
    let (text, place) = found.unwrap_or_default();
    let mut error = ArgumentError::parsing(kind, &text);
    if let Some(part) = part {
        error = error.part(part);
    }
    place.map_or(error.clone(), |it| located(error, it))
}

fn located(error: ArgumentError, path: &Path) -> ArgumentError {
    path.iter().fold(error, |error, segment| match segment {
        Segment::Seq { index } => error.index(*index),
        Segment::Map { key } => error.key(key),
        Segment::Enum { variant } => error.key(variant),
        Segment::Unknown => error,
    })
}

/// Rejections of extractors that this crate does not depend on, by the names of their types.
fn by_name(type_name: &'static str) -> ArgumentError {
    let krate = type_name.split("::").next().unwrap_or_default();
    let name = type_name.split('<').next().unwrap_or_default().rsplit("::").next();
    let name = name.unwrap_or_default();
    let known = [
        ("TypedHeader", ErrorKind::HeaderInvalid),
        ("Multipart", ErrorKind::MultipartInvalid),
        ("Query", ErrorKind::QueryInvalid),
        ("Form", ErrorKind::FormInvalid),
        ("Path", ErrorKind::PathInvalid),
        ("JsonDeserializer", ErrorKind::JsonInvalid),
    ];
    let found = known.into_iter().find(|(it, _)| krate.starts_with("axum") && name.contains(it));
    match found {
        Some((_, kind)) => ArgumentError::new(kind, format!("rejected with `{type_name}`")),
        None => ArgumentError::unknown(type_name),
    }
}
