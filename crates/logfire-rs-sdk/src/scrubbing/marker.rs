//! What is written in the place of what was scrubbed, and how it is known again.

use std::ops::Range;

const START: &str = "[Scrubbed due to '";
const END: &str = "']";

/// `[Scrubbed due to 'password']`
pub(super) fn marker(cause: &str) -> String {
    // A quote in it would end it.
    format!("{START}{}{END}", cause.replace('\'', "’"))
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
    let cause = text.strip_prefix(START)?;
    let end =
        cause.find('\'').filter(|end| cause.get(*end..).is_some_and(|it| it.starts_with(END)))?;
    Some(START.len() + end + END.len())
}

/// The markers in a text, on a way from its start to its end.
pub(super) struct Markers<'t> {
    text: &'t str,
    next: Option<Range<usize>>,
}

impl<'t> Markers<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, next: first(text, 0) }
    }

    /// The end of the marker that `place` is in; places only grow.
    pub(super) fn end_of(&mut self, place: usize) -> Option<usize> {
        while let Some(marker) = &self.next
            && marker.end <= place
        {
            self.next = first(self.text, marker.end);
        }
        self.next.as_ref().filter(|marker| marker.start <= place).map(|marker| marker.end)
    }
}

fn first(text: &str, from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let rest = text.get(from..)?;
        let start = from + rest.find(START)?;
        if let Some(length) = text.get(start..).and_then(length) {
            return Some(start..start + length);
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
        let text = format!("é[Scrubbed due to 'x' {one}{other} [Scrubbed due to 'x");
        let mut markers = Markers::new(&text);
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
