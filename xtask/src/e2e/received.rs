//! What arrived, read from the collector's own words.

use std::fmt;

/// All that a collector has received.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) spans: Vec<Span>,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) service: String,
    pub(super) scope: String,
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty at the root of a trace.
    pub(super) parent: String,
    pub(super) name: String,
    /// Such as `SERVER`.
    pub(super) kind: String,
    pub(super) attributes: Vec<(String, String)>,
}

#[derive(Debug, Default)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) unit: String,
}

impl Span {
    /// The value of an attribute as text.
    pub(super) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl Received {
    pub(super) fn span(&self, trace: &str, id: &str) -> Option<&Span> {
        self.spans.iter().find(|span| span.trace == trace && span.id == id)
    }

    fn depth(&self, span: &Span) -> usize {
        let ancestors = std::iter::successors(self.span(&span.trace, &span.parent), |span| {
            self.span(&span.trace, &span.parent)
        });
        // A parent that is its own child must not hang the report about it.
        ancestors.take(self.spans.len()).count()
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} spans arrived:", self.spans.len())?;
        for span in &self.spans {
            let Span { service, scope, trace, id, parent, name, kind, .. } = span;
            let indent = 2 + 2 * self.depth(span);
            writeln!(
                f,
                "{:indent$}{kind} {name} ({service}, {scope}; {trace} {id} below {parent:?})",
                ""
            )?;
        }
        writeln!(f, "{} metrics arrived:", self.metrics.len())?;
        self.metrics.iter().try_for_each(|Metric { name, unit }| writeln!(f, "  {name} ({unit})"))
    }
}

/// What the lines that follow describe.
enum Section {
    Resource,
    Span,
    SpanAttributes,
    Metric,
    Other,
}

/// Reads what rotel writes with `--debug-log-verbosity detailed`.
pub(super) fn parse(log: &str) -> Received {
    let mut received = Received::default();
    let mut section = Section::Other;
    let (mut service, mut scope) = (String::new(), String::new());
    for line in log.lines() {
        if !line.starts_with(' ') {
            section = match line.split_once(" #").map_or(line, |(heading, _)| heading) {
                "ResourceSpans" | "ResourceMetrics" => {
                    service.clear();
                    Section::Other
                }
                "ScopeSpans" | "ScopeMetrics" => {
                    scope.clear();
                    Section::Other
                }
                "Resource attributes:" => Section::Resource,
                "Span" => {
                    received.spans.push(Span {
                        service: service.clone(),
                        scope: scope.clone(),
                        ..Span::default()
                    });
                    Section::Span
                }
                "Attributes:" => Section::SpanAttributes,
                "Metric" => {
                    received.metrics.push(Metric::default());
                    Section::Other
                }
                "Descriptor:" => Section::Metric,
                // Times stand between the fields of a span.
                other if other.starts_with("Start time:") || other.starts_with("End time:") => {
                    continue;
                }
                other => {
                    if let Some(name) = other.strip_prefix("InstrumentationScope ") {
                        name.trim().clone_into(&mut scope);
                    }
                    Section::Other
                }
            };
            continue;
        }
        let Some((key, value)) = line.trim_start().trim_start_matches("-> ").split_once(':') else {
            continue;
        };
        let (key, value) = (key.trim_end(), value.trim());
        match (&section, received.spans.last_mut(), received.metrics.last_mut()) {
            (Section::Resource, ..) if key == "service.name" => {
                inner(value).clone_into(&mut service);
            }
            (Section::Span, Some(span), _) => set_field(span, key, value),
            (Section::SpanAttributes, Some(span), _) => {
                span.attributes.push((key.to_owned(), inner(value).to_owned()));
            }
            (Section::Metric, _, Some(metric)) if key == "Name" => {
                value.clone_into(&mut metric.name);
            }
            (Section::Metric, _, Some(metric)) if key == "Unit" => {
                value.clone_into(&mut metric.unit);
            }
            _ => {}
        }
    }
    received
}

fn set_field(span: &mut Span, key: &str, value: &str) {
    let field = match key {
        "Trace ID" => &mut span.trace,
        "Parent ID" => &mut span.parent,
        "ID" => &mut span.id,
        "Name" => &mut span.name,
        "Kind" => &mut span.kind,
        _ => return,
    };
    value.trim_start_matches("SPAN_KIND_").clone_into(field);
}

/// The `text` of `Str(text)`.
fn inner(value: &str) -> &str {
    let opened = value.split_once('(').map_or(value, |(_, rest)| rest);
    opened.strip_suffix(')').unwrap_or(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_words_of_rotel() {
        let received = parse(include_str!("rotel.txt"));
        let [server, client] = received.spans.as_slice() else { panic!("{received}") };
        assert_eq!(
            (
                server.service.as_str(),
                server.scope.as_str(),
                server.name.as_str(),
                server.kind.as_str()
            ),
            ("quickstart", "logfire-rs-axum 0.1.0", "GET /hello/{name}", "SERVER")
        );
        assert_eq!(
            (server.trace.as_str(), server.parent.as_str()),
            (client.trace.as_str(), client.id.as_str())
        );
        assert_eq!((client.kind.as_str(), client.parent.as_str()), ("CLIENT", ""));
        assert_eq!(server.attribute("http.route"), Some("/hello/{name}"));
        assert_eq!(server.attribute("server.port"), Some("4000"));
        // Those of events and links are not the span's.
        assert_eq!(server.attribute("exception.message"), None);
        assert_eq!(client.attribute("link"), None);
        let [metric] = received.metrics.as_slice() else { panic!("{received}") };
        assert_eq!(
            (metric.name.as_str(), metric.unit.as_str()),
            ("http.server.request.duration", "s")
        );
    }

    #[test]
    fn shows_a_tree() {
        let shown = parse(include_str!("rotel.txt")).to_string();
        assert!(
            shown.contains("\n    SERVER GET /hello/{name} (quickstart, logfire-rs-axum 0.1.0; "),
            "{shown}"
        );
        assert!(shown.contains("\n  CLIENT GET (quickstart, "), "{shown}");
        assert!(
            shown.ends_with("1 metrics arrived:\n  http.server.request.duration (s)\n"),
            "{shown}"
        );
    }

    #[test]
    fn other_words_are_no_telemetry() {
        let received = parse("INFO Starting Rotel.\n    Name : x\n     -> service.name: Str(y)\n");
        assert_eq!((received.spans.len(), received.metrics.len()), (0, 0));
    }
}
