//! The routes that paths are likely to have, as a service remembers them.
//!
//! To find one, actix-web tries one regular expression after the other, as it does again to route.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::dev::ServiceRequest;

const SLOTS: usize = 128;
/// A longer path is not worth keeping.
const LONGEST: usize = 256;

/// The routes of the paths that came last, each in the slot of its hash.
#[derive(Clone, Debug)]
pub(crate) struct LikelyRoutes(RefCell<Vec<Option<Known>>>);

/// A path, and its route if it has one.
type Known = (Box<str>, Option<Rc<str>>);

impl Default for LikelyRoutes {
    fn default() -> Self {
        Self(RefCell::new(vec![None; SLOTS]))
    }
}

impl LikelyRoutes {
    /// The route of `request`, as far as its path tells.
    pub(crate) fn of(&self, request: &ServiceRequest) -> Option<Rc<str>> {
        let path = request.path();
        let find = || pattern(request.request(), None).map(Rc::from);
        if path.len() > LONGEST {
            return find();
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(path);
        let mut known = self.0.borrow_mut();
        let Some(slot) = known.get_mut(hash as usize % SLOTS) else { return find() };
        match slot {
            Some((known, route)) if **known == *path => route.clone(),
            _ => slot.insert((path.into(), find())).1.clone(),
        }
    }
}

/// The pattern of the resource that `request` matches.
///
/// Of a resource with several patterns actix-web tells the first, whichever has matched; one that
/// cannot have is none. The `likely` one was looked at already.
pub(crate) fn pattern(request: &HttpRequest, likely: Option<&str>) -> Option<String> {
    let may = |it: &String| likely == Some(it) || may_match(it, request.match_info().as_str());
    request.match_pattern().filter(may)
}

/// Whether `path` can be one of `pattern`: what stands outside of braces is compared.
fn may_match(pattern: &str, path: &str) -> bool {
    let Some((literal, _)) = pattern.split_once('{') else { return pattern == path };
    // A regular expression or a tail may match a slash, so what follows it stands anywhere.
    if pattern.contains([':', '*']) {
        return path.starts_with(literal);
    }
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return true,
            (Some(pattern), Some(segment)) if pattern.contains('{') || pattern == segment => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_cannot_have_matched_is_told_apart() {
        for (pattern, path, expected) in [
            ("/one", "/one", true),
            ("/one", "/two/1", false),
            ("", "", true),
            ("/users/{id}", "/users/1", true),
            ("/users/{id}", "/users/1/posts", false),
            ("/users/{id}/posts", "/users/1/likes", false),
            ("/{a}-{b}/x", "/1-2/x", true),
            ("/files/{path:.*}", "/files/a/b", true),
            ("/files/{path:.*}/end", "/files/a/b/end", true),
            ("/files/{path:.*}", "/other", false),
            ("/files/{path}*", "/files/a/b", true),
        ] {
            assert_eq!(may_match(pattern, path), expected, "{pattern} {path}");
        }
    }
}
