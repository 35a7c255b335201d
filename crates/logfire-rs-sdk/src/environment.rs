//! Reads settings from the environment, or from what a test puts in its place.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::{Mutex, PoisonError},
};

use percent_encoding::percent_decode_str;

use crate::warnings::Warnings;

/// What replaces the environment of the process.
pub(crate) struct Lookup(Box<LookupFn>);

type LookupFn = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Lookup {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Box::new(lookup))
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

/// The variables that a configuration reads, and where it complains about them.
#[derive(Debug)]
pub(crate) struct Environment {
    /// `None` is the environment of the process.
    lookup: Option<Lookup>,
    pub(crate) warnings: Warnings,
    /// Several settings read the same variables; each warning is given once.
    told: Mutex<HashSet<String>>,
    /// The names that were looked up.
    asked: Mutex<BTreeSet<String>>,
}

impl Environment {
    pub(crate) fn new(lookup: Option<Lookup>, warnings: Warnings) -> Self {
        Self { lookup, warnings, told: Mutex::default(), asked: Mutex::default() }
    }

    /// The value of the first variable that is set to more than blanks, trimmed.
    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.named(name)).map(|(_, text)| text)
    }

    /// The parsed value of the first variable that is set; a bad one is told and counts as unset.
    pub(crate) fn parsed<T>(
        &self,
        names: &[&str],
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        names.iter().find_map(|name| {
            let (name, text) = self.named(name)?;
            let value = parse(&text);
            if value.is_none() {
                self.warn(&format_args!("{name} is ignored: `{text}` is not {expected}"));
            }
            value
        })
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.parsed(&[name], "`true` or `false`", parse_bool)
    }

    /// `key=value,key=value` with percent-encoded values, of the first variable that is set.
    /// <https://www.w3.org/TR/baggage/#baggage-http-header-format>
    pub(crate) fn pairs(&self, names: &[&str]) -> Vec<(String, String)> {
        let Some((name, text)) = names.iter().find_map(|name| self.named(name)) else {
            return Vec::new();
        };
        text.split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .filter_map(|entry| {
                let pair = entry.split_once('=').and_then(|(key, value)| {
                    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                    let key = key.trim();
                    (!key.is_empty()).then(|| (key.to_owned(), value.into_owned()))
                });
                if pair.is_none() {
                    // The entry may be a secret, so that it is not shown.
                    self.warn(&format_args!(
                        "an entry of {name} is ignored: it is not `key=value`"
                    ));
                }
                pair
            })
            .collect()
    }

    pub(crate) fn warn(&self, warning: &impl fmt::Display) {
        let warning = warning.to_string();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(warning.clone()) {
            self.warnings.warn(&warning);
        }
    }

    /// Tells of variables of the process that look like a slip of the keyboard in one that was looked up and is not set:
    /// nothing else would say why they do nothing.
    pub(crate) fn tell_misspelled(&self) {
        if self.lookup.is_none() {
            let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
            self.tell_misspelled_of(&names.collect());
        }
    }

    fn tell_misspelled_of(&self, set: &BTreeSet<String>) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |name: &&String| name.starts_with("LOGFIRE_") || name.starts_with("OTEL_");
        for name in set.iter().filter(is_ours).filter(|name| !asked.contains(*name)) {
            let mut unset = asked.iter().filter(|name| !set.contains(*name));
            if let Some(meant) = unset.find(|meant| is_slip(name, meant)) {
                self.warn(&format_args!("{name} is not read: did you mean {meant}?"));
            }
        }
    }

    pub(crate) const fn is_process(&self) -> bool {
        self.lookup.is_none()
    }

    fn named<'a>(&self, name: &'a str) -> Option<(&'a str, String)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        let value = match &self.lookup {
            Some(lookup) => (lookup.0)(name),
            None => std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()),
        };
        let value = value?.trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    }
}

/// Whether one becomes the other by a character more, less, another one, or two in the other order.
fn is_slip(one: &str, other: &str) -> bool {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest = |text: &str| text.bytes().skip(same).collect::<Vec<_>>();
    let (mut one, mut other) = (rest(one), rest(other));
    while !one.is_empty() && !other.is_empty() && one.last() == other.last() {
        one.pop();
        other.pop();
    }
    match (&*one, &*other) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => (a, b) == (d, c),
        _ => false,
    }
}

/// The words of Logfire's Python SDK, and those of its Rust SDK.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" => Some(true),
        "0" | "false" | "f" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// An environment of the given variables, and what it complained about.
    pub(crate) fn environment(
        variables: &'static [(&'static str, &'static str)],
    ) -> (Environment, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let warnings = Warnings::new(move |warning| heard.lock().unwrap().push(warning.to_owned()));
        let lookup = move |name: &str| {
            let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        };
        (Environment::new(Some(Lookup::new(lookup)), warnings), told)
    }

    #[test]
    fn blank_is_unset_and_the_first_set_variable_wins() {
        let (env, _) = environment(&[("A", " "), ("B", " b "), ("C", "c")]);
        assert_eq!(env.text(&["A"]), None);
        assert_eq!(env.text(&["A", "B", "C"]).as_deref(), Some("b"));
        assert_eq!(env.text(&["D"]), None);
    }

    #[test]
    fn a_bad_value_is_told_and_counts_as_unset() {
        let (env, told) = environment(&[("A", "maybe"), ("B", "T"), ("C", "no"), ("D", "-5")]);
        assert_eq!(env.boolean("A"), None);
        assert_eq!(env.boolean("B"), Some(true));
        assert_eq!(env.boolean("C"), Some(false));
        assert_eq!(env.parsed(&["D"], "a number", |text| text.parse::<u64>().ok()), None);
        assert_eq!(
            *told.lock().unwrap(),
            [
                "A is ignored: `maybe` is not `true` or `false`",
                "D is ignored: `-5` is not a number",
            ]
        );
    }

    #[test]
    fn a_slip_of_the_keyboard_is_one() {
        let meant = "LOGFIRE_TOKEN";
        for slip in
            ["LOGFIRE_TOKNE", "LOGFIRE_TOKE", "LOGFIRE_TOKENS", "LOGFIRE_TOKEM", "LOGIFRE_TOKEN"]
        {
            assert!(is_slip(slip, meant) && is_slip(meant, slip), "{slip}");
        }
        for other in [meant, "LOGFIRE_TO", "LOGFIRE_KEY", "LOGFIRE_NEKOT", "LOGFIRE_TKONE", ""] {
            assert!(!is_slip(other, meant) && !is_slip(meant, other), "{other}");
        }
        assert!(!is_slip("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"));
    }

    #[test]
    fn a_variable_that_is_nearly_one_is_told() {
        let (env, told) = environment(&[("OTEL_SERVICE_NAME", "shop")]);
        env.text(&["LOGFIRE_TOKEN", "OTEL_SERVICE_NAME", "HOME"]);
        let set = [
            "LOGFIRE_TOKNE",
            "LOGFIRE_API_KEY",
            "OTEL_SERVICE_NAMES",
            "OTEL_SERVICE_NAME",
            "HOMES",
        ];
        env.tell_misspelled_of(&set.map(str::to_owned).into());
        let warning = "LOGFIRE_TOKNE is not read: did you mean LOGFIRE_TOKEN?";
        assert_eq!(*told.lock().unwrap(), [warning]);
    }

    #[test]
    fn pairs_are_percent_decoded_and_bad_ones_are_not_shown() {
        let (env, told) = environment(&[("A", "k = v%20w ,, secret, =x, e=, a=b=c, u=%ff")]);
        let pairs: Vec<_> =
            env.pairs(&["A"]).into_iter().map(|(k, v)| format!("{k}:{v}")).collect();
        assert_eq!(pairs, ["k:v w", "e:", "a:b=c"]);
        let warning = "an entry of A is ignored: it is not `key=value`";
        assert_eq!(*told.lock().unwrap(), [warning]);
    }
}
