//! The trace that is worth a look: a request, the call that it makes, the request of that, and a span of its handler.

use std::iter;

use serde_json::Value;

/// What its spans are called, each the parent of the next. The viewer tells nothing about kinds.
pub(super) const NAMES: &[&str] = &["GET /articles/{name}", "GET", "GET /stock/{name}", "stock"];

/// The id of the trace, in the words of Jaeger, if it is that one and the answer was a good one.
pub(super) fn id(trace: &Value) -> Option<String> {
    let spans = trace.get("spans")?.as_array()?;
    let child_of = |parent: Option<&str>| {
        spans.iter().find(|span| text(span, "/references/0/spanID") == parent)
    };
    let next = |span: &&Value| child_of(Some(text(span, "/spanID")?));
    let chain: Vec<_> = iter::successors(child_of(None), next).take(spans.len()).collect();
    let names = chain.iter().filter_map(|span| text(span, "/operationName"));
    let is_shown = spans.len() == NAMES.len()
        && names.eq(NAMES.iter().copied())
        && tag(chain.first()?, "http.response.status_code")?.as_u64() == Some(200);
    is_shown.then(|| text(trace, "/traceID").map(str::to_owned))?
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn tag<'a>(span: &'a Value, key: &str) -> Option<&'a Value> {
    let mut tags = span.get("tags")?.as_array()?.iter();
    tags.find(|tag| text(tag, "/key") == Some(key))?.get("value")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The first parent is none.
    fn trace(parents: [Option<usize>; 4], status: u16) -> Value {
        let span = |(id, parent): (usize, Option<usize>)| {
            let mut span = json!({
                "spanID": id.to_string(),
                "operationName": NAMES[id],
                "tags": [{"key": "http.response.status_code", "value": status}],
            });
            if let Some(parent) = parent {
                span["references"] = json!([{"spanID": parent.to_string()}]);
            }
            span
        };
        let spans: Vec<_> = parents.into_iter().enumerate().rev().map(span).collect();
        json!({"traceID": "t", "spans": spans})
    }

    #[test]
    fn a_request_its_call_and_what_became_of_it() {
        let trace = trace([None, Some(0), Some(1), Some(2)], 200);
        assert_eq!(id(&trace).as_deref(), Some("t"));
    }

    #[test]
    fn any_other_trace_is_not_shown() {
        assert_eq!(id(&trace([None, Some(0), Some(1), Some(2)], 404)), None);
        assert_eq!(id(&trace([None, Some(0), Some(1), Some(1)], 200)), None);
        assert_eq!(id(&trace([Some(3), Some(0), Some(1), Some(2)], 200)), None);
        let mut more = trace([None, Some(0), Some(1), Some(2)], 200);
        more["spans"].as_array_mut().unwrap().push(json!({"spanID": "5"}));
        assert_eq!(id(&more), None);
        more["spans"].as_array_mut().unwrap().drain(..2);
        assert_eq!(id(&more), None);
    }
}
