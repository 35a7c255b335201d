//! The routes that paths are likely to have, as a service remembers them.
//!
//! To find one, actix-web tries one regular expression after the other, as it does again to route.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::rc::Rc;

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
        let find = || request.match_pattern().map(Rc::from);
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
