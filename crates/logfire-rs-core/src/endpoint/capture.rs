//! The value of an argument, and the error of a result, by what their types can do.
//!
//! The macros below call a method on a value behind several references. The compiler takes the
//! first of [`levels`] whose bounds the type meets, and removes a reference for each that it does
//! not: so the user's types need no bounds, and what cannot be serialised is left out.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use serde::Serialize;

use super::{Captured, Framework, json};

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

/// A value whose type is asked what it can do.
#[derive(Debug)]
pub struct Of<'a, T: ?Sized>(pub &'a T);

/// Names the framework.
#[derive(Debug)]
pub struct Via<F>(PhantomData<F>);

impl<F> Via<F> {
    /// The framework.
    pub const NEW: Self = Self(PhantomData);
}

/// The type and text of an error.
pub type ErrorText<'a> = Option<(&'static str, Option<&'a dyn Display>)>;

/// What a type can do, the first that fits.
pub mod levels {
    use super::*;

    macro_rules! levels {
        ($trait:ident; $method:ident; $($name:ident [$($bounds:tt)*] $type:ty, |$it:ident| $kept:expr;)*) => { $(
            #[doc(hidden)]
            pub trait $name<F> {
                fn $method(&self, framework: Via<F>) -> Captured;
            }

            impl<F: Framework, $($bounds)*> $name<F> for $type {
                fn $method(&self, _: Via<F>) -> Captured {
                    let $it = self.0;
                    $kept
                }
            }
        )* };
    }

    levels! {
        Serialized; capture_serialized;
        S1 [T: Plumbing<F>] &&&&&&Of<'_, T>, |_it| Captured::Nothing;
        S2 [C: Carrier<F, Value: Serialize>, E: 'static] &&&&&Of<'_, Result<C, E>>,
            |it| it.as_ref().map_or_else(rejected::<F, E>, |it| serialized(it.value()));
        S3 [C: Carrier<F, Value: Serialize>] &&&&Of<'_, Option<C>>,
            |it| serialized(&it.as_ref().map(Carrier::value));
        S4 [C: Carrier<F, Value: Serialize>] &&&Of<'_, C>, |it| serialized(it.value());
        S5 [T, E: 'static] &&Of<'_, Result<T, E>>,
            |it| it.as_ref().map_or_else(rejected::<F, E>, |_| Captured::Nothing);
        S6 [T: Serialize] &Of<'_, T>, |it| serialized(it);
        S7 [T] Of<'_, T>, |_it| Captured::Nothing;
    }

    levels! {
        Debugged; capture_debugged;
        D1 [C: Carrier<F, Value: Debug>, E: 'static] &&&Of<'_, Result<C, E>>,
            |it| it.as_ref().map_or_else(rejected::<F, E>, |it| debugged(it.value()));
        D2 [C: Carrier<F, Value: Debug>] &&Of<'_, Option<C>>,
            |it| debugged(&it.as_ref().map(Carrier::value));
        D3 [C: Carrier<F, Value: Debug>] &Of<'_, C>, |it| debugged(it.value());
        D4 [T: Debug] Of<'_, T>, |it| debugged(it);
    }

    macro_rules! outputs {
        ($($name:ident [$($bounds:tt)*] $type:ty, |$it:ident| $error:expr;)*) => { $(
            #[doc(hidden)]
            pub trait $name<'a, F> {
                fn error_text(&self, framework: Via<F>) -> ErrorText<'a>;
            }

            impl<'a, F, $($bounds)*> $name<'a, F> for $type {
                fn error_text(&self, _: Via<F>) -> ErrorText<'a> {
                    let $it = self.0;
                    $error
                }
            }
        )* };
    }

    outputs! {
        O1 [T, E: Plumbing<F>] &&&&Of<'a, Result<T, E>>, |_it| None;
        O2 [T, E: Display] &&&Of<'a, Result<T, E>>,
            |it| it.as_ref().err().map(|it| (std::any::type_name::<E>(), Some(it as &dyn Display)));
        // A status with a text, as handlers of axum return it.
        O3 [T, S, E: Display] &&Of<'a, Result<T, (S, E)>>,
            |it| it.as_ref().err().map(|it| (std::any::type_name::<(S, E)>(), Some(&it.1 as &dyn Display)));
        O4 [T, E] &Of<'a, Result<T, E>>, |it| it.as_ref().err().map(|_| (std::any::type_name::<E>(), None));
        O5 [T] Of<'a, T>, |_it| None;
    }
}

fn serialized<T: Serialize + ?Sized>(value: &T) -> Captured {
    json::text(value).map_or(Captured::Nothing, Captured::Value)
}

fn debugged<T: Debug + ?Sized>(value: &T) -> Captured {
    json::debug(value).map_or(Captured::Nothing, Captured::Value)
}

fn rejected<F: Framework, E: 'static>(error: &E) -> Captured {
    Captured::Error(F::describe(error as &dyn Any, std::any::type_name::<E>()))
}

/// Takes a value by its `Serialize`, if it has one.
#[doc(hidden)]
#[macro_export]
macro_rules! __capture {
    ($framework:ty, $value:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&&&&&&$crate::endpoint::capture::Of($value))
            .capture_serialized($crate::endpoint::capture::Via::<$framework>::NEW)
    }};
}

/// Takes a value by its `Debug`.
#[doc(hidden)]
#[macro_export]
macro_rules! __capture_debug {
    ($framework:ty, $value:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&&&$crate::endpoint::capture::Of($value))
            .capture_debugged($crate::endpoint::capture::Via::<$framework>::NEW)
    }};
}

/// The error of a result; none of any other value.
#[doc(hidden)]
#[macro_export]
macro_rules! __error_text {
    ($framework:ty, $value:expr) => {{
        use $crate::endpoint::capture::levels::*;
        (&&&&&$crate::endpoint::capture::Of($value))
            .error_text($crate::endpoint::capture::Via::<$framework>::NEW)
    }};
}
