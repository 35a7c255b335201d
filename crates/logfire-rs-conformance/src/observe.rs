//! One exchange, and what was recorded of it.

use logfire_rs_core::HttpServerOptions;

use crate::front_end::{FRONT_ENDS, FrontEnd};
use crate::{Leave, Reply, Site, Telemetry, client, difference};

/// What was recorded of an exchange, and what the client got.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The spans, as text.
    pub spans: String,
    /// The metrics, as text.
    pub metrics: String,
    /// What the client received.
    pub reply: Reply,
}

/// One exchange of the table.
#[derive(Clone, Debug)]
pub struct Exchange {
    request: Vec<u8>,
    leave: Leave,
    options: fn(HttpServerOptions) -> HttpServerOptions,
    recorded: usize,
    name: &'static str,
}

impl Exchange {
    /// The request to send, as it goes over the wire.
    #[must_use]
    pub fn new(request: impl Into<Vec<u8>>) -> Self {
        Self {
            request: request.into(),
            leave: Leave::AtTheEnd,
            options: |options| options,
            recorded: 1,
            name: "",
        }
    }

    /// A request without a body, on a connection that ends with it.
    #[must_use]
    pub fn get(line: &str, headers: &str) -> Self {
        Self::new(format!(
            "{line} HTTP/1.1\r\nHost: site.example:8080\r\nUser-Agent: tests\r\n\
             Connection: close\r\n{headers}\r\n"
        ))
    }

    /// The name under which [`DIFFERENCES`](crate::DIFFERENCES) know the exchange.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// When the client hangs up.
    #[must_use]
    pub fn leave(self, leave: Leave) -> Self {
        Self { leave, ..self }
    }

    /// The options of the instrumentation.
    #[must_use]
    pub fn options(self, options: fn(HttpServerOptions) -> HttpServerOptions) -> Self {
        Self { options, ..self }
    }

    /// There will be no span of the server.
    #[must_use]
    pub fn unrecorded(self) -> Self {
        Self { recorded: 0, ..self }
    }

    /// There will be so many spans of the server: the request holds several, one after the other.
    #[must_use]
    pub fn recorded(self, recorded: usize) -> Self {
        Self { recorded, ..self }
    }

    /// Runs the exchange through one front end.
    pub async fn observe(&self, front_end: &FrontEnd, telemetry: &Telemetry) -> Observed {
        let site = Site::new(telemetry, (self.options)(telemetry.server_options()));
        let address = (front_end.serve)(site.clone()).await;
        let reply = client::exchange(address, &site, &self.request, self.leave).await;
        let spans = telemetry.server_spans(self.recorded).await;
        Observed {
            spans: spans.to_string(),
            metrics: telemetry.metrics().to_string().trim_end().to_owned(),
            reply,
        }
    }

    /// Runs the exchange through every front end and gives what all of them recorded: the spans,
    /// then the metrics.
    ///
    /// # Panics
    ///
    /// If two front ends differ otherwise than [listed](crate::DIFFERENCES), with both texts.
    pub async fn everywhere(&self) -> String {
        let mut first: Option<(&str, String)> = None;
        for front_end in FRONT_ENDS {
            let difference = difference(front_end.name, self.name);
            let recorded = match difference {
                Some(it) => usize::from(it.instead.contains("[server")),
                None => self.recorded,
            };
            let exchange = Self { recorded, ..self.clone() };
            let observed = exchange.observe(front_end, &Telemetry::default()).await;
            let text = format!("{}\n{}", observed.spans, observed.metrics);
            if let Some(difference) = difference {
                assert_eq!(text.trim(), difference.instead, "{difference:?} is outdated");
                continue;
            }
            match &first {
                None => first = Some((front_end.name, text)),
                Some((name, expected)) => assert!(
                    *expected == text,
                    "{name} and {} differ:\n--- {name}\n{expected}\n--- {}\n{text}",
                    front_end.name,
                    front_end.name
                ),
            }
        }
        first.expect("there are front ends").1
    }

    /// As [`everywhere`](Self::everywhere), but only the lines of spans that contain one of `words`.
    ///
    /// # Panics
    ///
    /// If two front ends differ, with both texts.
    pub async fn lines(&self, words: &[&str]) -> String {
        let text = self.everywhere().await;
        let wanted = |line: &&str| words.iter().any(|it| line.contains(it));
        text.lines().filter(wanted).map(str::trim).collect::<Vec<_>>().join("\n")
    }
}
