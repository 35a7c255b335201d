//! A receiver of OTLP as JSON, which is not always well.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::Result;

/// How long a slow receiver takes.
const DELAY: Duration = Duration::from_secs(1);
/// SERVER in OTLP.
const SERVER: u64 = 2;

/// How the receiver is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    /// It takes its time.
    Slow,
    /// It closes each connection.
    Away,
}

/// A receiver, as long as the process lives.
#[derive(Debug)]
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    mood: Mood,
    /// By trace and id: what is sent again is no other span.
    spans: HashSet<(String, String)>,
    requests: u64,
    told: Told,
}

/// What the service has told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// How many requests of each route the metric has counted.
    pub(super) counted: BTreeMap<String, u64>,
    /// How many requests are open; none before the first metrics.
    pub(super) open: Option<i64>,
    pub(super) spans: u64,
    /// Spans that are requests.
    pub(super) requests: u64,
}

impl Told {
    pub(super) fn open(&self) -> Option<i64> {
        self.open
    }
}

impl Receiver {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(io::Result::ok) {
                let state = Arc::clone(&shared);
                // A connection that breaks is one that breaks for the service, too.
                thread::spawn(move || serve(stream, &state));
            }
        });
        Ok(Self { address, state })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn set(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    pub(super) fn told(&self) -> Told {
        let state = lock(&self.state);
        let (spans, requests) = (state.spans.len() as u64, state.requests);
        Told { spans, requests, ..state.told.clone() }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut is_first, mut is_last) = (0, true, false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() && !is_first {
                break;
            }
            is_first = false;
            is_last |= line.ends_with("http/1.0");
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mood = lock(state).mood;
        match mood {
            Mood::Well => {}
            Mood::Slow => thread::sleep(DELAY),
            Mood::Away => return Ok(()),
        }
        if let Ok(export) = serde_json::from_slice(&body) {
            lock(state).read(&export);
        }
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        reader.get_mut().write_all(answer.as_bytes())?;
        if is_last {
            return Ok(());
        }
    }
}

impl State {
    fn read(&mut self, export: &Value) {
        for span in below(export, &["resourceSpans", "scopeSpans", "spans"]) {
            let id = (text(span, "traceId"), text(span, "spanId"));
            if self.spans.insert(id) && span.get("kind").and_then(Value::as_u64) == Some(SERVER) {
                self.requests += 1;
            }
        }
        for metric in below(export, &["resourceMetrics", "scopeMetrics", "metrics"]) {
            match metric.get("name").and_then(Value::as_str) {
                Some("http.server.request.duration") => {
                    let mut counted = BTreeMap::new();
                    for point in points(metric, "histogram") {
                        *counted.entry(route(point)).or_default() += number(point, "count") as u64;
                    }
                    self.told.counted = counted;
                }
                Some("http.server.active_requests") => {
                    let open = points(metric, "sum").map(|it| number(it, "asInt")).sum();
                    self.told.open = Some(open);
                }
                _ => {}
            }
        }
    }
}

/// What is in lists in lists.
fn below<'a>(value: &'a Value, keys: &[&str]) -> Vec<&'a Value> {
    keys.iter().fold(vec![value], |values, key| {
        values.into_iter().filter_map(|it| it.get(key)?.as_array()).flatten().collect()
    })
}

fn points<'a>(metric: &'a Value, kind: &str) -> impl Iterator<Item = &'a Value> {
    let points = metric.get(kind).and_then(|it| it.get("dataPoints")).and_then(Value::as_array);
    points.into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A number, which JSON of OTLP writes as a text if it has 64 bits.
fn number(value: &Value, key: &str) -> i64 {
    let number = value.get(key);
    let written = number.and_then(Value::as_str).and_then(|it| it.parse().ok());
    written.or_else(|| number?.as_i64()).unwrap_or_default()
}

fn route(point: &Value) -> String {
    let attributes = below(point, &["attributes"]);
    let route = attributes.into_iter().find(|it| text(it, "key") == "http.route");
    route.and_then(|it| it.get("value")).map(|it| text(it, "stringValue")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_are_told_apart_and_the_last_metrics_count() {
        let mut state = State::default();
        let span = |id: &str, kind: u8| json!({ "traceId": "a", "spanId": id, "kind": kind });
        let spans = json!({ "resourceSpans": [{ "scopeSpans": [
            { "spans": [span("1", 2), span("2", 1)] },
            { "spans": [span("1", 2), span("3", 2)] },
        ] }] });
        state.read(&spans);
        assert_eq!((state.spans.len(), state.requests), (3, 2));

        let count = |count: &str| {
            let route = json!([{ "key": "http.route", "value": { "stringValue": "/a" } }]);
            json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [
                { "name": "http.server.request.duration", "histogram": { "dataPoints": [
                    { "count": count, "attributes": route }, { "count": 2, "attributes": route },
                    { "count": "4" },
                ] } },
                { "name": "http.server.active_requests", "sum": { "dataPoints": [
                    { "asInt": "3" }, { "asInt": "-1" },
                ] } },
            ] }] }] })
        };
        assert_eq!(state.told.open(), None);
        state.read(&count("100"));
        state.read(&count("200"));
        assert_eq!(state.told.counted, [("/a".to_owned(), 202), (String::new(), 4)].into());
        assert_eq!(state.told.open(), Some(2));
    }

    #[test]
    fn a_receiver_that_is_away_answers_nothing() {
        let receiver = Receiver::start().unwrap();
        let ask = || crate::local::ask(receiver.address(), "POST", "/v1/traces", "{}");
        assert_eq!(ask().as_deref(), Some("{}"));
        receiver.set(Mood::Away);
        assert_eq!(ask(), None);
    }
}
