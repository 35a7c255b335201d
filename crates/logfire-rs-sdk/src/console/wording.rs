//! The words and colors of a line: endings, errors, details.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use opentelemetry::{
    Key,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, EXCEPTION_MESSAGE, EXCEPTION_TYPE,
};

use crate::message::{status_code, text};

/// Messages, bodies and details of errors longer than this are cut, as Logfire's Python console does with bodies. Who
/// sends a request chooses how long its path is.
const MAX_TEXT: usize = 300;

pub(super) const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const ERROR: Style = AnsiColor::Red.on_default();

/// Those attributes that were not shown before and are not about how a span is shown.
pub(super) fn span_details(
    span: &SpanData,
    shown: &[Key],
) -> impl Iterator<Item = (String, String)> {
    let attributes = span.attributes.iter();
    let new = attributes.filter(|it| !shown.contains(&it.key));
    new.filter(|it| !it.key.as_str().starts_with("logfire."))
        .map(|it| (it.key.to_string(), it.value.to_string()))
}

/// `└ 200 in 1.2 ms`, `└ panic in 1.2 ms: what it says`
pub(super) struct Ending<'a>(pub(super) &'a SpanData);

impl Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0;
        let code = status_code(&span.attributes);
        let failed = matches!(span.status, Status::Error { .. });
        let style = match code {
            _ if failed => ERROR,
            Some(400..) if span.span_kind == SpanKind::Client => ERROR,
            Some(500..) => ERROR,
            Some(400..) => WARNING,
            _ => GOOD,
        };
        let code = code.map(|code| code.to_string());
        let error_type = text(&span.attributes, &[ERROR_TYPE])
            .filter(|error_type| Some(error_type.as_ref()) != code.as_deref());
        let mut outcome: Vec<_> =
            code.iter().map(String::as_str).chain(error_type.as_deref()).collect();
        if outcome.is_empty() && failed {
            outcome.push("error");
        }
        let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();
        let duration = painted(DIM, &format!("{}", Shown(duration)));
        let corner = painted(DIM, &"└");
        if outcome.is_empty() {
            write!(f, "{corner} {duration}")?;
        } else {
            let outcome = painted(style, &visible(&outcome.join(" ")));
            write!(f, "{corner} {outcome} {} {duration}", painted(DIM, &"in"))?;
        }
        match detail(span) {
            Some(detail) => {
                write!(f, "{} {}", painted(DIM, &":"), painted(style, &visible(&detail)))
            }
            None => Ok(()),
        }
    }
}

/// What an error says about itself: its exception, or the description of its status. The type of an exception that is
/// the span's own is told before.
fn detail(span: &SpanData) -> Option<String> {
    let exception = span.events.iter().find(|event| event.name == "exception");
    let description = match &span.status {
        Status::Error { description } if !description.is_empty() => Some(description.to_string()),
        _ => None,
    };
    let exception = exception.and_then(|event| {
        let own = text(&span.attributes, &[ERROR_TYPE]);
        let kind =
            text(&event.attributes, &[EXCEPTION_TYPE]).filter(|kind| own.as_ref() != Some(kind));
        let message = text(&event.attributes, &[EXCEPTION_MESSAGE]);
        let parts: Vec<_> = kind.into_iter().chain(message).collect();
        (!parts.is_empty()).then(|| parts.join(": "))
    });
    exception.or(description).map(|detail| short(&detail))
}

/// The begin of a text, if it is long.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Two digits that matter below ten, none behind the point above.
struct Shown(Duration);

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let milliseconds = seconds * 1e3;
        match milliseconds {
            ..0.95 => write!(f, "{milliseconds:.2} ms"),
            ..9.95 => write!(f, "{milliseconds:.1} ms"),
            ..999.5 => write!(f, "{milliseconds:.0} ms"),
            ..99_950.0 => write!(f, "{seconds:.1} s"),
            _ => write!(f, "{seconds:.0} s"),
        }
    }
}

pub(super) fn painted(style: Style, text: &impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Control characters would let a request draw on the terminal of whoever reads.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let draws = c.is_control() || is_reordering(c);
            let escape = draws.then(|| c.escape_default());
            escape.into_iter().flatten().chain((!draws).then_some(c))
        })
        .collect()
}

/// What changes the direction of the text behind it, or ends the line, without being seen.
/// <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
const fn is_reordering(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (micros, shown) in [
            (7, "0.01 ms"),
            (420, "0.42 ms"),
            (1_240, "1.2 ms"),
            (9_949, "9.9 ms"),
            (42_400, "42 ms"),
            (999_600, "1.0 s"),
            (61_000_000, "61.0 s"),
            (3_600_000_000, "3600 s"),
        ] {
            assert_eq!(Shown(Duration::from_micros(micros)).to_string(), shown);
        }
    }

    #[test]
    fn what_turns_the_text_around_is_shown_and_other_scripts_stay() {
        let evil = "a\u{202e}b\u{2066}c\u{2028}d\u{200f}e\u{61c}f";
        let shown = r"a\u{202e}b\u{2066}c\u{2028}d\u{200f}e\u{61c}f";
        assert_eq!(visible(evil), shown);
        let family = "ワイド שלום é 👩\u{200d}👧";
        assert_eq!(visible(family), family);
    }
}
