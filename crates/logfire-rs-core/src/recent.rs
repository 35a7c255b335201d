//! What a thread has worked out lately: texts that come again are shared, not made anew.

use std::cell::RefCell;
use std::thread::LocalKey;

/// `N` values, each at the slot of its key; the last one to come stays.
pub(crate) struct Recent<T, const N: usize>(RefCell<[Option<T>; N]>);

impl<T, const N: usize> Recent<T, N> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new([const { None }; N]))
    }

    /// What `share` makes of the value at `slot` if it is the one looked for, else of a new one.
    pub(crate) fn share<R>(
        recent: &'static LocalKey<Self>,
        slot: usize,
        is_it: impl FnOnce(&T) -> bool,
        make: impl Fn() -> T,
        share: impl Fn(&T) -> R,
    ) -> R {
        let find = |recent: &Self| {
            let mut recent = recent.0.borrow_mut();
            match recent.get_mut(slot % N)? {
                Some(known) if is_it(known) => Some(share(known)),
                slot => Some(share(slot.insert(make()))),
            }
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
