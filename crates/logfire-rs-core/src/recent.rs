//! What a thread has worked out lately: texts that come again are shared, not made anew.

use std::cell::RefCell;
use std::thread::LocalKey;

/// The last `W` values of each of `N` slots.
pub(crate) struct Recent<T, const N: usize, const W: usize = 1>(RefCell<[[Option<T>; W]; N]>);

impl<T, const N: usize, const W: usize> Recent<T, N, W> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new([const { [const { None }; W] }; N]))
    }

    /// What `share` makes of the value at `slot` that is the one looked for, else of a new one.
    #[inline]
    pub(crate) fn share<R>(
        recent: &'static LocalKey<Self>,
        slot: usize,
        is_it: impl Fn(&T) -> bool,
        make: impl Fn() -> T,
        share: impl Fn(&T) -> R,
    ) -> R {
        let find = |recent: &Self| {
            let mut recent = recent.0.borrow_mut();
            let values = recent.get_mut(slot % N)?;
            for known in &*values {
                if let Some(known) = known
                    && is_it(known)
                {
                    return Some(share(known));
                }
            }
            values.rotate_right(1);
            Some(share(values.first_mut()?.insert(make())))
        };
        // There is none while the thread ends.
        recent.try_with(find).ok().flatten().unwrap_or_else(|| share(&make()))
    }
}

/// A slot for `bytes`, by what is quickly seen of them.
pub(crate) fn slot(bytes: &[u8]) -> usize {
    let middle = bytes.get(bytes.len() / 2).copied().unwrap_or_default();
    bytes.len().wrapping_add(usize::from(middle))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_last_values_of_a_slot_are_kept_and_one_more_drives_out_the_first() {
        thread_local! {
            static RECENT: Recent<Arc<str>, 4, 2> = const { Recent::new() };
        }
        let get = |slot, text: &str| {
            Recent::share(&RECENT, slot, |it| **it == *text, || text.into(), Arc::clone)
        };
        let (a, b) = (get(1, "a"), get(5, "b"));
        assert!(Arc::ptr_eq(&a, &get(1, "a")) && Arc::ptr_eq(&b, &get(1, "b")));
        get(1, "c");
        assert!(Arc::ptr_eq(&b, &get(1, "b")));
        assert!(!Arc::ptr_eq(&a, &get(1, "a")));
    }
}
