//! A real Prometheus, on a free port of the loopback interface.

use std::{fs, net::SocketAddr};

use serde_json::Value;
use xshell::{Shell, cmd};

use super::dashboard::{Query, Shown};
use crate::{
    Result,
    local::{self, Running},
};

const NEEDED: &str = "the check needs Prometheus (Debian: prometheus)";

/// A running Prometheus, which ends with this value.
#[derive(Debug)]
pub(super) struct Prometheus {
    address: SocketAddr,
    _process: Running,
}

/// Has `promtool` read a configuration.
pub(super) fn check_config(sh: &Shell, path: &str) -> Result {
    cmd!(sh, "promtool check config {path}")
        .quiet()
        .ignore_stdout()
        .run()
        .map_err(|error| format!("{error}; {NEEDED}").into())
}

impl Prometheus {
    /// Starts one that knows nothing yet, and scrapes `service` each second.
    pub(super) fn start(
        sh: &Shell,
        directory: &str,
        job: &str,
        service: SocketAddr,
    ) -> Result<Self> {
        let data = format!("{directory}/data");
        sh.remove_path(&data)?;
        sh.create_dir(directory)?;
        let config = format!("{directory}/prometheus.yaml");
        fs::write(
            &config,
            format!(
                "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: {job}\n    static_configs: [{{targets: ['{service}']}}]\n"
            ),
        )?;
        let address = local::free_address()?;
        let listen_on = address.to_string();
        let command = cmd!(
            sh,
            "prometheus --config.file={config} --storage.tsdb.path={data} --web.listen-address={listen_on}"
        );
        let log = format!("{directory}/prometheus.log");
        let process =
            Running::start(command, &log).map_err(|error| format!("{error}; {NEEDED}"))?;
        local::wait(&format!("Prometheus, whose log is {log}"), || {
            local::get(address, "/-/ready").filter(|answer| answer.contains("Ready"))
        })?;
        Ok(Self { address, _process: process })
    }

    /// Why the query has nothing to show; an error if it is none.
    pub(super) fn unmet(&self, query: &Query) -> Result<Option<String>> {
        let text = encoded(&query.text);
        let target = match &query.shown {
            Shown::Series { .. } => format!("/api/v1/query?query={text}"),
            Shown::Values { label } => format!("/api/v1/label/{label}/values?match[]={text}"),
        };
        let answer = local::get(self.address, &target).ok_or("Prometheus does not answer")?;
        let answer: Value = serde_json::from_str(&answer)?;
        if let Some(error) = answer.pointer("/error") {
            return Err(format!("{}: {error} in {}", query.title, query.text).into());
        }
        Ok(unmet(query, &answer))
    }
}

fn unmet(query: &Query, answer: &Value) -> Option<String> {
    let list = |pointer| answer.pointer(pointer).and_then(Value::as_array).map_or(&[][..], |it| it);
    let labels = match &query.shown {
        Shown::Values { .. } => {
            return list("/data").is_empty().then(|| "no values".to_owned());
        }
        Shown::Series { labels } => labels,
    };
    let has_labels = |series: &&Value| {
        let label = |name| series.pointer("/metric").and_then(|labels| labels.get(name));
        labels.iter().all(|name| label(name).is_some())
    };
    // Between two requests none is in flight.
    let may_be_zero = query.text.contains("active_requests");
    let shows = |series: &&Value| {
        let value = series.pointer("/value/1").and_then(Value::as_str);
        let value = value.and_then(|value| value.parse::<f64>().ok());
        value.is_some_and(|value| value.is_finite() && (value > 0.0 || may_be_zero))
    };
    let result = list("/data/result");
    let met = result.iter().filter(has_labels).any(|series| shows(&series));
    (!met).then(|| format!("with the labels {labels:?} it has {}", Value::from(result)))
}

/// With `%XX` for what has a meaning in a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str, shown: Shown, data: &str) -> Option<String> {
        let query = Query { title: "T".to_owned(), text: text.to_owned(), shown };
        unmet(&query, &serde_json::from_str(&format!(r#"{{"data": {data}}}"#)).unwrap())
    }

    fn series(text: &str, labels: &str, value: &str) -> Option<String> {
        let data = format!(r#"{{"result": [{{"metric": {labels}, "value": [1.5, "{value}"]}}]}}"#);
        why(text, Shown::Series { labels: vec!["a".to_owned()] }, &data)
    }

    #[test]
    fn a_query_shows_a_number_with_the_labels_of_its_legend() {
        assert_eq!(series("rate(b)", r#"{"a": "1"}"#, "0.5"), None);
        for (labels, value) in [("{}", "0.5"), (r#"{"a": "1"}"#, "0"), (r#"{"a": "1"}"#, "NaN")] {
            assert!(series("rate(b)", labels, value).is_some(), "{labels} {value}");
        }
        assert!(why("b", Shown::Series { labels: Vec::new() }, r#"{"result": []}"#).is_some());
    }

    #[test]
    fn none_may_be_in_flight() {
        assert_eq!(series("http_server_active_requests", r#"{"a": "1"}"#, "0"), None);
        assert!(series("http_server_active_requests", r#"{"a": "1"}"#, "NaN").is_some());
    }

    #[test]
    fn a_variable_has_something_to_choose_from() {
        let values = |data| why("b", Shown::Values { label: "a".to_owned() }, data);
        assert_eq!(values(r#"["1"]"#), None);
        assert!(values("[]").is_some());
    }

    #[test]
    fn what_has_a_meaning_in_a_query_is_encoded() {
        assert_eq!(encoded("a_1{b=~\"c\"}"), "a_1%7Bb%3D%7E%22c%22%7D");
    }
}
