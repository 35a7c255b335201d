//! Where in a JSON text its parser stopped.

use serde_json::Value;

/// An array or object that is not closed yet, with the element that is at hand.
enum Open {
    Array(usize),
    Object(Option<Value>),
}

/// The keys and indices that lead to the value before `line` and `column`, as `serde_json` counts
/// them.
pub(super) fn path_to(text: &[u8], line: usize, column: usize) -> Vec<Value> {
    let before: usize =
        text.split_inclusive(|it| *it == b'\n').take(line - 1).map(<[u8]>::len).sum();
    let mut open = Vec::new();
    let mut rest = text.get(..before.saturating_add(column)).unwrap_or(text);
    let mut last = None;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let length = string(rest);
                let (string, after) = rest.split_at(length);
                last = std::str::from_utf8(string).ok().map(|it| format!("\"{it}"));
                rest = after;
            }
            b'[' => open.push(Open::Array(0)),
            b'{' => open.push(Open::Object(None)),
            b']' | b'}' => drop(open.pop()),
            b':' => {
                if let Some(Open::Object(key)) = open.last_mut() {
                    *key = last.take().and_then(|it| serde_json::from_str(&it).ok());
                }
            }
            b',' => match open.last_mut() {
                Some(Open::Array(index)) => *index += 1,
                Some(Open::Object(key)) => *key = None,
                None => {}
            },
            _ => {}
        }
    }
    let step = |it| match it {
        Open::Array(index) => Some(index.into()),
        Open::Object(key) => key,
    };
    open.into_iter().map_while(step).collect()
}

/// The length of the rest of a string, with its closing quote.
fn string(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |it| it + 1)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::endpoint::wording;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct New {
        name: String,
        tags: Vec<Tag>,
        pair: Option<(u8, u8)>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors are of interest")]
    struct Tag {
        id: u8,
    }

    #[test]
    fn the_place_of_an_error_is_found_again() {
        for (text, expected) in [
            (r#"{"name":1}"#, json!(["name"])),
            (r#"{"name":[1]}"#, json!(["name"])),
            (r#"{"name":null,"tags":[]}"#, json!(["name"])),
            (r#"{"tags":[{"id":1},{"id":"x"}]}"#, json!(["tags", 1, "id"])),
            (r#"{"tags":[{"id":1},{}]}"#, json!(["tags", 1])),
            (r#"{"tags":[{"id":1},7]}"#, json!(["tags", 1])),
            (r#"{"tags":{}}"#, json!(["tags"])),
            ("{\"name\":\"a\\\"b\\\\\",\n\"tags\":\n[{\"id\":\n300}]}", json!(["tags", 0, "id"])),
            (r#"{"pair":[1]}"#, json!(["pair"])),
            (r#"{"pair":[1,"x"]}"#, json!(["pair", 1])),
            (r#"{"name":"a"}"#, json!([])),
            (r#"{"other":1}"#, json!([])),
            (r#"{"name":"#, json!(["name"])),
            (r#"{"name"=1}"#, json!([])),
            (r#"{"name":"a" "tags":[]}"#, json!(["name"])),
            ("[1]", json!([0])),
            ("", json!([])),
        ] {
            let error = serde_json::from_str::<New>(text).unwrap_err();
            let (line, column) = wording::position(&error.to_string()).unwrap();
            assert_eq!(
                Value::from(path_to(text.as_bytes(), line, column)),
                expected,
                "{text} {error}"
            );
        }
        assert_eq!(path_to(b"{\"a\":1}", 7, usize::MAX), Vec::<Value>::new());
    }
}
