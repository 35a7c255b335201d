//! What the errors of actix-web are called: a closed list.

use std::error::Error as StdError;
use std::fmt::Display;

use actix_web::error::{
    BlockingError, InternalError, JsonPayloadError, PathError, PayloadError, QueryPayloadError,
    ReadlinesError, UrlGenerationError, UrlencodedError,
};
use actix_web::{Error, ResponseError};
use logfire_rs_core::ServerSpan;

/// Records the error that a handler, an extractor or a middleware answered with.
///
/// The texts of deserializers quote what the client sent, which may be a secret; they are left out.
pub(crate) fn record(span: &ServerSpan, error: &Error) {
    if let Some(json) = error.as_error::<JsonPayloadError>() {
        return record_json(span, json);
    }
    if let Some(form) = error.as_error::<UrlencodedError>() {
        return record_form(span, form);
    }
    if let Some(json) = returned::<serde_json::Error>(error) {
        return record_deserializing(span, json);
    }
    let (error_type, text): (_, &dyn Display) = match () {
        () if is::<serde_json::Error>(error) => ("json_invalid", &"the JSON is invalid"),
        () if is_returned_for(PathError::Deserialize, error) => {
            ("handler_error", &"a value is invalid")
        }
        () if is::<JsonPayloadError>(error) => ("json_invalid", &"the JSON body is invalid"),
        () if is::<UrlencodedError>(error) => ("form_invalid", &"the form is invalid"),
        () if is::<QueryPayloadError>(error) => ("query_invalid", &"the query is invalid"),
        () if is::<PathError>(error) || is_made_into(PathError::Deserialize, error) => {
            ("path_invalid", &"the path is invalid")
        }
        () if is::<PayloadError>(error) || is::<ReadlinesError>(error) => ("payload_error", error),
        () if is::<UrlGenerationError>(error) => ("url_generation", error),
        () if is::<BlockingError>(error) => ("blocking_pool", error),
        () => ("handler_error", error),
    };
    span.record_application_error(error_type, text);
}

fn record_json(span: &ServerSpan, error: &JsonPayloadError) {
    match error {
        JsonPayloadError::Deserialize(json) => record_deserializing(span, json),
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            span.record_application_error("body_too_large", error);
        }
        JsonPayloadError::ContentType => {
            span.record_application_error("missing_content_type", error);
        }
        JsonPayloadError::Payload(_) => span.record_application_error("payload_error", error),
        _ => span.record_application_error("handler_error", error),
    }
}

/// The place alone: what stands there is the client's.
fn record_deserializing(span: &ServerSpan, json: &serde_json::Error) {
    let error_type = if json.is_data() { "json_type" } else { "json_invalid" };
    let place = format_args!("line {} column {}", json.line(), json.column()).to_string();
    span.record_application_error(error_type, &place);
}

fn record_form(span: &ServerSpan, error: &UrlencodedError) {
    match error {
        UrlencodedError::Overflow { .. } => span.record_application_error("body_too_large", error),
        UrlencodedError::ContentType => {
            span.record_application_error("missing_content_type", error);
        }
        UrlencodedError::Payload(_) => span.record_application_error("payload_error", error),
        _ => span.record_application_error("form_invalid", &"the form is invalid"),
    }
}

/// Whether `error` is an `E`, bare or with a response of the application.
fn is<E: ResponseError + 'static>(error: &Error) -> bool {
    error.as_error::<E>().is_some() || error.as_error::<InternalError<E>>().is_some()
}

/// The `E` that a handler has returned with `?`, also in a box.
fn returned<E: ResponseError + StdError + 'static>(error: &Error) -> Option<&E> {
    let boxed = || error.as_error::<Box<dyn StdError>>()?.downcast_ref();
    error.as_error().or_else(boxed)
}

/// Whether there is an `E` that was [`returned`], where its type is known by what is made of it only.
fn is_returned_for<E: ResponseError + StdError + 'static, F>(_: fn(E) -> F, error: &Error) -> bool {
    returned::<E>(error).is_some()
}

/// As [`is`], where the type of the error is known by what is made of it only.
fn is_made_into<E: ResponseError + 'static, F>(_: fn(E) -> F, error: &Error) -> bool {
    is::<E>(error)
}
