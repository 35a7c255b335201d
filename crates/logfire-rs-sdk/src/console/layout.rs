//! How lines look: times, indentation, attributes, tags.

use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use jiff::{Timestamp, tz::TimeZone};
use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;

use super::{
    options::SpanStyle,
    wording::{DIM, painted, visible},
};
use crate::{Level, message::attribute};

const TIME: Style = AnsiColor::Green.on_default();
const TAG: Style = AnsiColor::Cyan.on_default();

const TAGS: &str = "logfire.tags";

/// What each line shows, and how.
#[derive(Debug)]
pub(crate) struct Layout {
    /// `None` shows no time.
    pub(crate) time_zone: Option<TimeZone>,
    pub(crate) style: SpanStyle,
    pub(crate) min_level: Level,
    pub(crate) verbose: bool,
    pub(crate) tags: bool,
}

impl Layout {
    /// Appends a line; one without a time belongs to what is above it.
    pub(super) fn line(
        &self,
        lines: &mut String,
        time: Option<SystemTime>,
        depth: usize,
        text: &str,
    ) {
        if let Some(time_zone) = &self.time_zone {
            let time = time.and_then(|time| Timestamp::try_from(time).ok());
            let time = time.map(|time| time.to_zoned(time_zone.clone()).strftime("%H:%M:%S%.3f"));
            match time {
                Some(time) => lines.push_str(&painted(TIME, &time)),
                None => lines.push_str("            "),
            }
            lines.push(' ');
        }
        if self.style != SpanStyle::Simple {
            lines.push_str(&"  ".repeat(depth));
        }
        lines.push_str(text);
        lines.push('\n');
    }

    /// Appends one line for each attribute, if the console is verbose.
    pub(super) fn details(
        &self,
        lines: &mut String,
        depth: usize,
        details: impl Iterator<Item = (String, String)>,
    ) {
        if self.verbose {
            for (key, value) in details {
                let detail = visible(&format!("{key}={value}"));
                self.line(lines, None, depth, &format!("{} {detail}", painted(DIM, &"│")));
            }
        }
    }

    /// ` [a,b]`
    pub(super) fn tags(&self, span: &SpanData) -> String {
        match attribute(&span.attributes, &[TAGS]) {
            Some(Value::Array(Array::String(tags))) if self.tags => {
                let tags: Vec<_> = tags.iter().map(|tag| visible(tag.as_str())).collect();
                format!(" {}", painted(TAG, &format!("[{}]", tags.join(","))))
            }
            _ => String::new(),
        }
    }
}
