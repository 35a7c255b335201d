//! One walk through a span, log record or resource.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use opentelemetry::{Array, Key, KeyValue, Value, logs::AnyValue};
use serde_json::{Value as Json, json};

use super::{
    ScrubMatch, Shared,
    marker::{is_marker, is_masked, marker, shortened},
    notes::Notes,
    patterns::{Found, Patterns, Search},
    rules::{Rule, rule},
    url::urls_without_credentials,
};
use crate::any_value::shown;

/// What is known of where we are, and what was redacted so far.
pub(super) struct Pass<'a> {
    shared: &'a Shared,
    path: Vec<Step>,
    notes: Notes,
    /// What is written instead of `[Scrubbed due to '…']`.
    mask: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl<'a> Pass<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, path: Vec::new(), notes: Notes::default(), mask: None }
    }

    /// What was redacted.
    pub(super) fn into_notes(self) -> Notes {
        self.notes
    }

    pub(super) fn find<'t>(&self, text: &'t str) -> Option<Found<'t>> {
        self.shared.patterns.find(text)
    }

    pub(super) const fn patterns(&self) -> &'a Patterns {
        &self.shared.patterns
    }

    /// Whether what was found is a token of Logfire's.
    pub(super) fn is_token(&self, found: &Found<'_>) -> bool {
        self.shared.patterns.is_token(found.text)
    }

    /// Whether what was found is a word that the user has written as a pattern.
    pub(super) fn is_word(&self, found: &Found<'_>) -> bool {
        self.shared.patterns.is_word(found.text)
    }

    pub(super) const fn search<'t>(&self, text: &'t str) -> Search<'a, 't> {
        self.shared.patterns.search(text)
    }

    pub(super) fn at_key<T>(&mut self, key: &str, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.at(Step::Key(key.to_owned()), visit)
    }

    pub(super) fn at_index<T>(&mut self, index: usize, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.at(Step::Index(index), visit)
    }

    fn at<T>(&mut self, step: Step, visit: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = visit(self);
        self.path.pop();
        result
    }

    pub(super) fn masked<T>(
        &mut self,
        mask: &'static str,
        visit: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.mask.replace(mask);
        let result = visit(self);
        self.mask = before;
        result
    }

    /// What stands in the place of `value`, whose name has matched; `None` if the callback lets it stay.
    pub(super) fn redact(&mut self, matched: &str, value: &str) -> Option<String> {
        self.redact_for(matched, matched, value)
    }

    /// What stands in the place of `value`, in which something is found that may be the secret itself.
    pub(super) fn redact_found(&mut self, found: &Found<'_>, value: &str) -> Option<String> {
        let shared = self.shared;
        self.redact_for(found.text, shared.patterns.cause(found.text), value)
    }

    fn redact_for(&mut self, matched: &str, cause: &str, value: &str) -> Option<String> {
        if let Some(new) = self.ask(matched, value) {
            return (new != value).then_some(new);
        }
        let cause = shortened(cause);
        let path = &self.path;
        self.notes.push(|| {
            let path: Vec<_> = path.iter().map(Step::json).collect();
            json!({ "path": path, "matched_substring": cause })
        });
        Some(self.mask.map_or_else(|| marker(cause), str::to_owned))
    }

    /// A callback that panics redacts.
    fn ask(&self, matched: &str, value: &str) -> Option<String> {
        let callback = self.shared.callback.as_ref()?;
        let path = self.path.iter().map(Step::text).collect::<Vec<_>>().join(".");
        let found = ScrubMatch { path: &path, value, matched };
        catch_unwind(AssertUnwindSafe(|| (callback.0)(&found))).unwrap_or_else(|_| {
            self.shared.callback_panicked();
            None
        })
    }

    pub(super) fn attributes(&mut self, attributes: &mut [KeyValue]) {
        for KeyValue { key, value, .. } in attributes {
            self.attribute(key, value);
        }
    }

    fn attribute(&mut self, key: &Key, value: &mut Value) {
        let key = key.as_str();
        match (rule(key), &mut *value) {
            (Rule::Safe, _) => {}
            (Rule::Open, _) => match self.find(key) {
                Some(found) => self.at_key(key, |pass| pass.named(found.text, value)),
                None => self.at_key(key, |pass| pass.value(value)),
            },
            (rule, Value::String(text)) => {
                if let Some(new) = self.at_key(key, |pass| pass.inside(rule, text.as_str())) {
                    *text = new.into();
                }
            }
            _ => self.at_key(key, |pass| pass.value(value)),
        }
    }

    /// As an attribute, but only what is certainly none of the names of hosts, services and jobs.
    pub(super) fn resource_attribute(&mut self, key: &Key, value: &mut Value) {
        let key = key.as_str();
        let rule = match rule(key) {
            Rule::Safe => return,
            _ if key == "service.name" => return,
            // Certainly not as a whole.
            Rule::Open => Rule::Text,
            rule => rule,
        };
        self.at_key(key, |pass| match pass.find(key) {
            Some(found) => pass.named(found.text, value),
            None => match value {
                Value::String(text) => {
                    if let Some(new) = pass.inside(rule, text.as_str()) {
                        *text = new.into();
                    }
                }
                Value::Array(Array::String(texts)) => {
                    for (index, text) in texts.iter_mut().enumerate() {
                        if let Some(new) = pass.at_index(index, |pass| pass.text(text.as_str())) {
                            *text = new.into();
                        }
                    }
                }
                _ => {}
            },
        });
    }

    /// A value whose name matched.
    fn named(&mut self, matched: &str, value: &mut Value) {
        match value {
            Value::Array(Array::String(texts)) if texts.iter().all(|it| is_masked(it.as_str())) => {
            }
            Value::Array(_) => {
                if let Some(new) = self.redact(matched, &value.as_str()) {
                    *value = Value::Array(Array::String(vec![new.into()]));
                }
            }
            _ if is_masked(&value.as_str()) => {}
            _ => {
                if let Some(new) = self.redact(matched, &value.as_str()) {
                    *value = new.into();
                }
            }
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(new) = self.string(text.as_str()) {
                    *text = new.into();
                }
            }
            Value::Array(Array::String(texts)) => {
                for (index, text) in texts.iter_mut().enumerate() {
                    if let Some(new) = self.at_index(index, |pass| pass.string(text.as_str())) {
                        *text = new.into();
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn log_attribute(&mut self, key: &str, value: &mut AnyValue) {
        match (rule(key), &mut *value) {
            (Rule::Safe, _) => {}
            (rule, AnyValue::String(text)) if rule != Rule::Open => {
                if let Some(new) = self.at_key(key, |pass| pass.inside(rule, text.as_str())) {
                    *text = new.into();
                }
            }
            _ => match self.find(key) {
                Some(found) if !is_masked(&shown(value)) => {
                    let new = self.at_key(key, |pass| pass.redact(found.text, &shown(value)));
                    if let Some(new) = new {
                        *value = AnyValue::String(new.into());
                    }
                }
                Some(_) => {}
                None => self.at_key(key, |pass| pass.log_value(value)),
            },
        }
    }

    fn log_value(&mut self, value: &mut AnyValue) {
        match value {
            AnyValue::String(text) => {
                if let Some(new) = self.string(text.as_str()) {
                    *text = new.into();
                }
            }
            AnyValue::ListAny(values) => {
                for (index, value) in values.iter_mut().enumerate() {
                    self.at_index(index, |pass| pass.log_value(value));
                }
            }
            AnyValue::Map(values) => self.log_map(values),
            // Most bytes in logs are texts that nobody has decoded.
            AnyValue::Bytes(bytes) => {
                if let Some(new) = self.string(&String::from_utf8_lossy(bytes)) {
                    *value = AnyValue::String(new.into());
                }
            }
            _ => {}
        }
    }

    fn log_map(&mut self, values: &mut HashMap<Key, AnyValue>) {
        for (key, value) in values {
            self.log_attribute(key.as_str(), value);
        }
    }

    /// A text is for people; anything else is scrubbed as an attribute.
    pub(super) fn log_body(&mut self, body: &mut AnyValue) {
        match body {
            AnyValue::String(text) => {
                if let Some(new) = self.text(text.as_str()) {
                    *text = new.into();
                }
            }
            _ => self.log_value(body),
        }
    }

    /// A text that stays, but for what the rule finds in it.
    fn inside(&mut self, rule: Rule, text: &str) -> Option<String> {
        match rule {
            Rule::Location => self.location(text),
            Rule::Query => self.query(text),
            Rule::Text => self.text(text),
            Rule::Open => self.string(text),
            Rule::Safe => None,
        }
    }

    /// A string whose name did not match: JSON is scrubbed inside, anything else as a whole, but the bare word stays.
    /// Credentials in URLs are masked.
    pub(super) fn string(&mut self, text: &str) -> Option<String> {
        let masked = urls_without_credentials(text);
        self.words(masked.as_deref().unwrap_or(text)).or(masked)
    }

    fn words(&mut self, text: &str) -> Option<String> {
        let found = self.find(text)?;
        let is_word = found.text.len() == text.len() && self.shared.patterns.cause(text) == text;
        if is_word || is_marker(text) {
            return None;
        }
        match self.json_text(text) {
            Some(scrubbed) => scrubbed,
            None => self.redact_found(&found, text),
        }
    }

    /// `None` if the text is no JSON, `Some(None)` if it stays.
    pub(super) fn json_text(&mut self, text: &str) -> Option<Option<String>> {
        if !text.trim_start().starts_with(['{', '[', '"']) {
            return None;
        }
        let mut json: Json = serde_json::from_str(text).ok()?;
        // Inside of a query, what is written is encoded as a whole.
        Some(self.json(&mut json).then(|| json.to_string()))
    }

    /// Whether something was redacted.
    fn json(&mut self, json: &mut Json) -> bool {
        match json {
            Json::String(text) => self.string(text).is_some_and(|new| {
                *text = new;
                true
            }),
            Json::Array(values) => {
                let mut changed = false;
                for (index, value) in values.iter_mut().enumerate() {
                    changed |= self.at_index(index, |pass| pass.json(value));
                }
                changed
            }
            Json::Object(members) => {
                let mut changed = false;
                for (key, value) in members {
                    changed |= self.at_key(key, |pass| pass.member(key, value));
                }
                changed
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    fn member(&mut self, key: &str, value: &mut Json) -> bool {
        let new = match (rule(key), &mut *value) {
            (Rule::Safe, _) => return false,
            (rule, Json::String(text)) if rule != Rule::Open => {
                self.inside(rule, text).map(Json::String)
            }
            _ => match self.find(key) {
                None => return self.json(value),
                Some(found) => {
                    let text = match &*value {
                        Json::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    if is_masked(&text) {
                        return false;
                    }
                    let new = self.redact(found.text, &text).map(Json::String);
                    if value.is_array() { new.map(|new| Json::Array(vec![new])) } else { new }
                }
            },
        };
        new.is_some_and(|new| {
            *value = new;
            true
        })
    }
}

impl Step {
    fn json(&self) -> Json {
        match self {
            Self::Key(key) => json!(key),
            Self::Index(index) => json!(index),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Key(key) => key.clone(),
            Self::Index(index) => index.to_string(),
        }
    }
}
