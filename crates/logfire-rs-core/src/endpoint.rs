//! The endpoint record: what a handler was called with, why it was not, and when.
//!
//! For adapters and for the code that `#[endpoint]` expands to; applications meet
//! [`EndpointArguments`] only.

mod arguments;
mod call;
pub mod capture;
mod clock;
mod error;
mod extraction;
mod json;
mod limits;
mod place;
mod record;
mod secret_names;
mod wording;

use std::any::Any;

pub use self::arguments::EndpointArguments;
pub use self::call::EndpointCall;
pub use self::error::{ArgumentError, ErrorKind};
pub use self::extraction::Extraction;
pub use self::limits::EndpointLimits;
pub(crate) use self::record::Record;
pub use self::record::record_rejection;

/// A handler; implemented by the expansion of `#[endpoint]`, for a type of its own.
pub trait Endpoint: 'static {
    /// Whose handler it is.
    type Framework: Framework;
    /// What is known of it.
    const INFO: &'static EndpointInfo;
}

/// What is known of a handler when it is compiled.
#[derive(Debug)]
pub struct EndpointInfo {
    /// The path of the function.
    pub name: &'static str,
    /// The file that it is in.
    pub file: &'static str,
    /// The line of its name.
    pub line: u32,
    /// Its arguments, in order.
    pub arguments: &'static [Argument],
}

/// An argument of a handler.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// Takes its value, which has the type of the argument.
    pub capture: fn(&dyn Any, EndpointLimits) -> Captured,
    /// Finds the key of a pair that the argument could not be made of, where its framework does not
    /// tell; see [`Pairs`](capture::Pairs).
    pub wrong_key: fn(&str) -> Option<String>,
    /// Whether nothing of its value is shown.
    pub is_skipped: bool,
}

/// For arguments that no key can be found of.
#[must_use]
pub fn no_key(_: &str) -> Option<String> {
    None
}

/// What is kept of the value of an argument.
#[derive(Debug)]
pub enum Captured {
    /// The value, as JSON.
    Value(String),
    /// The argument holds a rejection.
    Error(ArgumentError),
    /// Nothing.
    Nothing,
}

impl Captured {
    /// Keeps nothing, whatever the value.
    #[must_use]
    pub fn nothing(_: &dyn Any, _: EndpointLimits) -> Self {
        Self::Nothing
    }
}

/// A framework, as far as the record is concerned; implemented by a type of its adapter.
pub trait Framework: 'static {
    /// The names of its attributes, made by [`endpoint_keys!`](crate::endpoint_keys).
    const KEYS: &'static EndpointKeys;

    /// What is recorded of a rejection.
    fn describe(rejection: &dyn Any, type_name: &'static str) -> ArgumentError;
}

/// The names of the attributes of a framework.
#[derive(Debug)]
pub struct EndpointKeys {
    #[doc(hidden)]
    pub arguments: &'static str,
    #[doc(hidden)]
    pub values: &'static str,
    #[doc(hidden)]
    pub errors: &'static str,
    #[doc(hidden)]
    pub values_schema: &'static str,
    #[doc(hidden)]
    pub errors_schema: &'static str,
    #[doc(hidden)]
    pub both_schema: &'static str,
    #[doc(hidden)]
    pub arguments_start: &'static str,
    #[doc(hidden)]
    pub arguments_end: &'static str,
    #[doc(hidden)]
    pub function_start: &'static str,
    #[doc(hidden)]
    pub function_end: &'static str,
}

/// The names of the attributes of a framework, from its own.
///
/// ```
/// use logfire_rs_core::{endpoint::EndpointKeys, endpoint_keys};
///
/// const KEYS: &EndpointKeys = &endpoint_keys!("my_framework");
/// ```
#[macro_export]
macro_rules! endpoint_keys {
    ($framework:literal) => {
        $crate::endpoint::EndpointKeys {
            arguments: ::core::concat!($framework, " arguments"),
            values: ::core::concat!($framework, ".arguments.values"),
            errors: ::core::concat!($framework, ".arguments.errors"),
            values_schema: ::core::concat!(
                r#"{"properties":{""#,
                $framework,
                r#".arguments.values":{"type":"object"}},"type":"object"}"#
            ),
            errors_schema: ::core::concat!(
                r#"{"properties":{""#,
                $framework,
                r#".arguments.errors":{"type":"array"}},"type":"object"}"#
            ),
            both_schema: ::core::concat!(
                r#"{"properties":{""#,
                $framework,
                r#".arguments.errors":{"type":"array"},""#,
                $framework,
                r#".arguments.values":{"type":"object"}},"type":"object"}"#
            ),
            arguments_start: ::core::concat!($framework, ".arguments.start_timestamp"),
            arguments_end: ::core::concat!($framework, ".arguments.end_timestamp"),
            function_start: ::core::concat!($framework, ".endpoint_function.start_timestamp"),
            function_end: ::core::concat!($framework, ".endpoint_function.end_timestamp"),
        }
    };
}
