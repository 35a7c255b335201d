//! The expansion needs no name of its surroundings.

use axum::Router;
use axum::routing::get;

use super::record;

/// Nothing is in scope, and what is has the wrong meaning.
mod bare {
    #![no_implicit_prelude]
    #![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all)]

    #[expect(dead_code, non_camel_case_types, reason = "in the way on purpose")]
    mod in_the_way {
        pub(super) struct Option;
        pub(super) struct Result;
        pub(super) struct String;
        pub(super) struct str;
        pub(super) struct u32;
    }

    #[expect(unused_imports, reason = "in the way on purpose")]
    use self::in_the_way::{Option, Result, String, str};

    /// A handler.
    #[::logfire_rs_axum::endpoint(debug(other))]
    pub(super) async fn handler(
        ::axum::extract::Path(call): ::axum::extract::Path<u8>,
        other: ::axum::extract::Query<::std::vec::Vec<(::std::string::String, u8)>>,
    ) -> ::std::string::String {
        let output = call;
        let argument_0 = other.0.len();
        ::std::format!("{output} {argument_0}")
    }
}

#[tokio::test]
async fn no_name_is_taken_from_the_surroundings() {
    let record = record(Router::new().route("/{id}", get(bare::handler)), "GET /7?a=1").await;
    assert_eq!(record.body, "7 1");
    assert_eq!(record.values(), r#"{"call":7,"other":"[(\"a\", 1)]"}"#);
}
