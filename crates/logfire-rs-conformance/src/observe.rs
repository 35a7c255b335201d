//! One exchange, and what was recorded of it.

use logfire_rs_core::HttpServerOptions;

use crate::front_end::{FRONT_ENDS, FrontEnd};
use crate::{Leave, Reply, Site, Telemetry, client, render};

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

/// Sends `request` to the site behind `front_end`, with default options.
pub async fn observe(front_end: &FrontEnd, request: &str, leave: Leave) -> Observed {
    observe_with(front_end, &Telemetry::default(), |it| it, request.as_bytes(), leave).await
}

/// Sends `request` to the site behind `front_end`, and waits for its span.
pub async fn observe_with(
    front_end: &FrontEnd,
    telemetry: &Telemetry,
    options: impl FnOnce(HttpServerOptions) -> HttpServerOptions,
    request: &[u8],
    leave: Leave,
) -> Observed {
    let site = Site::new(telemetry, options(telemetry.server_options()));
    let address = (front_end.serve)(site.clone()).await;
    let reply = client::exchange(address, &site, request, leave).await;
    let spans = telemetry.server_spans(1).await;
    Observed { spans: render::spans(&spans), metrics: render::metrics(&telemetry.metrics()), reply }
}

/// Sends `request` to every front end and gives what all of them recorded: spans, then metrics.
///
/// # Panics
///
/// If two front ends differ, with both texts.
pub async fn observe_everywhere(request: &str, leave: Leave) -> String {
    let mut first: Option<(&str, String)> = None;
    for front_end in FRONT_ENDS {
        let observed = observe(front_end, request, leave).await;
        let text = format!("{}\n{}", observed.spans, observed.metrics);
        match &first {
            None => first = Some((front_end.name, text)),
            Some((name, expected)) => {
                assert!(
                    *expected == text,
                    "{name} and {} differ:\n--- {name}\n{expected}\n--- {}\n{text}",
                    front_end.name,
                    front_end.name
                );
            }
        }
    }
    first.expect("there are front ends").1
}
