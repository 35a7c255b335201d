//! What the dashboard asks Prometheus.

use serde_json::Value;

use crate::Result;

/// The queries of a dashboard, with values for its variables.
#[derive(Debug)]
pub(super) struct Dashboard {
    pub(super) queries: Vec<Query>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// The panel or the variable.
    pub(super) title: String,
    /// In PromQL.
    pub(super) text: String,
    pub(super) shown: Shown,
}

/// What is made of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Numbers, with these labels in the legend.
    Series { labels: Vec<String> },
    /// The values of a label, to choose from.
    Values { label: String },
}

/// What Grafana would put in, if all is chosen.
const VARIABLES: &[(&str, &str)] = &[("$__rate_interval", "30s"), ("$job", ".+"), ("$route", ".*")];

impl Dashboard {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let dashboard: Value = serde_json::from_str(text)?;
        let mut queries = Vec::new();
        for variable in list(&dashboard, "/templating/list") {
            queries.extend(variable_query(variable)?);
        }
        for panel in list(&dashboard, "/panels") {
            for target in list(panel, "/targets") {
                queries.extend(panel_query(panel, target)?);
            }
        }
        if queries.is_empty() {
            return Err("the dashboard has no queries".into());
        }
        Ok(Self { queries })
    }
}

fn variable_query(variable: &Value) -> Result<Option<Query>> {
    let Some(text) = text(variable, "/query/query") else { return Ok(None) };
    let inner = text.strip_prefix("label_values(").and_then(|text| text.strip_suffix(')'));
    let Some((selector, label)) = inner.and_then(|inner| inner.rsplit_once(", ")) else {
        return Err(format!("`label_values(SELECTOR, LABEL)`, rather than `{text}`").into());
    };
    let title = format!("variable {}", self::text(variable, "/name").unwrap_or_default());
    let shown = Shown::Values { label: label.to_owned() };
    Ok(Some(Query { title, text: filled_in(selector)?, shown }))
}

fn panel_query(panel: &Value, target: &Value) -> Result<Option<Query>> {
    if text(target, "/datasource/type") != Some("prometheus") {
        return Ok(None);
    }
    let title = text(panel, "/title").unwrap_or_default().to_owned();
    let Some(expression) = text(target, "/expr") else {
        return Err(format!("the panel {title:?} asks Prometheus nothing").into());
    };
    let labels = labels(text(target, "/legendFormat").unwrap_or_default());
    Ok(Some(Query { title, text: filled_in(expression)?, shown: Shown::Series { labels } }))
}

fn filled_in(query: &str) -> Result<String> {
    let filled =
        VARIABLES.iter().fold(query.to_owned(), |text, (name, value)| text.replace(name, value));
    if filled.contains('$') {
        return Err(format!("a variable is not known here: {filled}").into());
    }
    Ok(filled)
}

/// Those in `{{braces}}`.
fn labels(legend: &str) -> Vec<String> {
    let parts = legend.split("{{").skip(1).filter_map(|part| part.split_once("}}"));
    parts.map(|(label, _)| label.to_owned()).collect()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../../docs/grafana/dashboard.json");

    fn panel(target: &str) -> String {
        format!(r#"{{"panels": [{{"title": "T", "targets": [{target}]}}]}}"#)
    }

    #[test]
    fn a_query_has_values_for_its_variables() {
        let target = r#"{"datasource": {"type": "prometheus"}, "expr": "rate(a{job=~\"$job\"}[$__rate_interval])", "legendFormat": "{{b}} of {{c}}"}"#;
        let query = Query {
            title: "T".to_owned(),
            text: "rate(a{job=~\".+\"}[30s])".to_owned(),
            shown: Shown::Series { labels: vec!["b".to_owned(), "c".to_owned()] },
        };
        assert_eq!(Dashboard::parse(&panel(target)).unwrap().queries, [query]);
        let error = Dashboard::parse(&panel(&target.replace("$job", "$x"))).unwrap_err();
        assert!(error.to_string().starts_with("a variable is not known here: rate("), "{error}");
    }

    #[test]
    fn a_variable_has_the_values_of_a_label() {
        let text = r#"{"templating": {"list": [{"name": "v", "query": {"query": "label_values(a{b=\"c, d\"}, e)"}}, {"query": "1s,2s"}]}}"#;
        let query = Query {
            title: "variable v".to_owned(),
            text: "a{b=\"c, d\"}".to_owned(),
            shown: Shown::Values { label: "e".to_owned() },
        };
        assert_eq!(Dashboard::parse(text).unwrap().queries, [query]);
        assert!(Dashboard::parse(&text.replace("label_values", "query_result")).is_err());
    }

    #[test]
    fn a_dashboard_without_queries_is_an_error() {
        let error = Dashboard::parse(&panel(r#"{"datasource": {"type": "tempo"}}"#)).unwrap_err();
        assert_eq!(error.to_string(), "the dashboard has no queries");
    }

    #[test]
    fn panels_of_ours_do_not_overlap() {
        let dashboard: Value = serde_json::from_str(OURS).unwrap();
        let mut ids = Vec::new();
        let mut cells = Vec::new();
        for panel in list(&dashboard, "/panels") {
            ids.push(panel["id"].as_u64().unwrap());
            let [x, y, w, h] =
                ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(x + w <= 24, "{panel}");
            cells.extend((x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))));
        }
        for mut list in [ids.into_iter().map(|id| (id, 0)).collect::<Vec<_>>(), cells] {
            let count = list.len();
            assert_ne!(count, 0);
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), count);
        }
    }

    #[test]
    fn links_of_ours_open_a_query_of_traces() {
        let dashboard: Value = serde_json::from_str(OURS).unwrap();
        let panels = list(&dashboard, "/panels");
        let links = panels.iter().flat_map(|panel| list(panel, "/fieldConfig/defaults/links"));
        let urls: Vec<_> = links.filter_map(|link| text(link, "/url")).collect();
        assert!(urls.len() > 5, "{urls:?}");
        for url in urls {
            let panes = url.strip_prefix("/explore?schemaVersion=1&panes=").unwrap();
            let panes: Value = serde_json::from_str(&decoded(panes)).unwrap();
            let query = text(&panes, "/traces/queries/0/query").unwrap();
            assert!(
                query.starts_with("{ kind = ") && query.contains("${__field.labels."),
                "{query}"
            );
        }
    }

    /// Without `%XX`.
    fn decoded(text: &str) -> String {
        let mut parts = text.split('%');
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |mut decoded, part| {
            decoded.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
            decoded + &part[2..]
        })
    }
}
