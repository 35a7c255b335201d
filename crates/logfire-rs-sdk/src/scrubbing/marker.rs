//! What is written in the place of what was scrubbed, and how it is known again.

use std::ops::Range;

use super::patterns::Patterns;

const START: &str = "[Scrubbed due to '";
const END: &str = "']";

/// Characters of a cause that are told; a pattern of the user may match much.
const MAX_CAUSE: usize = 100;

/// `[Scrubbed due to 'password']`
pub(super) fn marker(cause: &str) -> String {
    format!("{START}{}{END}", told(cause))
}

/// As much of a cause as a marker tells. A quote in it would end the marker.
pub(super) fn told(cause: &str) -> String {
    shortened(cause).replace('\'', "’")
}

/// As much of a cause as a note tells.
pub(super) fn shortened(cause: &str) -> &str {
    let end = cause.char_indices().nth(MAX_CAUSE).map_or(cause.len(), |(end, _)| end);
    cause.get(..end).unwrap_or(cause)
}

/// What was scrubbed before, by another wrapper.
pub(super) fn is_marker(text: &str) -> bool {
    length(text) == Some(text.len())
}

pub(super) fn begins_with_marker(text: &str) -> bool {
    length(text).is_some()
}

/// What was scrubbed before, or masked by the instrumentation.
pub(super) fn is_masked(text: &str) -> bool {
    is_marker(text) || text == "[REDACTED]" || text == super::url::REDACTED
}

/// The length of the marker that `text` begins with.
fn length(text: &str) -> Option<usize> {
    cause(text).map(|cause| START.len() + cause.len() + END.len())
}

/// The cause that the marker tells that `text` begins with.
fn cause(text: &str) -> Option<&str> {
    let (cause, rest) = text.strip_prefix(START)?.split_once('\'')?;
    rest.starts_with(']').then_some(cause)
}

/// The markers in a text, on a way from its start to its end: those that `patterns` lead to. What else looks like one may
/// be made up by a client, for a text to go around what is secret.
pub(super) struct Markers<'t> {
    text: &'t str,
    patterns: &'t Patterns,
    next: Option<Range<usize>>,
}

impl<'t> Markers<'t> {
    pub(super) fn new(text: &'t str, patterns: &'t Patterns) -> Self {
        Self { text, patterns, next: first(text, 0, patterns) }
    }

    /// The end of the marker that `place` is in; places only grow.
    pub(super) fn end_of(&mut self, place: usize) -> Option<usize> {
        while let Some(marker) = &self.next
            && marker.end <= place
        {
            self.next = first(self.text, marker.end, self.patterns);
        }
        self.next.as_ref().filter(|marker| marker.start <= place).map(|marker| marker.end)
    }
}

fn first(text: &str, from: usize, patterns: &Patterns) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let rest = text.get(from..)?;
        let start = from + rest.find(START)?;
        if let Some(cause) = text.get(start..).and_then(cause)
            && patterns.is_cause(cause)
        {
            return Some(start..start + START.len() + cause.len() + END.len());
        }
        from = start + START.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_whole() {
        let [one, other] = ["password", "o'brien"].map(marker);
        assert_eq!(other, "[Scrubbed due to 'o’brien']");
        assert!(is_marker(&one) && is_masked(&one) && !is_marker(&format!("{one}x")));
        let text =
            format!("é[Scrubbed due to 'x'] [Scrubbed due to 'x' {one}{other} [Scrubbed due to 'x");
        let patterns = Patterns::new(&["o'brien".to_owned()]).unwrap();
        let mut markers = Markers::new(&text, &patterns);
        let start = text.find(&one).unwrap();
        let (middle, end) = (start + one.len(), start + one.len() + other.len());
        for (place, expected) in [
            (0, None),
            (start - 1, None),
            (start, Some(middle)),
            (middle - 1, Some(middle)),
            (middle, Some(end)),
            (end, None),
            (text.len(), None),
        ] {
            assert_eq!(markers.end_of(place), expected, "{place}");
        }
    }
}
