//! Settings from environment variables.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::diagnostics;

/// Where environment variables are looked up: the process, or a closure in its place.
#[derive(Clone, Default)]
pub(crate) struct Environment(Option<Arc<Lookup>>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "closure" } else { "process" })
    }
}

impl Environment {
    pub(crate) fn from_lookup(
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(lookup)))
    }

    /// The value of `name`; an empty one counts as unset, as OpenTelemetry has it.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = self.raw(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The items of the comma-separated list `name`; empty items do not count.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        self.get(name).map(|it| items(&it))
    }

    /// As [`list`](Self::list), where a more general variable stands behind: one that is set to
    /// nothing is an empty list, and wins over it.
    pub(crate) fn overriding_list(&self, name: &str) -> Option<Vec<String>> {
        self.raw(name).map(|it| items(&it))
    }

    /// Whether `name` is switched on; what is neither yes nor no counts as unset.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        let is_one_of = |words: [&str; 6]| words.iter().any(|it| it.eq_ignore_ascii_case(&value));
        if is_one_of(["1", "true", "t", "yes", "y", "on"]) {
            return Some(true);
        }
        if !is_one_of(["0", "false", "f", "no", "n", "off"]) {
            diagnostics::invalid_setting(name, &value, "`true` or `false`");
            return None;
        }
        Some(false)
    }

    fn raw(&self, name: &str) -> Option<String> {
        match &self.0 {
            Some(lookup) => lookup(name),
            None => process(name),
        }
    }
}

fn items(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

/// Reads each variable once per process, however many times an application is built.
fn process(name: &str) -> Option<String> {
    static READ: LazyLock<Mutex<HashMap<String, Option<String>>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = read.get(name) {
        return value.clone();
    }
    let value = std::env::var(name).ok();
    read.insert(name.to_owned(), value.clone());
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_trimmed_and_empty_values_are_unset() {
        let env = Environment::from_lookup(|name| match name {
            "LIST" => Some(" a, ,b ,".to_owned()),
            "BLANK" => Some("  ".to_owned()),
            "COMMAS" => Some(",".to_owned()),
            _ => None,
        });
        assert_eq!(env.list("LIST").unwrap(), ["a", "b"]);
        assert_eq!(env.list("BLANK"), None);
        assert_eq!(env.list("UNSET"), None);
        assert!(env.list("COMMAS").unwrap().is_empty());
        assert!(env.overriding_list("BLANK").unwrap().is_empty());
        assert_eq!(env.overriding_list("LIST").unwrap(), ["a", "b"]);
        assert_eq!(env.overriding_list("UNSET"), None);
        assert_eq!(Environment::default().get("LOGFIRE_RS_NOT_SET_ANYWHERE"), None);
    }

    #[test]
    fn a_flag_is_on_or_off_or_a_mistake_that_is_counted() {
        let flag =
            |value: &'static str| Environment::from_lookup(|_| Some(value.to_owned())).flag("X");
        for (value, expected) in [
            ("1", true),
            ("True", true),
            ("yes", true),
            ("ON ", true),
            ("0", false),
            ("FALSE", false),
            ("off", false),
        ] {
            assert_eq!(flag(value), Some(expected), "{value}");
        }
        assert_eq!(flag(" "), None);
        let before = diagnostics().invalid_settings;
        assert_eq!(flag("ja"), None);
        assert!(diagnostics().invalid_settings > before);
    }
}
