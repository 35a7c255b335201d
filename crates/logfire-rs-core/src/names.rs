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

type Names = RwLock<HashMap<(&'static str, &'static str), &'static Named>>;

static NAMES: LazyLock<Names> = LazyLock::new(RwLock::default);
static STRINGS: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

struct Named {
    method: &'static str,
    template: &'static str,
    name: &'static str,
}

impl Named {
    /// Nearly always the method is the very same string.
    fn is(&self, method: &str, template: &str) -> bool {
        self.template == template && (std::ptr::eq(self.method, method) || self.method == method)
    }
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
#[inline]
pub(crate) fn name(method: &'static str, template: &str) -> (Cow<'static, str>, Template) {
    match recent(method, template) {
        Some(named) => (Cow::Borrowed(named.name), Template::Static(named.template)),
        None => (Cow::Owned(format!("{method} {template}")), Template::Shared(template.into())),
    }
}

#[inline]
fn recent(method: &'static str, template: &str) -> Option<&'static Named> {
    thread_local! {
        static RECENT: RefCell<Recent> = const { RefCell::new(Recent { slots: Vec::new(), used: 0 }) };
    }
    RECENT
        .try_with(|it| it.borrow_mut().find(method, template))
        .unwrap_or_else(|_| look_up(&NAMES, method, template))
}

/// What a thread has looked up before it finds again without a lock.
///
/// At most half of the slots are used, each of them by the first name that had no other place: a
/// search ends at an empty one. There are no more names than in the table of the process.
struct Recent {
    slots: Vec<Option<&'static Named>>,
    used: usize,
}

impl Recent {
    #[inline]
    fn find(&mut self, method: &'static str, template: &str) -> Option<&'static Named> {
        if let Some(Some(named)) = self.slot(method, template) {
            return Some(named);
        }
        let named = look_up(&NAMES, method, template)?;
        self.add(named);
        Some(named)
    }

    /// The slot that a name has, or would have.
    #[inline]
    fn slot(&mut self, method: &str, template: &str) -> Option<&mut Option<&'static Named>> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut index = hash(method, template) & mask;
        while let Some(Some(named)) = self.slots.get(index)
            && !named.is(method, template)
        {
            index = (index + 1) & mask;
        }
        self.slots.get_mut(index)
    }

    #[cold]
    fn add(&mut self, named: &'static Named) {
        if self.used * 2 >= self.slots.len() {
            let more = vec![None; (self.slots.len() * 2).max(64)];
            let names = std::mem::replace(&mut self.slots, more);
            names.into_iter().flatten().for_each(|it| self.put(it));
        }
        self.put(named);
        self.used += 1;
    }

    fn put(&mut self, named: &'static Named) {
        if let Some(slot) = self.slot(named.method, named.template) {
            *slot = Some(named);
        }
    }
}

/// A quick hash: routes differ anywhere in their texts, methods in length or first letter.
fn hash(method: &str, template: &str) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = template.as_bytes().as_chunks::<8>();
    let mut hash = u64::from(method.as_bytes().first().copied().unwrap_or_default());
    hash = hash << 8 | method.len() as u64;
    let mut mix = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    words.iter().for_each(|it| mix(u64::from_le_bytes(*it)));
    mix(rest.iter().fold(rest.len() as u64, |word, it| word << 8 | u64::from(*it)));
    (hash >> 48) as usize
}

fn look_up(all: &Names, method: &'static str, template: &str) -> Option<&'static Named> {
    let known = {
        let names = all.read().unwrap_or_else(PoisonError::into_inner);
        let names: &HashMap<(&str, &str), &'static Named> = &names;
        let known = names.get(&(method, template)).copied();
        // Names without end do not make all threads wait for each other.
        if known.is_none() && names.len() >= LIMIT {
            return None;
        }
        known
    };
    known.or_else(|| add(all, method, template))
}

#[cold]
fn add(all: &Names, method: &'static str, template: &str) -> Option<&'static Named> {
    let mut names = all.write().unwrap_or_else(PoisonError::into_inner);
    if names.len() >= LIMIT {
        return None;
    }
    let template = intern(template);
    let name = intern(&format!("{method} {template}"));
    let named: &'static Named = Box::leak(Box::new(Named { method, template, name }));
    // Another thread may have been first.
    Some(names.entry((method, template)).or_insert(named))
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
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

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

    #[test]
    fn a_full_table_is_only_read() {
        let names: &'static Names = Box::leak(Box::default());
        for i in 0..LIMIT {
            assert!(look_up(names, "GET", &format!("/full/{i}")).is_some());
        }
        let reading = names.read().unwrap();
        let (found, result) = mpsc::channel();
        thread::spawn(move || found.send(look_up(names, "GET", "/full/more").is_none()));
        assert_eq!(result.recv_timeout(Duration::from_secs(60)), Ok(true));
        drop(reading);
        assert!(look_up(names, "GET", "/full/0").is_some());
    }

    #[test]
    fn a_thread_finds_each_of_many_names_again() {
        let mut recent = Recent { slots: Vec::new(), used: 0 };
        let names: Vec<&'static Named> = (0..2_000_u32)
            .map(|it| {
                let (method, template) =
                    (["GET", "PUT"][it as usize % 2], format!("/r/{}", it / 2));
                let named = Named { method, template: template.leak(), name: "" };
                &*Box::leak(Box::new(named))
            })
            .collect();
        for named in &names {
            assert!(recent.slot(named.method, named.template).is_none_or(|it| it.is_none()));
            recent.add(named);
        }
        for named in &names {
            let found = recent.slot(named.method, named.template).unwrap().unwrap();
            assert!(std::ptr::eq(found, *named));
        }
        assert!(
            recent.used == names.len() && recent.slots.len() == 4_096,
            "{}",
            recent.slots.len()
        );
        assert!(recent.slot("GET", "/r/1000").unwrap().is_none());
    }
}
