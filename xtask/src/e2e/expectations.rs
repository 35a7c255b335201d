//! What the quickstart must have sent, one line each.

use super::received::{Received, Span};

/// A sentence and how to see whether it is true.
struct Expectation {
    what: &'static str,
    is_met: fn(&Received) -> bool,
}

const EXPECTATIONS: &[Expectation] = &[
    Expectation {
        what: "one trace holds a SERVER span, a CLIENT span below it, and below that the other service's SERVER span",
        is_met: |received| call(received).is_some(),
    },
    Expectation {
        what: "that trace has one root, and every other span's parent",
        is_met: |received| {
            call(received).is_some_and(|call| has_one_root(received, &call.callee.trace))
        },
    },
    Expectation {
        what: "both SERVER spans have an `http.route`, which their name repeats",
        is_met: |received| {
            call(received).is_some_and(|call| has_route(call.caller) && has_route(call.callee))
        },
    },
    Expectation {
        what: "every span names its service",
        is_met: |received| {
            let named = |span: &Span| {
                !span.service.is_empty() && !span.service.starts_with("unknown_service")
            };
            !received.spans.is_empty() && received.spans.iter().all(named)
        },
    },
    Expectation {
        what: "`http.server.request.duration` arrived, in seconds",
        is_met: |received| has_metric(received, "http.server.request.duration", "s"),
    },
    Expectation {
        what: "`http.client.request.duration` arrived, in seconds",
        is_met: |received| has_metric(received, "http.client.request.duration", "s"),
    },
];

pub(super) fn all() -> impl Iterator<Item = &'static str> {
    EXPECTATIONS.iter().map(|expectation| expectation.what)
}

pub(super) fn unmet(received: &Received) -> Vec<&'static str> {
    let unmet = EXPECTATIONS.iter().filter(|expectation| !(expectation.is_met)(received));
    unmet.map(|expectation| expectation.what).collect()
}

/// The SERVER spans of two services of which the first called the second.
struct Call<'a> {
    caller: &'a Span,
    callee: &'a Span,
}

fn call(received: &Received) -> Option<Call<'_>> {
    received.spans.iter().filter(|span| span.kind == "SERVER").find_map(|callee| {
        let client = parent(received, callee).filter(|span| span.kind == "CLIENT")?;
        let caller = ancestors(received, client).find(|span| span.kind == "SERVER")?;
        (listener(caller) != listener(callee)).then_some(Call { caller, callee })
    })
}

/// What tells one service from another, also when both run in one process and share its resource.
fn listener(span: &Span) -> [Option<&str>; 3] {
    [Some(span.service.as_str()), span.attribute("server.address"), span.attribute("server.port")]
}

fn ancestors<'a>(received: &'a Received, span: &'a Span) -> impl Iterator<Item = &'a Span> {
    std::iter::successors(parent(received, span), |span| parent(received, span))
        .take(received.spans.len())
}

fn parent<'a>(received: &'a Received, span: &Span) -> Option<&'a Span> {
    received.span(&span.trace, &span.parent)
}

/// A parent that did not arrive is no root but a hole.
fn has_one_root(received: &Received, trace: &str) -> bool {
    let spans = received.spans.iter().filter(|span| span.trace == trace);
    let (roots, children): (Vec<_>, Vec<_>) = spans.partition(|span| span.parent.is_empty());
    roots.len() == 1 && children.into_iter().all(|span| parent(received, span).is_some())
}

fn has_route(span: &Span) -> bool {
    span.attribute("http.route").is_some_and(|route| span.name.ends_with(&format!(" {route}")))
}

fn has_metric(received: &Received, name: &str, unit: &str) -> bool {
    received.metrics.iter().any(|metric| metric.name == name && metric.unit == unit)
}

#[cfg(test)]
mod tests {
    use super::{super::received::Metric, *};

    /// CLIENT 1 > SERVER 2 > CLIENT 3 > SERVER 4, and both metrics.
    fn complete() -> Received {
        let span = |id: &str, parent: &str, kind: &str, port: &str| Span {
            service: "quickstart".to_owned(),
            trace: "t".to_owned(),
            id: id.to_owned(),
            parent: parent.to_owned(),
            name: if kind == "SERVER" { "GET /{id}".to_owned() } else { "GET".to_owned() },
            kind: kind.to_owned(),
            attributes: [("http.route", "/{id}"), ("server.port", port)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Span::default()
        };
        let metric = |name: &str| Metric { name: name.to_owned(), unit: "s".to_owned() };
        Received {
            spans: vec![
                span("4", "3", "SERVER", "4001"),
                span("3", "2", "CLIENT", "4001"),
                span("2", "1", "SERVER", "4000"),
                span("1", "", "CLIENT", "4000"),
            ],
            metrics: vec![
                metric("http.server.request.duration"),
                metric("http.client.request.duration"),
            ],
        }
    }

    /// The places, from 1, of the expectations that are not met once `change` is made.
    fn unmet_after(change: impl Fn(&mut Received)) -> Vec<usize> {
        let mut received = complete();
        change(&mut received);
        let unmet = unmet(&received);
        (1..).zip(all()).filter(|(_, what)| unmet.contains(what)).map(|(place, _)| place).collect()
    }

    #[test]
    fn each_expectation_can_be_met_and_missed() {
        assert_eq!(unmet_after(|_| {}), [0; 0]);
        assert_eq!(unmet_after(|received| *received = Received::default()), [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            unmet_after(|received| received.spans[1].kind = "INTERNAL".to_owned()),
            [1, 2, 3]
        );
        assert_eq!(unmet_after(|received| received.spans[0].trace = "u".to_owned()), [1, 2, 3]);
        assert_eq!(
            unmet_after(|received| received.spans[2].attributes[1].1 = "4001".to_owned()),
            [1, 2, 3]
        );
        assert_eq!(unmet_after(|received| received.spans[3].parent = "lost".to_owned()), [2]);
        assert_eq!(unmet_after(|received| received.spans[2].name = "GET".to_owned()), [3]);
        assert_eq!(
            unmet_after(|received| received.spans[0].service = "unknown_service:x".to_owned()),
            [4]
        );
        assert_eq!(unmet_after(|received| received.metrics[0].unit = "ms".to_owned()), [5]);
        assert_eq!(unmet_after(|received| drop(received.metrics.pop())), [6]);
    }
}
