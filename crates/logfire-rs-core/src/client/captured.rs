//! Bodies as attributes: which ones, how much of them, and as what text.

use std::borrow::Cow;
use std::collections::HashMap;

use opentelemetry::KeyValue;

use crate::attributes::{self as keys, attribute};
use crate::headers::Headers;

/// What cannot be text is not kept while it passes.
const BINARY: [&str; 12] = [
    "application/grpc",
    "application/gzip",
    "application/octet-stream",
    "application/pdf",
    "application/protobuf",
    "application/wasm",
    "application/x-protobuf",
    "application/zip",
    "audio/",
    "font/",
    "image/",
    "video/",
];

const FORM: &str = "application/x-www-form-urlencoded";

/// The encodings of text that need no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    Utf8,
    Latin1,
}

/// The part of a body that is kept, while it passes.
#[derive(Debug)]
pub(super) struct Captured {
    bytes: Vec<u8>,
    limit: usize,
    charset: Charset,
}

impl Captured {
    /// `None` for a body that is not text, as far as `headers` tell.
    pub(super) fn new(headers: &dyn Headers, limit: usize) -> Option<Self> {
        Some(Self { bytes: Vec::new(), limit, charset: charset(content_type(headers)?)? })
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(data.get(..room).unwrap_or(data));
    }

    /// The text; `None` if there is none.
    pub(super) fn into_text(self) -> Option<String> {
        let cut = self.bytes.len() >= self.limit;
        let text = decode(&self.bytes, self.charset, cut)?;
        (!text.is_empty()).then(|| text.into_owned())
    }
}

/// The attribute of a request's body that is there as a whole.
pub(super) fn request_body(headers: &dyn Headers, body: &[u8], limit: usize) -> Option<KeyValue> {
    request_attribute(content_type(headers)?, body, limit)
}

/// The part of a request's body that is kept, while it passes.
#[derive(Debug)]
pub(super) struct RequestText {
    content_type: String,
    bytes: Vec<u8>,
    limit: usize,
}

impl RequestText {
    /// `None` for a body that is not text, as far as `headers` tell.
    pub(super) fn new(headers: &dyn Headers, limit: usize) -> Option<Self> {
        let content_type = content_type(headers)?;
        charset(content_type)?;
        Some(Self { content_type: content_type.to_owned(), bytes: Vec::new(), limit })
    }

    /// Keeps one byte more than the limit, which tells that the body is longer.
    pub(super) fn push(&mut self, data: &[u8]) {
        let room = self.limit.saturating_add(1).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(data.get(..room).unwrap_or(data));
    }

    pub(super) fn into_attribute(self) -> Option<KeyValue> {
        request_attribute(&self.content_type, &self.bytes, self.limit)
    }
}

fn request_attribute(content_type: &str, body: &[u8], limit: usize) -> Option<KeyValue> {
    if body.is_empty() {
        return None;
    }
    let cut = body.len() > limit;
    let text = decode(body.get(..limit).unwrap_or(body), charset(content_type)?, cut)?;
    if text.is_empty() {
        return None;
    }
    if !cut && media_type(content_type).eq_ignore_ascii_case(FORM) {
        return Some(attribute(keys::HTTP_REQUEST_BODY_FORM, form(&text)));
    }
    Some(attribute(keys::HTTP_REQUEST_BODY_TEXT, text.into_owned()))
}

/// The attribute of a response's body.
pub(super) fn response_body(captured: Captured) -> Option<KeyValue> {
    Some(attribute(keys::HTTP_RESPONSE_BODY_TEXT, captured.into_text()?))
}

/// The type of a body as it is on the wire; `None` if that is compressed.
fn content_type(headers: &dyn Headers) -> Option<&str> {
    let text = |name| headers.first(name).map(|it| it.as_str().unwrap_or_default());
    let coding = text("content-encoding").unwrap_or_default();
    let plain = coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    plain.then(|| text("content-type").unwrap_or_default())
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// How the text of a body is encoded; `None` if it is no text, or in an encoding we do not know.
fn charset(content_type: &str) -> Option<Charset> {
    let media_type = media_type(content_type);
    let starts = |it: &&str| media_type.get(..it.len()).is_some_and(|s| s.eq_ignore_ascii_case(it));
    if BINARY.iter().any(starts) {
        return None;
    }
    let mut parameters = content_type.split(';').skip(1).filter_map(|it| it.split_once('='));
    let charset = parameters.find(|it| it.0.trim().eq_ignore_ascii_case("charset"));
    match charset.map(|it| it.1.trim().trim_matches('"').to_ascii_lowercase()).as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => Some(Charset::Utf8),
        Some("iso-8859-1" | "latin1") => Some(Charset::Latin1),
        Some(_) => None,
    }
}

/// `cut`: the bytes may end in the middle of a character.
fn decode(bytes: &[u8], charset: Charset, cut: bool) -> Option<Cow<'_, str>> {
    match charset {
        Charset::Latin1 => Some(bytes.iter().copied().map(char::from).collect::<String>().into()),
        Charset::Utf8 => match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.into()),
            Err(error) if cut && error.error_len().is_none() => {
                let whole = bytes.get(..error.valid_up_to())?;
                std::str::from_utf8(whole).ok().map(Cow::Borrowed)
            }
            Err(_) => None,
        },
    }
}

/// A form as a JSON object; a field that comes several times is a list.
fn form(body: &str) -> String {
    let mut fields: Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> = Vec::new();
    let mut indices = HashMap::new();
    for (key, value) in form_urlencoded::parse(body.as_bytes()) {
        let index = *indices.entry(key.clone()).or_insert(fields.len());
        match fields.get_mut(index) {
            Some((_, values)) => values.push(value),
            None => fields.push((key, vec![value])),
        }
    }
    let mut json = String::from("{");
    for (key, values) in fields {
        if json.len() > 1 {
            json.push(',');
        }
        push_json(&mut json, &key);
        json.push(':');
        match &values[..] {
            [value] => push_json(&mut json, value),
            values => {
                json.push('[');
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        json.push(',');
                    }
                    push_json(&mut json, value);
                }
                json.push(']');
            }
        }
    }
    json.push('}');
    json
}

fn push_json(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => {
                json.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::Lines;

    fn request(content_type: &str, body: &[u8], limit: usize) -> Option<String> {
        let headers = [("content-type", content_type.as_bytes())];
        let found = request_body(&Lines(&headers), body, limit)?;
        Some(format!("{}={}", found.key, found.value))
    }

    #[test]
    fn text_is_recorded_as_its_charset_says() {
        for (content_type, body, expected) in [
            ("application/json", &b"{\"a\":1}"[..], Some("text={\"a\":1}")),
            ("text/plain", "é".as_bytes(), Some("text=é")),
            ("text/plain; charset=ISO-8859-1", b"\xe9", Some("text=é")),
            ("text/plain; charset=\"utf-8\"", b"\xe9", None),
            ("text/plain; charset=shift_jis", b"a", None),
            ("", b"a", Some("text=a")),
            ("IMAGE/svg+xml", b"a", None),
            ("application/octet-stream", b"a", None),
            ("text/plain", b"", None),
            (
                "application/x-www-form-urlencoded",
                b"a=1&b=%22+x",
                Some(r#"form={"a":"1","b":"\" x"}"#),
            ),
            (
                "Application/X-www-form-urlencoded; charset=utf-8",
                b"a=1&b=2&a=%0a%01",
                Some(r#"form={"a":["1","\n\u0001"],"b":"2"}"#),
            ),
        ] {
            let expected = expected.map(|it| format!("http.request.body.{it}"));
            assert_eq!(request(content_type, body, 100), expected, "{content_type}");
        }
    }

    #[test]
    fn what_is_compressed_is_no_text() {
        for (coding, expected) in [("identity", true), ("", true), ("gzip", false), ("br", false)] {
            let headers = [
                ("content-type", &b"text/plain; charset=latin1"[..]),
                ("content-encoding", coding.as_bytes()),
            ];
            let headers = &Lines(&headers);
            assert_eq!(request_body(headers, b"a", 10).is_some(), expected, "{coding}");
            assert_eq!(RequestText::new(headers, 10).is_some(), expected, "{coding}");
            assert_eq!(Captured::new(headers, 10).is_some(), expected, "{coding}");
        }
    }

    #[test]
    fn a_long_body_is_cut_between_characters() {
        for (body, limit) in [("abc", 0), ("é", 1)] {
            assert_eq!(request("", body.as_bytes(), limit), None);
        }
        assert_eq!(request("", "aé".as_bytes(), 2).unwrap(), "http.request.body.text=a");
        assert_eq!(request("", "aéb".as_bytes(), 3).unwrap(), "http.request.body.text=aé");
        let form = request("application/x-www-form-urlencoded", b"a=1&b=2", 5).unwrap();
        assert_eq!(form, "http.request.body.text=a=1&b");
        let mut captured = Captured::new(&Lines(&[]), 4).unwrap();
        captured.push(b"ab");
        captured.push("cé".as_bytes());
        captured.push(b"d");
        assert_eq!(captured.into_text().unwrap(), "abc");
    }
}
