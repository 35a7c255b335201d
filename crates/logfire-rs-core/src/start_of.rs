//! Texts that are cut to a length.

/// At most `length` bytes of a text, whole characters.
pub(crate) fn start_of(text: &str, length: usize) -> &str {
    // `str::floor_char_boundary` is younger than the oldest Rust we support.
    let end = (0..=length.min(text.len())).rev().find(|it| text.is_char_boundary(*it));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
