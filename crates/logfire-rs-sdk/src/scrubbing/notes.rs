//! What was scrubbed, as Logfire reads it in `logfire.scrubbed`.

use serde_json::{Value as Json, json};

/// Notes of one span or log record; a client may send an array of thousands of secrets.
const MAX_NOTES: usize = 100;
/// The member that counts further ones.
const LEFT_OFF: &str = "left_off";

/// The first notes, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Notes {
    notes: Vec<Json>,
    left_off: u64,
}

impl Notes {
    /// Those of an earlier scrubbing, by the text that it wrote.
    pub(super) fn earlier(text: Option<&str>) -> Self {
        let mut all = Self::default();
        let notes: Option<Vec<Json>> = text.and_then(|text| serde_json::from_str(text).ok());
        for note in notes.unwrap_or_default() {
            match note.get(LEFT_OFF).and_then(Json::as_u64) {
                Some(left_off) => all.left_off = all.left_off.saturating_add(left_off),
                None => all.push(|| note),
            }
        }
        all
    }

    /// Makes a note, unless there are enough.
    pub(super) fn push(&mut self, note: impl FnOnce() -> Json) {
        match self.notes.len() < MAX_NOTES {
            true => self.notes.push(note()),
            false => self.left_off = self.left_off.saturating_add(1),
        }
    }

    pub(super) fn extend(&mut self, later: Self) {
        later.notes.into_iter().for_each(|note| self.push(|| note));
        self.left_off = self.left_off.saturating_add(later.left_off);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The last one says how many were left off, in the members that all have.
    pub(super) fn into_text(self) -> String {
        let mut notes = self.notes;
        if self.left_off > 0 {
            let more = format!("… and {} more", self.left_off);
            notes.push(json!({ "path": [], "matched_substring": more, LEFT_OFF: self.left_off }));
        }
        Json::Array(notes).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_notes_are_counted() {
        let some = |count: usize| {
            let mut notes = Notes::default();
            (0..count).for_each(|index| notes.push(|| json!({ "path": [index] })));
            notes
        };
        assert_eq!(some(1).into_text(), r#"[{"path":[0]}]"#);
        let text = some(MAX_NOTES + 7).into_text();
        let last = r#"{"left_off":7,"matched_substring":"… and 7 more","path":[]}]"#;
        assert!(text.ends_with(&format!(r#"{{"path":[99]}},{last}"#)), "{text}");

        // Of two scrubbings too.
        let mut both = Notes::earlier(Some(&text));
        both.extend(some(3));
        assert!(both.into_text().ends_with(&last.replace('7', "10")));
        assert!(Notes::earlier(Some("no JSON")).is_empty() && Notes::earlier(None).is_empty());
    }
}
