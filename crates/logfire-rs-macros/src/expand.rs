//! What a handler becomes.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, GenericParam, Ident, ItemFn, Path, Signature, Token, Visibility};

use crate::arguments::Settings;
use crate::attributes;
use crate::function::{Kept, Parameter, parameters};

/// Whose handlers they are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Framework {
    ActixWeb,
    Axum,
    Warp,
}

/// The handler as it was written, inside of one that tells what it is called with.
///
/// With an error the function stays as it was, so that nothing else breaks.
pub(crate) fn expand(
    framework: Framework,
    path: &str,
    arguments: TokenStream,
    item: &TokenStream,
) -> TokenStream {
    let expanded = Settings::parse(path, arguments).and_then(|settings| {
        let function = syn::parse2::<ItemFn>(item.clone()).map_err(|error| {
            Error::new(
                error.span(),
                "#[endpoint] is for free functions, not for closures and other items",
            )
        })?;
        Endpoint::new(framework, settings, function)?.expand()
    });
    expanded.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        quote!(#error #item)
    })
}

struct Endpoint {
    settings: Settings,
    function: ItemFn,
    parameters: Vec<Parameter>,
    /// Whether the parameters are replaced by such that tell when and why.
    wraps: bool,
    /// The type that stands for the endpoint.
    marker: Ident,
}

impl Endpoint {
    fn new(framework: Framework, settings: Settings, function: ItemFn) -> syn::Result<Self> {
        let parameters = parameters(&function, &settings)?;
        if function.sig.asyncness.is_none() && framework != Framework::Warp {
            return Err(Error::new(
                function.sig.fn_token.span,
                "#[endpoint] is for async functions",
            ));
        }
        let wraps = framework != Framework::Warp && !settings.keep_signature;
        let marker = format_ident!("__LogfireEndpoint_{}", function.sig.ident.unraw());
        Ok(Self { settings, function, parameters, wraps, marker })
    }

    fn expand(&self) -> syn::Result<TokenStream> {
        let private = self.private();
        let attributes = attributes::outer(&self.function.attrs);
        let visibility = &self.function.vis;
        let signature = self.signature(&private)?;
        let inner = ItemFn {
            attrs: attributes::inner(&self.function.attrs),
            vis: Visibility::Inherited,
            ..self.function.clone()
        };
        let (marker, call, output) = (&self.marker, local("call"), local("output"));
        let values = self.values(&private, &call);
        let function = self.function_path();
        let arguments = (0..self.parameters.len()).map(|index| self.value(index));
        let invoked = quote!(#function(#(#arguments),*));
        let run = match self.function.sig.asyncness {
            Some(_) => quote!(#call.run(#invoked).await),
            None => quote!(#call.run_now(|| #invoked)),
        };
        let declared = self.declaration(&private);
        Ok(quote! {
            #declared

            #(#attributes)*
            #visibility #signature {
                #inner
                let mut #call = #private::EndpointCall::begin::<#marker>();
                #values
                let #output = #run;
                #call.returned(#private::error_text!(#private::Framework, &#output));
                #output
            }
        })
    }

    fn private(&self) -> Path {
        let mut path = self.settings.path.clone();
        path.segments.push(Ident::new("__private", Span::call_site()).into());
        path
    }

    /// The type of the endpoint, and what is known of it.
    fn declaration(&self, private: &Path) -> TokenStream {
        let (marker, visibility) = (&self.marker, &self.function.vis);
        let conditions = attributes::conditions(&self.function.attrs);
        let ident = &self.function.sig.ident;
        let name = match &self.settings.name {
            Some(name) => quote!(#name),
            None => {
                let ident = ident.unraw().to_string();
                quote!(::core::concat!(::core::module_path!(), "::", #ident))
            }
        };
        let line = quote_spanned!(ident.span()=> ::core::line!());
        let arguments = self.parameters.iter().map(|it| {
            let (name, ty) = (&it.name, &it.ty);
            // Without an argument of its own there is nothing to take the value from.
            let kept = if self.wraps { it.kept } else { Kept::Nothing };
            let capture = match capture(kept, private, &quote!(value), &quote!(limits)) {
                None => quote!(#private::Captured::nothing),
                Some(capture) => quote! {
                    |value: &dyn ::core::any::Any, limits: #private::EndpointLimits| {
                        match value.downcast_ref::<#ty>() {
                            ::core::option::Option::Some(value) => #capture,
                            ::core::option::Option::None => #private::Captured::Nothing,
                        }
                    }
                },
            };
            let wrong_key = if self.wraps && !it.is_generic {
                quote!(|text| #private::wrong_key!(#private::Framework, #ty, text))
            } else {
                quote!(#private::no_key)
            };
            let is_skipped = it.is_skipped;
            quote! {
                #private::Argument {
                    name: #name,
                    capture: #capture,
                    wrong_key: #wrong_key,
                    is_skipped: #is_skipped,
                }
            }
        });
        quote! {
            #(#conditions)*
            #[doc(hidden)]
            #[allow(non_camel_case_types)]
            #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
            #visibility struct #marker;

            #(#conditions)*
            impl #private::Endpoint for #marker {
                type Framework = #private::Framework;
                const INFO: &'static #private::EndpointInfo = &#private::EndpointInfo {
                    name: #name,
                    file: ::core::file!(),
                    line: #line,
                    arguments: &[#(#arguments),*],
                };
            }
        }
    }

    /// The signature that the framework sees.
    fn signature(&self, private: &Path) -> syn::Result<Signature> {
        let marker = &self.marker;
        let inputs = self.parameters.iter().enumerate().map(|(index, parameter)| {
            let (name, ty) = (argument(index), &parameter.ty);
            if self.wraps {
                // Where the type is, so that an error about it is shown there.
                let ty = quote_spanned!(ty.span()=> #private::Arg<#ty, #marker, #index>);
                quote!(#name: #ty)
            } else {
                quote!(#name: #ty)
            }
        });
        let inputs =
            Punctuated::<FnArg, Token![,]>::parse_terminated.parse2(quote!(#(#inputs),*))?;
        Ok(Signature { inputs, ..self.function.sig.clone() })
    }

    /// Takes the values of arguments that came without being wrapped.
    fn values(&self, private: &Path, call: &Ident) -> Option<TokenStream> {
        if self.wraps {
            return None;
        }
        let limits = local("limits");
        let taken = self.parameters.iter().enumerate().filter_map(|(index, parameter)| {
            let value = argument(index);
            let capture = capture(parameter.kept, private, &quote!(&#value), &quote!(#limits))?;
            Some(quote!(#call.argument(#index, #capture);))
        });
        let taken: Vec<_> = taken.collect();
        (!taken.is_empty()).then(|| {
            quote! {
                if let ::core::option::Option::Some(#limits) = #call.limits() { #(#taken)* }
            }
        })
    }

    fn value(&self, index: usize) -> TokenStream {
        let name = argument(index);
        if self.wraps { quote!(#name.0) } else { quote!(#name) }
    }

    /// The function inside, with its type parameters, which its arguments need not tell.
    fn function_path(&self) -> TokenStream {
        let (name, generics) = (&self.function.sig.ident, &self.function.sig.generics);
        let parameters = generics.params.iter().filter_map(|it| match it {
            GenericParam::Type(it) => Some(&it.ident),
            GenericParam::Const(it) => Some(&it.ident),
            GenericParam::Lifetime(_) => None,
        });
        let parameters: Vec<_> = parameters.collect();
        if parameters.is_empty() { quote!(#name) } else { quote!(#name::<#(#parameters),*>) }
    }
}

fn capture(
    kept: Kept,
    private: &Path,
    value: &TokenStream,
    limits: &TokenStream,
) -> Option<TokenStream> {
    let framework = quote!(#private::Framework);
    match kept {
        Kept::Serialized => Some(quote!(#private::capture!(#framework, #value, #limits))),
        Kept::Debugged => Some(quote!(#private::capture_debug!(#framework, #value, #limits))),
        Kept::Nothing => None,
    }
}

/// A name that the user's code cannot see.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn argument(index: usize) -> Ident {
    local(&format!("argument_{index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(framework: Framework, arguments: &str, item: &str) -> String {
        let item: TokenStream = item.parse().unwrap();
        expand(framework, "::adapter", arguments.parse().unwrap(), &item).to_string()
    }

    /// Without the blanks, which say how tokens were written.
    fn packed(tokens: &str) -> String {
        tokens.split_whitespace().collect()
    }

    #[test]
    fn what_is_no_handler_stays_with_an_error() {
        for (framework, arguments, item, problem) in [
            (Framework::Axum, "", "fn f() {}", "#[endpoint] is for async functions"),
            (
                Framework::Axum,
                "",
                "async fn f(&self) {}",
                "#[endpoint] is for free functions, not for methods",
            ),
            (
                Framework::Warp,
                "",
                "async fn f(self) {}",
                "#[endpoint] is for free functions, not for methods",
            ),
            (
                Framework::Axum,
                "",
                "let f = async || {};",
                "#[endpoint] is for free functions, not for closures and other items",
            ),
            (
                Framework::Axum,
                "",
                "struct S;",
                "#[endpoint] is for free functions, not for closures and other items",
            ),
            (Framework::Warp, "", "unsafe fn f() {}", "#[endpoint] is for safe functions"),
            (Framework::Warp, "", "extern \"C\" fn f() {}", "#[endpoint] is for functions of Rust"),
            (
                Framework::Warp,
                "",
                "const fn f() {}",
                "#[endpoint] is for functions that run for a request",
            ),
            (
                Framework::Axum,
                "skip(b)",
                "async fn f(a: A) {}",
                "there is no argument of this name",
            ),
            (
                Framework::Axum,
                "debug(b)",
                "async fn f(a: A) {}",
                "there is no argument of this name",
            ),
            (Framework::Axum, "krate = x", "async fn f() {}", "expected `skip(..)`"),
            (Framework::Axum, "name = 1", "async fn f() {}", "expected string literal"),
        ] {
            let expanded = expanded(framework, arguments, item);
            assert!(expanded.contains("compile_error"), "{item}: {expanded}");
            let problem = problem.replace('"', "\\\"");
            assert!(expanded.contains(&problem), "{item}: {expanded}");
            let item: TokenStream = item.parse().unwrap();
            assert!(expanded.ends_with(&item.to_string()), "{item}: {expanded}");
        }
    }

    #[test]
    fn a_handler_of_axum_expands_to() {
        let item = "/// Its documentation.\n#[debug_handler]\npub async fn f(Path(id): Path<u32>) -> String { id.to_string() }";
        let expected = quote! {
            #[doc(hidden)]
            #[allow(non_camel_case_types)]
            #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
            pub struct __LogfireEndpoint_f;

            impl ::adapter::__private::Endpoint for __LogfireEndpoint_f {
                type Framework = ::adapter::__private::Framework;
                const INFO: &'static ::adapter::__private::EndpointInfo =
                    &::adapter::__private::EndpointInfo {
                        name: ::core::concat!(::core::module_path!(), "::", "f"),
                        file: ::core::file!(),
                        line: ::core::line!(),
                        arguments: &[::adapter::__private::Argument {
                            name: "id",
                            capture: |
                                value: &dyn ::core::any::Any,
                                limits: ::adapter::__private::EndpointLimits
                            | {
                                match value.downcast_ref::<Path<u32>>() {
                                    ::core::option::Option::Some(value) =>
                                        ::adapter::__private::capture!(
                                            ::adapter::__private::Framework, value, limits
                                        ),
                                    ::core::option::Option::None =>
                                        ::adapter::__private::Captured::Nothing,
                                }
                            },
                            wrong_key: |text| ::adapter::__private::wrong_key!(
                                ::adapter::__private::Framework, Path<u32>, text
                            ),
                            is_skipped: false,
                        }],
                    };
            }

            #[doc = " Its documentation."]
            pub async fn f(
                argument_0: ::adapter::__private::Arg<Path<u32>, __LogfireEndpoint_f, 0usize>
            ) -> String {
                #[debug_handler]
                async fn f(Path(id): Path<u32>) -> String { id.to_string() }
                let mut call = ::adapter::__private::EndpointCall::begin::<__LogfireEndpoint_f>();
                let output = call.run(f(argument_0.0)).await;
                call.returned(
                    ::adapter::__private::error_text!(::adapter::__private::Framework, &output)
                );
                output
            }
        };
        assert_eq!(packed(&expanded(Framework::Axum, "", item)), packed(&expected.to_string()));
    }

    #[test]
    fn a_handler_of_warp_expands_to() {
        let item = "fn f(id: u32, token: String) -> String { id.to_string() }";
        let expanded = expanded(Framework::Warp, "skip(token), name = \"x\", crate = mine", item);
        let (_, function) = expanded.split_once("} ; }").unwrap();
        let expected = quote! {
            fn f(argument_0: u32, argument_1: String) -> String {
                fn f(id: u32, token: String) -> String { id.to_string() }
                let mut call = mine::__private::EndpointCall::begin::<__LogfireEndpoint_f>();
                if let ::core::option::Option::Some(limits) = call.limits() {
                    call.argument(
                        0usize,
                        mine::__private::capture!(mine::__private::Framework, &argument_0, limits)
                    );
                }
                let output = call.run_now(|| f(argument_0, argument_1));
                call.returned(
                    mine::__private::error_text!(mine::__private::Framework, &output)
                );
                output
            }
        };
        assert_eq!(packed(function), packed(&expected.to_string()));
    }

    #[test]
    fn arguments_are_named_by_their_only_binding_or_their_type() {
        let item = "async fn f(State(db): S, Path((a, b)): Path<(u8, u8)>, _: x::Query<A>, \
                    mut r#type: T, _id: U, q: Q<T>, (c, d): (u8, u8), Path(_): Path<u8>) {}";
        let expanded = expanded(Framework::Axum, "", item);
        let names: Vec<_> = expanded
            .split("Argument { name : \"")
            .skip(1)
            .filter_map(|it| it.split('"').next())
            .collect();
        assert_eq!(names, ["db", "path", "query", "type", "id", "q", "argument_6", "path_7"]);
    }

    #[test]
    fn values_of_generic_types_are_left_out() {
        let item = "async fn f<'a, T, const N: usize>(a: A, t: Json<T>, n: [u8; N], l: &'a str, i: impl X) {}";
        let expanded = expanded(Framework::Axum, "", item);
        assert_eq!(expanded.matches("capture !").count(), 1, "{expanded}");
        assert_eq!(expanded.matches("Captured :: nothing").count(), 4, "{expanded}");
        assert!(expanded.contains("f :: < T , N >"), "{expanded}");
    }

    #[test]
    fn warp_keeps_its_signatures_and_takes_functions_that_are_not_async() {
        let expanded = expanded(Framework::Warp, "", "fn f(id: u32) -> String { id.to_string() }");
        assert!(expanded.contains("run_now") && !expanded.contains("Arg <"), "{expanded}");
    }
}
