//! The parameters of a handler.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, GenericParam, Generics, Ident, ItemFn, Pat, Type};

use crate::arguments::Settings;

/// A parameter of a handler.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) kept: Kept,
    /// Whether it was asked to show nothing of it.
    pub(crate) is_skipped: bool,
    /// Whether its type is written with what only the function knows.
    pub(crate) is_generic: bool,
}

/// How the value of a parameter is recorded.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kept {
    Serialized,
    Debugged,
    /// Skipped, or of a type that has no name outside of the function.
    Nothing,
}

/// The parameters of `function`, as far as they can be those of a handler.
pub(crate) fn parameters(function: &ItemFn, settings: &Settings) -> syn::Result<Vec<Parameter>> {
    let signature = &function.sig;
    let refuse = |what: &dyn quote::ToTokens, why: &str| Err(Error::new(what.span(), why));
    if let Some(it) = &signature.unsafety {
        return refuse(it, "#[endpoint] is for safe functions");
    }
    if let Some(it) = &signature.constness {
        return refuse(it, "#[endpoint] is for functions that run for a request");
    }
    if let Some(it) = &signature.abi {
        return refuse(it, "#[endpoint] is for functions of Rust");
    }
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut known = Vec::new();
    for (index, input) in signature.inputs.iter().enumerate() {
        let FnArg::Typed(input) = input else {
            return refuse(input, "#[endpoint] is for free functions, not for methods");
        };
        let bindings = bindings(&input.pat);
        let mut name = name(&bindings, &input.ty, index);
        if parameters.iter().any(|it| it.name == name) {
            name = format!("{name}_{index}");
        }
        known.push(name.clone());
        known.extend(bindings.iter().map(|it| it.unraw().to_string()));
        let is = |list: &[Ident]| list.iter().any(|it| *it == name || bindings.contains(it));
        let is_skipped = settings.skip_all || is(&settings.skip);
        let is_generic = is_generic(&input.ty, &signature.generics);
        let kept = if is_skipped || is_generic {
            Kept::Nothing
        } else if is(&settings.debug) {
            Kept::Debugged
        } else {
            Kept::Serialized
        };
        let ty = (*input.ty).clone();
        parameters.push(Parameter { name, ty, kept, is_skipped, is_generic });
    }
    for given in settings.skip.iter().chain(&settings.debug) {
        if !known.contains(&given.unraw().to_string()) {
            return refuse(given, "there is no argument of this name");
        }
    }
    Ok(parameters)
}

/// Whether the type of a value is written with what only the function knows.
fn is_generic(ty: &Type, generics: &Generics) -> bool {
    let own: Vec<String> = generics
        .params
        .iter()
        .map(|it| match it {
            GenericParam::Type(it) => it.ident.to_string(),
            GenericParam::Const(it) => it.ident.to_string(),
            GenericParam::Lifetime(it) => it.lifetime.ident.to_string(),
        })
        .chain(["impl".to_owned()])
        .collect();
    mentions(ty.to_token_stream(), &own)
}

fn mentions(tokens: TokenStream, names: &[String]) -> bool {
    tokens.into_iter().any(|it| match it {
        TokenTree::Ident(it) => names.contains(&it.to_string()),
        TokenTree::Group(it) => mentions(it.stream(), names),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The only binding of a pattern, else the name of the type in lower case.
fn name(bindings: &[Ident], ty: &Type, index: usize) -> String {
    if let [only] = bindings {
        let name = only.unraw().to_string();
        let name = name.trim_start_matches('_');
        if !name.is_empty() {
            return name.to_owned();
        }
    }
    let last = match ty {
        Type::Path(ty) => ty.path.segments.last().map(|it| it.ident.to_string().to_lowercase()),
        _ => None,
    };
    last.unwrap_or_else(|| format!("argument_{index}"))
}

fn bindings(pattern: &Pat) -> Vec<Ident> {
    match pattern {
        Pat::Ident(it) => {
            let inside = it.subpat.iter().flat_map(|(_, it)| bindings(it));
            std::iter::once(it.ident.clone()).chain(inside).collect()
        }
        Pat::Paren(it) => bindings(&it.pat),
        Pat::Reference(it) => bindings(&it.pat),
        Pat::Slice(it) => it.elems.iter().flat_map(bindings).collect(),
        Pat::Struct(it) => it.fields.iter().flat_map(|it| bindings(&it.pat)).collect(),
        Pat::Tuple(it) => it.elems.iter().flat_map(bindings).collect(),
        Pat::TupleStruct(it) => it.elems.iter().flat_map(bindings).collect(),
        _ => Vec::new(),
    }
}
