//! The value of an argument, and the error of a result, by what their types can do.
//!
//! The macros below call a method on a value behind several references. The compiler takes the
//! first of [`levels`] whose bounds the type meets, and removes a reference for each that it does
//! not: so the user's types need no bounds, and what cannot be serialised is left out.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use serde::Serialize;

use super::{Captured, EndpointLimits, Framework, json};
use crate::diagnostics;

/// A type of a framework around a value, such as `Json<T>`. `F` is the adapter's own type, so that
/// it may implement this for types of its framework.
pub trait Carrier<F> {
    /// What it carries.
    type Value;

    /// The value.
    fn value(&self) -> &Self::Value;
}

/// What is never recorded: state, the request, its headers.
pub trait Plumbing<F> {}

/// A type of a framework that is parsed from pairs of keys and values, and can be parsed once more
/// where the framework does not say which of them was wrong.
pub trait Pairs<F> {
    /// The key in `text` whose value is wrong.
    fn wrong_key(text: &str) -> Option<String>;
}

/// A value whose type is asked what it can do.
///
/// It names the framework `F`: the compiler takes a level that fits any framework if it may choose
/// one, such as axum's for the headers that a handler of warp takes.
#[derive(Debug)]
pub struct Of<'a, F, T: ?Sized>(&'a T, PhantomData<F>);

impl<'a, F, T: ?Sized> Of<'a, F, T> {
    /// The value.
    #[must_use]
    pub fn new(value: &'a T) -> Self {
        Self(value, PhantomData)
    }
}

/// A type that is asked what it can do.
#[derive(Debug)]
pub struct Type<F, T>(PhantomData<fn() -> (F, T)>);

impl<F, T> Type<F, T> {
    /// The type.
    pub const NEW: Self = Self(PhantomData);
}

/// The type and text of an error.
pub type ErrorText<'a> = Option<(&'static str, Option<&'a dyn Display>)>;

/// What a type can do, the first that fits.
pub mod levels {
    use super::*;

    macro_rules! levels {
        ($trait:ident; $method:ident; $($name:ident [$($bounds:tt)*] $type:ty, |$it:ident, $limits:ident| $kept:expr;)*) => { $(
            #[doc(hidden)]
            pub trait $name {
                fn $method(&self, limits: EndpointLimits) -> Captured;
            }

            impl<F: Framework, $($bounds)*> $name for $type {
                fn $method(&self, $limits: EndpointLimits) -> Captured {
                    let $it = self.0;
                    $kept
                }
            }
        )* };
    }

    levels! {
        Serialized; capture_serialized;
        S1 [T: Plumbing<F>] &&&&&&Of<'_, F, T>, |_it, _limits| Captured::Nothing;
        S2 [C: Carrier<F, Value: Serialize>, E: 'static] &&&&&Of<'_, F, Result<C, E>>,
            |it, limits| it.as_ref().map_or_else(rejected::<F, E>, |it| serialized(it.value(), limits));
        S3 [C: Carrier<F, Value: Serialize>] &&&&Of<'_, F, Option<C>>,
            |it, limits| serialized(&it.as_ref().map(Carrier::value), limits);
        S4 [C: Carrier<F, Value: Serialize>] &&&Of<'_, F, C>, |it, limits| serialized(it.value(), limits);
        S5 [T, E: 'static] &&Of<'_, F, Result<T, E>>,
            |it, _limits| it.as_ref().map_or_else(rejected::<F, E>, |_| Captured::Nothing);
        S6 [T: Serialize] &Of<'_, F, T>, |it, limits| serialized(it, limits);
        S7 [T] Of<'_, F, T>, |_it, _limits| Captured::Nothing;
    }

    levels! {
        Debugged; capture_debugged;
        D1 [C: Carrier<F, Value: Debug>, E: 'static] &&&Of<'_, F, Result<C, E>>,
            |it, limits| it.as_ref().map_or_else(rejected::<F, E>, |it| debugged(it.value(), limits));
        D2 [C: Carrier<F, Value: Debug>] &&Of<'_, F, Option<C>>,
            |it, limits| debugged(&it.as_ref().map(Carrier::value), limits);
        D3 [C: Carrier<F, Value: Debug>] &Of<'_, F, C>, |it, limits| debugged(it.value(), limits);
        D4 [T: Debug] Of<'_, F, T>, |it, limits| debugged(it, limits);
    }

    macro_rules! types {
        ($($name:ident [$($bounds:tt)*] $type:ty, |$text:ident| $key:expr;)*) => { $(
            #[doc(hidden)]
            pub trait $name {
                fn wrong_key(&self, text: &str) -> Option<String>;
            }

            impl<F, $($bounds)*> $name for $type {
                fn wrong_key(&self, $text: &str) -> Option<String> {
                    $key
                }
            }
        )* };
    }

    types! {
        T1 [T: Pairs<F>] &Type<F, T>, |text| {
            diagnostics::guarded("the `Deserialize` of an endpoint's argument", || T::wrong_key(text))?
        };
        T2 [T] Type<F, T>, |_text| None;
    }

    macro_rules! outputs {
        ($($name:ident [$($bounds:tt)*] $type:ty, |$it:ident| $error:expr;)*) => { $(
            #[doc(hidden)]
            pub trait $name<'a> {
                fn error_text(&self) -> ErrorText<'a>;
            }

            impl<'a, F, $($bounds)*> $name<'a> for $type {
                fn error_text(&self) -> ErrorText<'a> {
                    let $it = self.0;
                    $error
                }
            }
        )* };
    }

    outputs! {
        O1 [T, E: Plumbing<F>] &&&&Of<'a, F, Result<T, E>>, |_it| None;
        O2 [T, E: Display] &&&Of<'a, F, Result<T, E>>,
            |it| it.as_ref().err().map(|it| (std::any::type_name::<E>(), Some(it as &dyn Display)));
        // A status with a text, as handlers of axum return it.
        O3 [T, S, E: Display] &&Of<'a, F, Result<T, (S, E)>>,
            |it| it.as_ref().err().map(|it| (std::any::type_name::<(S, E)>(), Some(&it.1 as &dyn Display)));
        O4 [T, E] &Of<'a, F, Result<T, E>>, |it| it.as_ref().err().map(|_| (std::any::type_name::<E>(), None));
        O5 [T] Of<'a, F, T>, |_it| None;
    }
}

fn serialized<T: Serialize + ?Sized>(value: &T, limits: EndpointLimits) -> Captured {
    json::text(value, limits).map_or(Captured::Nothing, Captured::Value)
}

fn debugged<T: Debug + ?Sized>(value: &T, limits: EndpointLimits) -> Captured {
    json::debug(value, limits).map_or(Captured::Nothing, Captured::Value)
}

fn rejected<F: Framework, E: 'static>(error: &E) -> Captured {
    Captured::Error(F::describe(error as &dyn Any, std::any::type_name::<E>()))
}

/// Takes a value by its `Serialize`, if it has one.
#[doc(hidden)]
#[macro_export]
macro_rules! __capture {
    ($framework:ty, $value:expr, $limits:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&&&&&&$crate::endpoint::capture::Of::<$framework, _>::new($value))
            .capture_serialized($limits)
    }};
}

/// Takes a value by its `Debug`.
#[doc(hidden)]
#[macro_export]
macro_rules! __capture_debug {
    ($framework:ty, $value:expr, $limits:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&&&$crate::endpoint::capture::Of::<$framework, _>::new($value)).capture_debugged($limits)
    }};
}

/// The key of a pair that a type could not be made of, if the type is one of those.
#[doc(hidden)]
#[macro_export]
macro_rules! __wrong_key {
    ($framework:ty, $type:ty, $text:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&$crate::endpoint::capture::Type::<$framework, $type>::NEW).wrong_key($text)
    }};
}

/// The error of a result; none of any other value.
#[doc(hidden)]
#[macro_export]
macro_rules! __error_text {
    ($framework:ty, $value:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&&&&$crate::endpoint::capture::Of::<$framework, _>::new($value)).error_text()
    }};
}
