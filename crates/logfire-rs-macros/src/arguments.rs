//! The arguments of the attribute itself.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Path, Token, parenthesized};

/// `#[endpoint(..)]`.
pub(crate) struct Settings {
    pub(crate) path: Path,
    pub(crate) name: Option<LitStr>,
    pub(crate) skip: Vec<Ident>,
    pub(crate) skip_all: bool,
    pub(crate) debug: Vec<Ident>,
    pub(crate) keep_signature: bool,
}

impl Settings {
    /// Reads the arguments; `path` is where the crate is if they do not say it.
    pub(crate) fn parse(path: &str, arguments: TokenStream) -> syn::Result<Self> {
        let mut settings = Self {
            path: syn::parse_str(path)?,
            name: None,
            skip: Vec::new(),
            skip_all: false,
            debug: Vec::new(),
            keep_signature: false,
        };
        syn::meta::parser(|meta| settings.read(&meta)).parse2(arguments)?;
        Ok(settings)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("skip") {
            self.skip.extend(names(meta)?);
        } else if meta.path.is_ident("skip_all") {
            self.skip_all = true;
        } else if meta.path.is_ident("debug") {
            self.debug.extend(names(meta)?);
        } else if meta.path.is_ident("name") {
            self.name = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("crate") {
            self.path = meta.value()?.call(Path::parse_mod_style)?;
        } else if meta.path.is_ident("keep_signature") {
            self.keep_signature = true;
        } else {
            return Err(meta.error(
                "expected `skip(..)`, `skip_all`, `debug(..)`, `name = \"..\"`, `crate = path` or `keep_signature`",
            ));
        }
        Ok(())
    }
}

fn names(meta: &ParseNestedMeta<'_>) -> syn::Result<Punctuated<Ident, Token![,]>> {
    let content;
    parenthesized!(content in meta.input);
    Punctuated::parse_terminated(&content)
}
