//! The schema that has Logfire show captured bodies as the JSON that they are.

use std::fmt::Write;

use opentelemetry::{KeyValue, Value};
use serde_json::{Map, json};

use crate::message::text;

const JSON_SCHEMA: &str = "logfire.json_schema";
/// Texts that are JSON, or may be: one that is not is shown as it is. As in Logfire's Python SDK.
const BODIES: [&str; 3] =
    ["http.request.body.text", "http.request.body.form", "http.response.body.text"];

/// Adds the bodies to the schema of the span; what is in it stays.
pub(crate) fn add_bodies(attributes: &mut Vec<KeyValue>) {
    let has = |name: &&&str| attributes.iter().any(|attribute| attribute.key.as_str() == **name);
    let bodies: Vec<_> = BODIES.iter().filter(has).copied().collect();
    if bodies.is_empty() {
        return;
    }
    match text(attributes, &[JSON_SCHEMA]) {
        None => attributes.push(KeyValue::new(JSON_SCHEMA, schema(&bodies))),
        Some(schema) => {
            if let Some(merged) = merged(&schema, &bodies) {
                let schema = attributes.iter_mut().find(|it| it.key.as_str() == JSON_SCHEMA);
                schema.into_iter().for_each(|it| it.value = Value::from(merged.clone()));
            }
        }
    }
}

fn schema(bodies: &[&str]) -> String {
    let mut schema = r#"{"type":"object","properties":{"#.to_owned();
    for (index, body) in bodies.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(schema, r#"{comma}"{body}":{{"type":"object"}}"#);
    }
    schema + "}}"
}

/// None if the schema is none, or has all of them.
fn merged(schema: &str, bodies: &[&str]) -> Option<String> {
    let mut schema: Map<_, _> = serde_json::from_str(schema).ok()?;
    let properties = schema.entry("properties").or_insert_with(|| json!({})).as_object_mut()?;
    let before = properties.len();
    for body in bodies {
        properties.entry(*body).or_insert_with(|| json!({"type": "object"}));
    }
    (properties.len() > before).then(|| serde_json::Value::from(schema).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema of a span with these attributes.
    fn of(attributes: &[(&'static str, &'static str)]) -> String {
        let mut attributes: Vec<_> =
            attributes.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect();
        add_bodies(&mut attributes);
        text(&attributes, &[JSON_SCHEMA]).unwrap_or_default().into_owned()
    }

    #[test]
    fn captured_bodies_are_in_the_schema() {
        assert_eq!(of(&[("url.path", "/")]), "");
        assert_eq!(
            of(&[("http.request.body.text", "{}")]),
            r#"{"type":"object","properties":{"http.request.body.text":{"type":"object"}}}"#
        );
        assert_eq!(
            of(&[("http.response.body.text", "hello"), ("http.request.body.form", "{}")]),
            r#"{"type":"object","properties":{"http.request.body.form":{"type":"object"},"http.response.body.text":{"type":"object"}}}"#
        );
    }

    #[test]
    fn a_schema_that_is_there_stays() {
        let body = ("http.request.body.text", "{}");
        let values =
            r#"{"type":"object","properties":{"axum.arguments.values":{"type":"object"}}}"#;
        let merged: serde_json::Value =
            serde_json::from_str(&of(&[body, ("logfire.json_schema", values)])).unwrap();
        let expected = json!({
            "type": "object",
            "properties": {
                "axum.arguments.values": {"type": "object"},
                "http.request.body.text": {"type": "object"},
            },
        });
        assert_eq!(merged, expected);
        for kept in [
            r#"{"properties":{"http.request.body.text":{"type":"array"}}}"#,
            r#"{"properties":[]}"#,
            "no schema",
        ] {
            assert_eq!(of(&[body, ("logfire.json_schema", kept)]), kept);
        }
        let alone = of(&[body, ("logfire.json_schema", "{}")]);
        assert_eq!(alone, r#"{"properties":{"http.request.body.text":{"type":"object"}}}"#);
    }
}
