//! Which attributes of a function stay outside, and which go along with it.

use syn::Attribute;

/// Of the function that the framework sees: its routes, its documentation, its presence.
const OUTER: [&str; 15] = [
    "cfg",
    "deprecated",
    "doc",
    "must_use",
    // The routes of actix-web.
    "connect",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "route",
    "routes",
    "trace",
];

/// Of the code that was written, and of what it turns into.
const BOTH: [&str; 3] = ["allow", "deny", "warn"];

/// The attributes of the function outside.
pub(crate) fn outer(attributes: &[Attribute]) -> Vec<Attribute> {
    of(attributes, |name| OUTER.contains(&name) || BOTH.contains(&name))
}

/// The attributes of the function as it was written. `debug_handler` has to see its parameters, and
/// `instrument` records them.
pub(crate) fn inner(attributes: &[Attribute]) -> Vec<Attribute> {
    of(attributes, |name| !OUTER.contains(&name))
}

/// The conditions of the function, which all that is made for it share.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    of(attributes, |name| name == "cfg")
}

fn of(attributes: &[Attribute], wanted: impl Fn(&str) -> bool) -> Vec<Attribute> {
    let name = |it: &Attribute| it.path().segments.last().map(|it| it.ident.to_string());
    let wanted = |it: &&Attribute| name(it).is_some_and(|it| wanted(&it));
    attributes.iter().filter(wanted).cloned().collect()
}
