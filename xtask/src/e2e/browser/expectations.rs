//! What a browser and its server must have sent, one line each.

use std::fmt;

use serde_json::Value;

use crate::receiver::Post;

/// What arrived at the backend, and what at the browser.
pub(super) struct Seen<'a> {
    pub(super) posts: Vec<Post>,
    /// All answers that the browser got, with headers and bodies, as JSON.
    pub(super) received: &'a str,
    pub(super) token: &'a str,
}

/// A sentence and how to see whether it is true.
struct Expectation {
    what: &'static str,
    is_met: fn(&Seen<'_>) -> bool,
}

const EXPECTATIONS: &[Expectation] = &[
    Expectation {
        what: "the load of the page is below the server's span of the page",
        is_met: |seen| has_chain(seen, &["GET /", "documentLoad"]),
    },
    Expectation {
        what: "a click, its fetch, the server's span and the handler's are one trace",
        is_met: |seen| has_chain(seen, &["greet", "GET", "GET /api/greeting", "greeting"]),
    },
    Expectation {
        what: "what the browser sent arrived with the token",
        is_met: |seen| {
            let mut posts = seen.browser().filter(|post| post.path.starts_with("/logfire/"));
            let with_token = |post: &Post| post.header("authorization") == Some(seen.token);
            posts.next().is_some_and(with_token) && posts.all(with_token)
        },
    },
    Expectation {
        what: "the browser has received the page, its script and answers to its posts, and no token",
        is_met: |seen| {
            let parts = ["traceparent", "/dist/page.js", "/logfire-proxy/v1/traces"];
            parts.iter().all(|part| seen.received.contains(part))
                && !seen.received.contains(seen.token)
        },
    },
    Expectation {
        what: "no post of the browser is a span",
        is_met: |seen| !spans(seen).iter().any(|span| span.name.contains("logfire-proxy")),
    },
];

pub(super) fn all() -> impl Iterator<Item = &'static str> {
    EXPECTATIONS.iter().map(|expectation| expectation.what)
}

pub(super) fn unmet(seen: &Seen<'_>) -> Vec<&'static str> {
    let unmet = EXPECTATIONS.iter().filter(|expectation| !(expectation.is_met)(seen));
    unmet.map(|expectation| expectation.what).collect()
}

impl Seen<'_> {
    /// The posts that the proxy has forwarded.
    pub(super) fn browser(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(|post| {
            post.header("user-agent").is_some_and(|agent| agent.starts_with("logfire-proxy/"))
        })
    }
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} posts arrived:", self.posts.len())?;
        for post in &self.posts {
            let agent = post.header("user-agent").unwrap_or_default();
            writeln!(f, "  {} from {agent}", post.path)?;
        }
        let spans = spans(self);
        writeln!(f, "with {} spans:", spans.len())?;
        spans.iter().try_for_each(|Span { trace, id, parent, name }| {
            writeln!(f, "  {name} ({trace} {id} below {parent:?})")
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Span {
    trace: String,
    id: String,
    /// Empty at the root of a trace.
    parent: String,
    name: String,
}

/// The spans of the posts that are JSON.
fn spans(seen: &Seen<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for post in &seen.posts {
        // Protobuf, for Logfire; the same spans come as JSON.
        let Ok(body) = serde_json::from_slice::<Value>(&post.body) else { continue };
        for resource in items(&body, "resourceSpans") {
            for scope in items(resource, "scopeSpans") {
                for span in items(scope, "spans") {
                    let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
                    found.push(Span {
                        trace: text("traceId"),
                        id: text("spanId"),
                        parent: text("parentSpanId"),
                        name: text("name"),
                    });
                }
            }
        }
    }
    found
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// Whether there are spans of these names, each the parent of the next and all in one trace.
fn has_chain(seen: &Seen<'_>, names: &[&str]) -> bool {
    let spans = spans(seen);
    let Some((last, above)) = names.split_last() else { return false };
    spans.iter().filter(|span| span.name == *last).any(|span| {
        let found = above.iter().rev().try_fold(span, |child, name| {
            spans.iter().find(|span| {
                span.name == *name && span.id == child.parent && span.trace == child.trace
            })
        });
        found.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED: &str = "<meta name=traceparent> /dist/page.js /logfire-proxy/v1/traces";

    fn post(agent: &str, path: &str, spans: &[[&str; 3]]) -> Post {
        let spans: Vec<_> = spans
            .iter()
            .map(|[id, parent, name]| {
                format!(
                    r#"{{"traceId":"t","spanId":"{id}","parentSpanId":"{parent}","name":"{name}"}}"#
                )
            })
            .collect();
        let spans = spans.join(",");
        Post {
            path: path.to_owned(),
            headers: [("user-agent", agent), ("authorization", "token")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)
                .into(),
        }
    }

    fn complete() -> Vec<Post> {
        vec![
            Post { body: vec![0x0a, 0xff], ..Post::default() },
            post(
                "logfire-rs/1",
                "/collector/v1/traces",
                &[["1", "", "GET /"], ["5", "4", "GET /api/greeting"], ["6", "5", "greeting"]],
            ),
            post(
                "logfire-proxy/1 browser",
                "/logfire/v1/traces",
                &[["2", "1", "documentLoad"], ["3", "", "greet"], ["4", "3", "GET"]],
            ),
        ]
    }

    /// The places, from 1, of the expectations that are not met.
    fn unmet_by(posts: Vec<Post>, received: &str) -> Vec<usize> {
        let unmet = unmet(&Seen { posts, received, token: "token" });
        (1..).zip(all()).filter(|(_, what)| unmet.contains(what)).map(|(place, _)| place).collect()
    }

    fn unmet_after(change: impl Fn(&mut Vec<Post>)) -> Vec<usize> {
        let mut posts = complete();
        change(&mut posts);
        unmet_by(posts, RECEIVED)
    }

    fn replace(posts: &mut [Post], from: &str, to: &str) {
        for post in posts {
            if let Ok(body) = String::from_utf8(post.body.clone()) {
                post.body = body.replace(from, to).into();
            }
        }
    }

    #[test]
    fn each_expectation_can_be_met_and_missed() {
        assert_eq!(unmet_after(|_| {}), [0; 0]);
        assert_eq!(unmet_by(Vec::new(), ""), [1, 2, 3, 4]);
        assert_eq!(unmet_after(|it| replace(it, "documentLoad", "other")), [1]);
        assert_eq!(
            unmet_after(|it| replace(it, r#""parentSpanId":"1""#, r#""parentSpanId":"9""#)),
            [1]
        );
        assert_eq!(unmet_after(|it| replace(it, r#""name":"GET""#, r#""name":"POST""#)), [2]);
        assert_eq!(unmet_after(|it| replace(&mut it[..2], r#""t""#, r#""u""#)), [1, 2]);
        assert_eq!(unmet_after(|it| drop(it[2].headers.pop())), [3]);
        assert_eq!(unmet_by(complete(), &format!("{RECEIVED} token")), [4]);
        assert_eq!(unmet_by(complete(), "<meta name=traceparent>"), [4]);
        assert_eq!(
            unmet_after(|it| replace(it, "documentLoad", "POST /logfire-proxy/{*path}")),
            [1, 5]
        );
    }

    #[test]
    fn what_was_seen_is_shown() {
        let seen = Seen { posts: complete(), received: RECEIVED, token: "token" };
        let shown = seen.to_string();
        assert!(shown.contains("  /logfire/v1/traces from logfire-proxy/1 browser\n"), "{shown}");
        assert!(shown.contains("  GET (t 4 below \"3\")\n"), "{shown}");
    }
}
