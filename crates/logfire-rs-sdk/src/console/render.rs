//! Turns starts and ends of spans into lines. No threads, no clock: the same events give the same text.

use std::collections::HashMap;

use anstyle::Style;
use opentelemetry::{
    Key,
    logs::Severity,
    trace::{SpanId, TraceId},
};
use opentelemetry_sdk::trace::SpanData;

use super::{
    layout::Layout,
    log::Log,
    options::SpanStyle,
    wording::{DIM, ERROR, Ending, WARNING, painted, short, span_details, visible},
};
use crate::{Level, data_model::level, message::message};

/// Open spans that are remembered for indentation. The children of further ones begin at the left.
const MAX_OPEN: usize = 10_000;

/// The spans that are open, and the ones that the last line belongs to.
#[derive(Debug)]
pub(crate) struct Renderer {
    layout: Layout,
    open: HashMap<Id, Open>,
    /// From the outermost span to the one of the last line: what a reader takes for the parents of the next line.
    path: Vec<Id>,
}

/// Both ids: a span id is unique in its trace only.
type Id = (TraceId, SpanId);

#[derive(Debug)]
struct Open {
    parent: Option<Id>,
    /// Stays when the parent ends first.
    depth: usize,
    message: String,
    /// Less important than what is shown.
    hidden: bool,
    /// The attributes that were shown at the start.
    shown: Vec<Key>,
}

impl Renderer {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, open: HashMap::new(), path: Vec::new() }
    }

    pub(crate) fn start(&mut self, span: &SpanData) -> String {
        let key = (span.span_context.trace_id(), span.span_context.span_id());
        // The parent may be of another service in this process: the ids are all that counts.
        let parent = (span.span_context.trace_id(), span.parent_span_id);
        let parents = self.parents_and_self(parent);
        let depth = self.depth_below(parent);
        let message = visible(&short(&message(span)));
        let hidden = level(span) < self.layout.min_level;
        let shown = match self.layout.verbose && !hidden {
            true => span.attributes.iter().map(|attribute| attribute.key.clone()).collect(),
            false => Vec::new(),
        };
        let mut lines = String::new();
        if !hidden {
            lines = self.missing_parents(&parents);
            let line = format!("{message}{}", self.layout.tags(span));
            self.layout.line(&mut lines, Some(span.start_time), depth, &line);
            self.layout.details(&mut lines, depth, span_details(span, &[]));
        }
        if self.open.len() < MAX_OPEN {
            let parent = parents.last().copied();
            self.open.insert(key, Open { parent, depth, message, hidden, shown });
        }
        if !hidden {
            self.path = parents;
            self.path.push(key);
        }
        lines
    }

    pub(crate) fn end(&mut self, span: &SpanData) -> String {
        let key = (span.span_context.trace_id(), span.span_context.span_id());
        let mut chain = self.parents_and_self(key);
        let is_open = self.open.remove(&key);
        // Unknown if the start was left out, or if there were too many to remember it.
        let depth = is_open.as_ref().map_or_else(
            || self.depth_below((span.span_context.trace_id(), span.parent_span_id)),
            |open| open.depth,
        );

        let was_hidden = is_open.as_ref().is_some_and(|open| open.hidden);
        if was_hidden && let Some(place) = self.path.iter().position(|it| *it == key) {
            self.path.truncate(place);
        }
        if level(span) < self.layout.min_level && (was_hidden || is_open.is_none()) {
            return String::new();
        }
        let shown = is_open.as_ref().map(|open| open.shown.clone()).unwrap_or_default();
        let follows = is_open.is_some() && !was_hidden && self.path.starts_with(&chain);
        let mut ending = format!("{}", Ending(span));
        if follows && self.layout.style != SpanStyle::Simple {
            chain.pop();
            self.path = chain;
        } else {
            let message =
                is_open.map_or_else(|| visible(&short(&message(span))), |open| open.message);
            ending.push_str(&format!("  {}", painted(DIM, &message)));
            self.path.clear();
        }
        let mut lines = String::new();
        self.layout.line(&mut lines, Some(span.end_time), depth, &ending);
        self.layout.details(&mut lines, depth, span_details(span, &shown));
        lines
    }

    /// Below the span that was current, if it is open.
    pub(crate) fn log(&mut self, log: &Log) -> String {
        let parents = log.parent.map(|parent| self.parents_and_self(parent)).unwrap_or_default();
        let depth = log.parent.map_or(0, |parent| self.depth_below(parent));
        let style = match log.severity {
            Some(severity) if severity >= Severity::Error => ERROR,
            Some(severity) if severity >= Severity::Warn => WARNING,
            _ => Style::new(),
        };
        if log.severity.map_or(Level::Info, Level::from) < self.layout.min_level {
            return String::new();
        }
        let text = if self.layout.verbose { log.body.clone() } else { log.message() };
        let mut lines = self.missing_parents(&parents);
        self.layout.line(&mut lines, log.time, depth, &painted(style, &visible(&text)));
        self.layout.details(&mut lines, depth, log.attributes.iter().cloned());
        self.path = parents;
        lines
    }

    /// The queue was full. Ends may be among what was left out, so that what is open is no longer known.
    pub(crate) fn left_out(&mut self, lines: u64) -> String {
        let mut text = String::new();
        if lines > 0 {
            self.open.clear();
            self.path.clear();
            self.layout.line(
                &mut text,
                None,
                0,
                &painted(DIM, &format!("… {lines} lines left out")),
            );
        }
        text
    }

    fn depth_below(&self, parent: Id) -> usize {
        self.open.get(&parent).map_or(0, |parent| parent.depth + 1)
    }

    /// The open spans above `key`, outermost first, and `key` itself if it is open.
    fn parents_and_self(&self, key: Id) -> Vec<Id> {
        let mut chain = Vec::new();
        let mut next = Some(key);
        while let Some(key) = next
            && let Some(open) = self.open.get(&key)
        {
            chain.push(key);
            next = open.parent;
        }
        chain.reverse();
        chain
    }

    /// The parents that the last line does not belong to, again, so that the next line is not read as theirs.
    fn missing_parents(&self, parents: &[Id]) -> String {
        if self.layout.style != SpanStyle::ShowParents {
            return String::new();
        }
        let shown = self.path.iter().zip(parents).take_while(|(shown, parent)| shown == parent);
        let mut lines = String::new();
        for parent in parents.iter().skip(shown.count()) {
            if let Some(open) = self.open.get(parent).filter(|open| !open.hidden) {
                self.layout.line(&mut lines, None, open.depth, &painted(DIM, &open.message));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests;
