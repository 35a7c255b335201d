//! `path!`: warp's, with the template of the route.

/// [`warp::path!`], which declares its template as the route of the request too.
///
/// A parameter shows as its type, `{u32}`, or by the name that it is given.
///
/// ```
/// use logfire_rs_warp::path;
/// use warp::Filter;
///
/// // `/users/{u32}/posts`
/// let posts = path!("users" / u32 / "posts").map(|id| format!("posts of {id}"));
/// // `/users/{id}`
/// let user = path!("users" / id: u32).map(|id| format!("user {id}"));
/// // `/api/{tenant}`, and what is nested in it
/// let api = path!("api" / tenant: String / ..);
/// let service = logfire_rs_warp::instrument(posts.or(user).or(api.map(|tenant: String| tenant)));
/// ```
#[macro_export]
macro_rules! path {
    ($($pieces:tt)*) => { $crate::__path!(@next [] [] [] $($pieces)*) };
}

/// Goes through the pieces of [`path!`](crate::path): what warp gets, what the template gets, and a
/// `()` for each segment.
#[doc(hidden)]
#[macro_export]
macro_rules! __path {
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] ..) => {
        $crate::__path!(@done [$($warp)* ..] [$($text,)*] [$($segment)*])
    };
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] $name:ident : $type:tt / $($rest:tt)+) => {
        $crate::__path!(@next [$($warp)* $type /] [$($text,)* "/{", stringify!($name), "}",] [$($segment)* ()] $($rest)+)
    };
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] $name:ident : $type:tt) => {
        $crate::__path!(@done [$($warp)* $type] [$($text,)* "/{", stringify!($name), "}",] [$($segment)* ()])
    };
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] $literal:literal / $($rest:tt)+) => {
        $crate::__path!(@next [$($warp)* $literal /] [$($text,)* "/", $literal,] [$($segment)* ()] $($rest)+)
    };
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] $literal:literal) => {
        $crate::__path!(@done [$($warp)* $literal] [$($text,)* "/", $literal,] [$($segment)* ()])
    };
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] $type:tt / $($rest:tt)+) => {
        $crate::__path!(@next [$($warp)* $type /] [$($text,)* "/{", stringify!($type), "}",] [$($segment)* ()] $($rest)+)
    };
    (@next [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*] $type:tt) => {
        $crate::__path!(@done [$($warp)* $type] [$($text,)* "/{", stringify!($type), "}",] [$($segment)* ()])
    };
    (@next [] [] []) => { $crate::__path!(@done [] [] []) };
    (@done [$($warp:tt)*] [$($text:expr,)*] [$($segment:tt)*]) => {
        $crate::__private::warp::Filter::and(
            $crate::__private::warp::path!($($warp)*),
            $crate::__private::declare(
                ::core::option::Option::Some(<[()]>::len(&[$($segment),*])),
                ::core::concat!($($text),*),
            ),
        )
    };
}
