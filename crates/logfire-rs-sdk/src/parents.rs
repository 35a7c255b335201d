//! Who is the parent of an open span, which the API of OpenTelemetry does not tell.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use opentelemetry::trace::SpanId;

/// Of further spans it is not known.
const MAX_OPEN: usize = 10_000;

/// The parents of the open spans, once somebody has asked to remember them. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parents(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    remembers: AtomicBool,
    open: Mutex<HashMap<SpanId, SpanId>>,
}

impl Parents {
    pub(crate) fn remember(&self) {
        self.0.remembers.store(true, Ordering::Relaxed);
    }

    /// The parent of a span that is open; the invalid id for a root.
    pub(crate) fn of(&self, span: SpanId) -> Option<SpanId> {
        self.open().get(&span).copied()
    }

    pub(crate) fn began(&self, span: SpanId, parent: SpanId) {
        if self.0.remembers.load(Ordering::Relaxed) {
            let mut open = self.open();
            if open.len() < MAX_OPEN {
                open.insert(span, parent);
            }
        }
    }

    pub(crate) fn ended(&self, span: SpanId) {
        if self.0.remembers.load(Ordering::Relaxed) {
            self.open().remove(&span);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SpanId, SpanId>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_spans_are_remembered_when_somebody_asks_and_only_so_many() {
        let id = |number: usize| SpanId::from(number as u64 + 1);
        let parents = Parents::default();
        parents.began(id(0), id(1));
        assert_eq!(parents.of(id(0)), None);

        parents.remember();
        for number in 0..=MAX_OPEN {
            parents.began(id(number), SpanId::INVALID);
        }
        assert_eq!(parents.of(id(0)), Some(SpanId::INVALID));
        assert_eq!(parents.of(id(MAX_OPEN)), None);
        parents.ended(id(0));
        assert_eq!(parents.of(id(0)), None);
        assert_eq!(parents.open().len(), MAX_OPEN - 1);
    }
}
