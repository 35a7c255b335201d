//! Route templates, declared by filters while they match.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logfire_rs_core::current_request;
#[cfg(feature = "endpoint")]
use logfire_rs_core::endpoint::ArgumentError;
use warp::Filter;
use warp::path::{FullPath, Peek};

use crate::rejection::Rejected;

/// Declares the template of all that has matched before it, as the route of the request.
///
/// ```
/// use logfire_rs_warp::route;
/// use warp::Filter;
///
/// let order = warp::path("orders")
///     .and(warp::path::param::<u32>())
///     .and(warp::path::end())
///     .and(route("/orders/{id}"))
///     .map(|id| format!("order {id}"));
/// let service = logfire_rs_warp::instrument(order);
/// ```
pub fn route(template: &'static str) -> impl Filter<Extract = (), Error = Infallible> + Copy {
    declare(None, template)
}

/// Declares `template` for the last `segments` segments of the path; `None` stands for all.
pub fn declare(
    segments: Option<usize>,
    template: &'static str,
) -> impl Filter<Extract = (), Error = Infallible> + Copy {
    warp::ext::optional::<Slot>()
        .and(warp::path::full())
        .and(warp::path::peek())
        .map(move |slot: Option<Slot>, full: FullPath, rest: Peek| {
            if let Some(slot) = slot {
                let path = full.as_str();
                let end = path.len() - rest.as_str().len();
                slot.declare(path, end, segments, template);
            }
        })
        .untuple_one()
}

/// What the filters of one request have noted; in its extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    /// The templates that matched, by the bytes of the path that they cover.
    templates: Vec<Declared>,
    /// The last rejection.
    rejection: Option<Rejected>,
    /// What was wrong in the query, if a filter of ours has parsed it.
    #[cfg(feature = "endpoint")]
    query: Option<ArgumentError>,
}

#[derive(Clone, Copy, Debug)]
struct Declared {
    start: usize,
    end: usize,
    template: &'static str,
}

thread_local! {
    static CURRENT: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

impl Slot {
    /// The slot of the request that this thread works on.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|it| it.borrow().clone()).ok().flatten()
    }

    /// Runs `poll` with this slot as the current one.
    pub(crate) fn run<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Restore(Option<Slot>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let _ = CURRENT.try_with(|it| it.replace(self.0.take()));
            }
        }
        let before = CURRENT.try_with(|it| it.replace(Some(self.clone()))).ok().flatten();
        let _restore = Restore(before);
        poll()
    }

    pub(crate) fn reject(&self, rejected: Rejected) {
        self.notes().rejection = Some(rejected);
    }

    #[cfg(feature = "endpoint")]
    pub(crate) fn explain_query(&self, error: ArgumentError) {
        self.notes().query = Some(error);
    }

    #[cfg(feature = "endpoint")]
    pub(crate) fn explained_query(&self) -> Option<ArgumentError> {
        self.notes().query.clone()
    }

    pub(crate) fn take_rejection(&self) -> Option<Rejected> {
        self.notes().rejection.take()
    }

    /// A 404 keeps the route only if it covers the whole path: then the handler itself has said it.
    pub(crate) fn not_found(&self, path: &str) {
        let covered = path.trim_end_matches('/').len();
        let mut notes = self.notes();
        if notes.templates.last().is_none_or(|it| it.end < covered) {
            notes.templates.clear();
            tell(&notes, path);
        }
    }

    /// A later match drops those that cover the same part of the path, and joins those before it: so
    /// an alternative that was tried in vain leaves nothing behind, and nesting adds up.
    fn declare(&self, path: &str, end: usize, segments: Option<usize>, template: &'static str) {
        // warp has stepped over the slash after a segment already.
        let matched = path.get(..end).unwrap_or_default();
        let matched = matched.strip_suffix('/').unwrap_or(matched);
        let start = match segments {
            None => 0,
            Some(0) => matched.len(),
            Some(count) => matched.rmatch_indices('/').nth(count - 1).map_or(0, |it| it.0),
        };
        let mut notes = self.notes();
        notes.templates.retain(|it| it.end <= start && segments.is_some());
        notes.templates.push(Declared { start, end: matched.len(), template });
        tell(&notes, path);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the request its route at once: it may end without an answer.
fn tell(notes: &Notes, path: &str) {
    let Some(request) = current_request() else { return };
    match joined(&notes.templates, path) {
        Some(route) => request.set_route(&route),
        None => request.clear_route(),
    }
}

/// The templates as one; segments that none declared show as `*`.
fn joined(templates: &[Declared], path: &str) -> Option<String> {
    if templates.is_empty() {
        return None;
    }
    let mut route = String::new();
    let mut at = 0;
    for declared in templates {
        let between = path.get(at.min(declared.start)..declared.start).unwrap_or_default();
        between.split('/').filter(|it| !it.is_empty()).for_each(|_| route.push_str("/*"));
        route.push_str(declared.template);
        at = declared.end;
    }
    if route.is_empty() {
        route.push('/');
    }
    Some(route)
}
