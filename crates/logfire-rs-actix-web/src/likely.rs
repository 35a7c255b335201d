//! The routes that paths are likely to have, as a service remembers them.
//!
//! To find one, actix-web tries one regular expression after the other, as it does again to route.

use std::cell::RefCell;
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
        // Nothing is routed yet, so one that is above the path may be that of a prefix.
        let may = |it: &String| may_begin(it, request.match_info().as_str());
        let find = || request.match_pattern().filter(may).map(Rc::from);
        if path.len() > LONGEST {
            return find();
        }
        // Paths differ at their ends.
        let end = path.bytes().rev().take(16);
        let hash = end.fold(path.len(), |hash, it| hash.wrapping_mul(31) ^ usize::from(it));
        let mut known = self.0.borrow_mut();
        let Some(slot) = known.get_mut(hash % SLOTS) else { return find() };
        match slot {
            Some((known, route)) if **known == *path => route.clone(),
            _ => slot.insert((path.into(), find())).1.clone(),
        }
    }
}

/// The pattern of the resource that answered `request`.
///
/// Of a resource with several patterns actix-web tells the first, whichever has matched; one that
/// cannot have is none. A service on a prefix, such as one of files, uses up its part of the path.
///
/// A resource whose guard refused has the same path, but did not take it: then the path is not
/// used up, and the 404 belongs to no route. Neither is it where a middleware answered.
pub(crate) fn pattern(request: &HttpRequest, not_found: bool) -> Option<String> {
    let (path, rest) = (request.match_info().as_str(), request.match_info().unprocessed());
    let used = path.strip_suffix(rest).unwrap_or_default();
    request.match_pattern().filter(|it| match (rest.is_empty(), not_found) {
        (true, _) => may_match(it, path),
        // A regular expression may match a prefix of the path that is that of its scope.
        (false, true) => !used.is_empty() && !is_regular(it) && may_match(it, used),
        (false, false) => may_begin(it, path),
    })
}

/// Whether `path` can be one of `pattern`: what stands outside of braces is compared.
fn may_match(pattern: &str, path: &str) -> bool {
    rest(pattern, path).is_some_and(|it| it.is_none())
}

/// Whether `path` can be one of `pattern`, or below it.
fn may_begin(pattern: &str, path: &str) -> bool {
    !pattern.is_empty() && rest(pattern, path).is_some()
}

/// A regular expression or a tail may match a slash.
fn is_regular(pattern: &str) -> bool {
    pattern.bytes().any(|it| matches!(it, b':' | b'*')) && pattern.contains('{')
}

/// The first segment of `path` that is below `pattern`, if it can be one of it, or below it.
fn rest<'a>(pattern: &str, path: &'a str) -> Option<Option<&'a [u8]>> {
    // What follows a regular expression stands anywhere.
    if is_regular(pattern) {
        let (literal, _) = pattern.split_once('{')?;
        return path.starts_with(literal).then_some(None);
    }
    // Byte by byte: segments are too short for a search of many bytes at a time to pay.
    let mut segments = path.as_bytes().split(|it| *it == b'/');
    for pattern in pattern.as_bytes().split(|it| *it == b'/') {
        let segment = segments.next()?;
        if pattern != segment && !pattern.contains(&b'{') {
            return None;
        }
    }
    Some(segments.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_cannot_have_matched_is_told_apart() {
        for (pattern, path, expected) in [
            ("/one", "/one", true),
            ("/one", "/two/1", false),
            ("/one", "/one/1", false),
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

    #[test]
    fn a_prefix_ends_where_a_segment_does() {
        for (pattern, path, expected) in [
            ("/static", "/static", true),
            ("/static", "/static/", true),
            ("/static", "/static/js/app.js", true),
            ("/static", "/statics", false),
            ("/static", "/other/static", false),
            ("/{tenant}/static", "/acme/static/app.js", true),
            ("/{tenant}/static", "/acme/other/app.js", false),
            ("/{tenant}/static", "/acme", false),
            ("/", "/app.js", false),
            ("", "/app.js", false),
        ] {
            assert_eq!(may_begin(pattern, path), expected, "{pattern} {path}");
        }
    }
}
