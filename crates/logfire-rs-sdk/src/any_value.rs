//! What a log record holds, for people.

use opentelemetry::logs::AnyValue;

/// A text as it is; lists and maps as JSON, the names in their order, since a map has none.
pub(crate) fn shown(value: &AnyValue) -> String {
    match value {
        AnyValue::String(text) => text.to_string(),
        AnyValue::Int(number) => number.to_string(),
        AnyValue::Double(number) => number.to_string(),
        AnyValue::Boolean(boolean) => boolean.to_string(),
        AnyValue::Bytes(bytes) => format!("{bytes:?}"),
        AnyValue::ListAny(values) => {
            let values: Vec<_> = values.iter().map(nested).collect();
            format!("[{}]", values.join(","))
        }
        AnyValue::Map(values) => {
            let mut entries: Vec<_> = values.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let entry = |(key, value)| format!("{}:{}", quoted(&key), nested(value));
            let entries: Vec<_> = entries.into_iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
        other => format!("{other:?}"),
    }
}

fn nested(value: &AnyValue) -> String {
    match value {
        AnyValue::String(text) => quoted(text),
        other => shown(other),
    }
}

fn quoted(text: &impl AsRef<str>) -> String {
    serde_json::Value::from(text.as_ref()).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::Key;

    use super::*;

    #[test]
    fn what_is_nested_is_shown_as_json_in_an_order_that_is_always_the_same() {
        let inner = AnyValue::ListAny(Box::new(vec![AnyValue::Int(1), AnyValue::from("a \"b\"")]));
        let names = ["e", "b", "d", "a", "c"].map(|name| (Key::new(name), AnyValue::Boolean(true)));
        let mut map: HashMap<_, _> = names.into_iter().collect();
        map.insert(Key::new("c"), inner);
        assert_eq!(
            shown(&AnyValue::Map(Box::new(map))),
            r#"{"a":true,"b":true,"c":[1,"a \"b\""],"d":true,"e":true}"#
        );
        assert_eq!(shown(&AnyValue::from("as it is")), "as it is");
        assert_eq!(shown(&AnyValue::Bytes(Box::new(vec![1, 255]))), "[1, 255]");
    }
}
