//! The names in the queries are those of docs/attributes.md, whose tables come from the conformance run.

use super::dashboard::{Dashboard, Query, Shown};
use crate::Result;

/// Of Prometheus, and of nobody's conventions.
const FUNCTIONS: &[&str] = &["histogram_quantile"];

pub(super) fn check(dashboard: &Dashboard, attributes: &str) -> Result {
    let wrong: String = dashboard
        .queries
        .iter()
        .flat_map(|query| wrong(query, attributes))
        .map(|what| format!("\n  {what}"))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("docs/attributes.md disagrees:{wrong}").into())
    }
}

/// What the query names, and the page does not.
fn wrong(query: &Query, attributes: &str) -> Vec<String> {
    let (metrics, labels): (Vec<&str>, Vec<&str>) =
        words(query).into_iter().partition(|word| is_metric(word));
    let mut wrong = Vec::new();
    for series in metrics {
        let Some(metric) = metric(series, attributes) else {
            wrong.push(format!("{}: no metric is scraped as `{series}`", query.title));
            continue;
        };
        // The table of attributes is about servers.
        if !metric.starts_with("http.server.") {
            continue;
        }
        let recorded = recorded(metric, attributes);
        let missing = labels.iter().filter(|label| !recorded.contains(&prometheus_name(label)));
        wrong.extend(missing.map(|label| format!("{}: `{metric}` has no `{label}`", query.title)));
    }
    wrong
}

fn is_metric(word: &str) -> bool {
    ["http_server_", "http_client_"].iter().any(|prefix| word.starts_with(prefix))
}

/// The names of metrics and attributes; both have more than one word.
fn words(query: &Query) -> Vec<&str> {
    let shown = match &query.shown {
        Shown::Series { labels } => labels.as_slice(),
        Shown::Values { label } => std::slice::from_ref(label),
    };
    let words = query.text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words
        .chain(shown.iter().map(String::as_str))
        .filter(|word| word.trim_matches('_').contains('_') && !FUNCTIONS.contains(word))
        .collect()
}

/// The metric of the page that is scraped as `series`.
fn metric<'a>(series: &str, attributes: &'a str) -> Option<&'a str> {
    attributes.lines().find_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (name, instrument, unit) = (cells.next()?, cells.next()?, cells.next()?);
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let unit = match unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let parts: &[&str] = match instrument {
            "histogram" => &["_bucket", "_count", "_sum"],
            "up-down counter" => &[""],
            _ => return None,
        };
        let scraped = format!("{}{unit}", prometheus_name(name));
        parts.iter().any(|part| format!("{scraped}{part}") == series).then_some(name)
    })
}

/// The attributes that every adapter recorded with the metric, as labels.
fn recorded(metric: &str, attributes: &str) -> Vec<String> {
    let row = format!("| `{metric}` · `");
    let rows = attributes.lines().filter_map(|line| line.strip_prefix(&row));
    rows.filter_map(|rest| rest.split_once("` | "))
        .filter(|(_, adapters)| {
            adapters.split(" | ").all(|cell| cell.trim_end_matches(" |") == "yes")
        })
        .map(|(attribute, _)| prometheus_name(attribute))
        .collect()
}

fn prometheus_name(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| `http.server.request.duration` | histogram | s | at the end |
| `http.client.active_requests` | up-down counter | {request} | at once |
| `http.server.request.duration` · `http.route` | yes | yes |
| `http.server.request.duration` · `url.scheme` | yes | – |
";

    fn found(text: &str, label: &str) -> Vec<String> {
        let shown = Shown::Series { labels: vec![label.to_owned()] };
        wrong(&Query { title: "T".to_owned(), text: text.to_owned(), shown }, PAGE)
    }

    #[test]
    fn names_of_the_page_are_right() {
        let text = "sum by (http_route) (rate(http_server_request_duration_seconds_count[30s]))";
        assert_eq!(found(text, "http_route"), [""; 0]);
        assert_eq!(found("http_client_active_requests{job=\".+\"}", "server_address"), [""; 0]);
    }

    #[test]
    fn a_metric_that_is_not_there() {
        for series in ["http_server_request_duration_count", "http_client_active_requests_count"] {
            let what = format!("T: no metric is scraped as `{series}`");
            assert_eq!(found(series, "http_route"), [what]);
        }
    }

    #[test]
    fn an_attribute_that_not_every_adapter_records() {
        let metric = "http_server_request_duration_seconds_bucket";
        let what = |label| format!("T: `http.server.request.duration` has no `{label}`");
        assert_eq!(found(metric, "url_scheme"), [what("url_scheme")]);
        assert_eq!(
            found(&format!("{metric}{{http_rout=\"\"}}"), "http_route"),
            [what("http_rout")]
        );
    }
}
