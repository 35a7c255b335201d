//! The attribute `#[endpoint]`, once per framework.
//!
//! Use it through the crate of your framework: `logfire_rs_axum::endpoint`, or
//! `logfire_rs::axum::endpoint`. A macro cannot know on which of the two crates its caller depends,
//! so there is one for each.

mod arguments;
mod attributes;
mod expand;
mod function;

use proc_macro::TokenStream;

use crate::expand::{Framework, expand};

macro_rules! entry_points {
    ($($name:ident: $framework:ident at $path:literal;)*) => { $(
        #[doc(hidden)]
        #[proc_macro_attribute]
        pub fn $name(arguments: TokenStream, item: TokenStream) -> TokenStream {
            expand(Framework::$framework, $path, arguments.into(), &item.into()).into()
        }
    )* };
}

entry_points! {
    actix_web_endpoint: ActixWeb at "::logfire_rs_actix_web";
    axum_endpoint: Axum at "::logfire_rs_axum";
    warp_endpoint: Warp at "::logfire_rs_warp";
    facade_actix_web_endpoint: ActixWeb at "::logfire_rs::actix_web";
    facade_axum_endpoint: Axum at "::logfire_rs::axum";
    facade_warp_endpoint: Warp at "::logfire_rs::warp";
}
