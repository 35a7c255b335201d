//! The table: each exchange that every adapter must record alike.

use crate::{Exchange, Leave};

/// The exchanges, by name.
#[must_use]
pub fn table() -> Vec<(&'static str, Exchange)> {
    vec![
        ("answered", Exchange::get("GET /users/1?a=b", "")),
        ("root", Exchange::get("GET /", "")),
        ("nested_route", Exchange::get("GET /api/v1/items/7", "")),
        ("not_found", Exchange::get("GET /nowhere/1", "")),
        ("method_not_allowed", Exchange::get("DELETE /users/1", "")),
        ("server_error", Exchange::get("GET /fail", "")),
        ("handler_error", Exchange::get("GET /error", "")),
        ("panic", Exchange::get("GET /panic", "")),
        ("cancelled_before_the_head", Exchange::get("GET /slow", "").leave(Leave::BeforeTheHead)),
        ("dropped_mid_body", Exchange::get("GET /endless", "").leave(Leave::After(10_000))),
        ("body_error", Exchange::get("GET /broken", "")),
        ("body_panic", Exchange::get("GET /panicking-body", "")),
        ("streamed_body", Exchange::get("GET /stream", "")),
        ("event_stream", Exchange::get("GET /events", "")),
        ("head", Exchange::get("HEAD /users/1", "")),
        ("no_content", Exchange::get("GET /empty", "")),
        ("not_modified", Exchange::get("GET /not-modified", "")),
        ("unknown_method", Exchange::get("FROB /users/1", "")),
        ("secret_in_query", Exchange::get("GET /?x=1&sig=s3cret&X-Amz-Signature=s3cret", "")),
        (
            "remote_parent",
            Exchange::get(
                "GET /",
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
            ),
        ),
    ]
}

/// The exchange of that name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn named(name: &str) -> Exchange {
    let found = table().into_iter().find(|it| it.0 == name);
    found.unwrap_or_else(|| panic!("there is no exchange `{name}`")).1
}
