//! Strings that live as long as the process: route templates and the span names made of them.
//!
//! A service has few routes and serves them often, so a name is formatted once and then shared.
//! The table is bounded: what does not fit is owned by its span.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use opentelemetry::{StringValue, Value};

/// More routes than a service has; a client that makes up URL templates cannot fill the memory.
const LIMIT: usize = 4096;

static NAMES: LazyLock<RwLock<HashMap<(&'static str, &'static str), Named>>> =
    LazyLock::new(RwLock::default);
static STRINGS: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

#[derive(Clone, Copy)]
struct Named {
    template: &'static str,
    name: &'static str,
}

/// A route or URL template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Template {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Static(template) => template,
            Self::Shared(template) => template,
        }
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Static(template) => Value::from(*template),
            Self::Shared(template) => Value::from(StringValue::from(Arc::clone(template))),
        }
    }
}

/// The span name `{method} {template}`, and the template to keep.
pub(crate) fn name(method: &'static str, template: &str) -> (Cow<'static, str>, Template) {
    match recent(method, template) {
        Some(named) => (Cow::Borrowed(named.name), Template::Static(named.template)),
        None => (Cow::Owned(format!("{method} {template}")), Template::Shared(template.into())),
    }
}

/// What a thread has looked up before it finds again without a lock and without hashing.
fn recent(method: &'static str, template: &str) -> Option<Named> {
    const SLOTS: usize = 128;
    type Recent = [Option<(&'static str, Named)>; SLOTS];
    thread_local! {
        static RECENT: RefCell<Recent> = const { RefCell::new([None; SLOTS]) };
    }
    let slot = slot(method, template) % SLOTS;
    let find = |recent: &RefCell<Recent>| {
        let mut recent = recent.borrow_mut();
        match recent.get_mut(slot)? {
            Some((known, named)) if *known == method && named.template == template => Some(*named),
            slot => {
                let named = look_up(method, template)?;
                *slot = Some((method, named));
                Some(named)
            }
        }
    };
    RECENT.try_with(find).unwrap_or_else(|_| look_up(method, template))
}

/// A quick hash: routes differ anywhere in their texts, methods in length or first letter.
fn slot(method: &'static str, template: &str) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = template.as_bytes().as_chunks::<8>();
    let mut hash = u64::from(method.as_bytes().first().copied().unwrap_or_default());
    hash = hash << 8 | method.len() as u64;
    let mut mix = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    words.iter().for_each(|it| mix(u64::from_le_bytes(*it)));
    mix(rest.iter().fold(rest.len() as u64, |word, it| word << 8 | u64::from(*it)));
    (hash >> 48) as usize
}

fn look_up(method: &'static str, template: &str) -> Option<Named> {
    let known = {
        let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
        let names: &HashMap<(&str, &str), Named> = &names;
        names.get(&(method, template)).copied()
    };
    known.or_else(|| add(method, template))
}

#[cold]
fn add(method: &'static str, template: &str) -> Option<Named> {
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    if names.len() >= LIMIT {
        return None;
    }
    let template = intern(template);
    let named = Named { template, name: intern(&format!("{method} {template}")) };
    names.insert((method, template), named);
    Some(named)
}

/// Keeps `string` for good; for strings of which there are few.
pub(crate) fn intern(string: &str) -> &'static str {
    let mut strings = STRINGS.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = strings.get(string) {
        return known;
    }
    let kept: &'static str = Box::leak(string.into());
    strings.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_formatted_once_and_the_table_is_bounded() {
        let (first, template) = name("GET", "/users/{id}");
        assert_eq!(first, "GET /users/{id}");
        assert_eq!(template, Template::Static("/users/{id}"));
        let (again, _) = name("GET", "/users/{id}");
        assert!(std::ptr::eq(first.as_ptr(), again.as_ptr()));

        for i in 0..LIMIT {
            name("GET", &format!("/made-up/{i}"));
        }
        let (owned, template) = name("GET", "/one/more");
        assert!(matches!(owned, Cow::Owned(_)));
        assert_eq!((owned.as_ref(), template.as_str()), ("GET /one/more", "/one/more"));
        assert!(NAMES.read().unwrap().len() <= LIMIT);
    }
}
