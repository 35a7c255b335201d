//! `cargo xtask bench --compile`: what an instrumentation adds to the time that a small service takes to compile.

use std::{fmt::Write as _, fs, time::Instant};

use xshell::{Shell, cmd};

use super::{DOCUMENT, machine};
use crate::{Result, document, environment::as_if_typed, metadata};

/// A small service of axum.
struct App {
    title: &'static str,
    /// Lines of `[dependencies]`; `ROOT` is this repository.
    dependencies: &'static str,
    /// A statement before the service starts.
    setup: &'static str,
    /// What is made of `app`.
    instrumented: &'static str,
}

const APPS: &[App] = &[
    App { title: "axum alone", dependencies: "", setup: "", instrumented: "app" },
    App {
        title: "**logfire-rs**, without SDK",
        dependencies: "logfire-rs = { path = \"ROOT/crates/logfire-rs\", default-features = false, features = [\"axum\"] }\n",
        setup: "",
        instrumented: "logfire_rs::instrument_axum(app)",
    },
    App {
        title: "opentelemetry-instrumentation-tower, without SDK",
        dependencies: "opentelemetry-instrumentation-tower = { version = \"0.19\", features = [\"axum\"] }\n",
        setup: "",
        instrumented: "app.layer(opentelemetry_instrumentation_tower::http::server::LayerBuilder::builder().build().unwrap())",
    },
    App {
        title: "axum-tracing-opentelemetry, without SDK",
        dependencies: "axum-tracing-opentelemetry = \"0.42\"\n",
        setup: "",
        instrumented: "app.layer(axum_tracing_opentelemetry::middleware::OtelAxumLayer::default())",
    },
    App {
        title: "tower-otel, without SDK",
        dependencies: "tower-otel = { version = \"0.12\", features = [\"axum\"] }\ntracing = \"0.1\"\n",
        setup: "",
        instrumented: "app.layer(tower_otel::trace::HttpLayer::server(tracing::Level::INFO))",
    },
    App {
        title: "**logfire-rs**, SDK, OTLP over HTTP, console and `tracing`",
        dependencies: "logfire-rs = { path = \"ROOT/crates/logfire-rs\", features = [\"axum\"] }\n",
        setup: "let _logfire = logfire_rs::configure().finish().unwrap();",
        instrumented: "logfire_rs::instrument_axum(app)",
    },
    App {
        title: "opentelemetry-instrumentation-tower, SDK and OTLP over HTTP",
        dependencies: "opentelemetry = \"0.33\"\nopentelemetry-instrumentation-tower = { version = \"0.19\", features = [\"axum\"] }\n\
            opentelemetry-otlp = \"0.33\"\nopentelemetry_sdk = \"0.33\"\n",
        setup: PIPELINE,
        instrumented: "app.layer(opentelemetry_instrumentation_tower::http::server::LayerBuilder::builder().build().unwrap())",
    },
    App {
        title: "axum-tracing-opentelemetry, SDK, OTLP over HTTP and `tracing`",
        dependencies: "axum-tracing-opentelemetry = \"0.42\"\nopentelemetry = \"0.33\"\nopentelemetry-otlp = \"0.33\"\n\
            opentelemetry_sdk = \"0.33\"\ntracing-opentelemetry = \"0.34\"\ntracing-subscriber = \"0.3\"\n",
        setup: BRIDGE,
        instrumented: "app.layer(axum_tracing_opentelemetry::middleware::OtelAxumLayer::default())",
    },
];

const PIPELINE: &str = "
    let spans = opentelemetry_otlp::SpanExporter::builder().with_http().build().unwrap();
    let metrics = opentelemetry_otlp::MetricExporter::builder().with_http().build().unwrap();
    let tracers = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_batch_exporter(spans);
    opentelemetry::global::set_tracer_provider(tracers.build());
    let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder().with_periodic_exporter(metrics);
    opentelemetry::global::set_meter_provider(meters.build());";

const BRIDGE: &str = "
    use opentelemetry::trace::TracerProvider as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let spans = opentelemetry_otlp::SpanExporter::builder().with_http().build().unwrap();
    let tracers = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_batch_exporter(spans).build();
    let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer(\"app\"));
    tracing_subscriber::registry().with(layer).init();";

/// What one service takes.
struct Cost {
    crates: usize,
    seconds: f64,
    /// Of all processors.
    processor_seconds: f64,
}

pub(super) fn run(sh: &Shell) -> Result {
    let root = fs::canonicalize(sh.current_dir())?.display().to_string();
    let directory = format!("{}/compile", metadata::read(sh)?.target_directory);
    let mut costs = Vec::new();
    for app in APPS {
        println!("{}", app.title);
        costs.push(measure(sh, app, &root, &directory)?);
    }
    sh.remove_path(&directory)?;
    let table = render(&costs);
    println!("{table}");
    let text = format!("{}\n\n{table}", machine::describe(sh)?);
    document::write(sh, DOCUMENT, "cargo xtask bench --compile", &text)
}

fn measure(sh: &Shell, app: &App, root: &str, directory: &str) -> Result<Cost> {
    sh.remove_path(directory)?;
    sh.write_file(format!("{directory}/Cargo.toml"), manifest(app, root))?;
    sh.write_file(format!("{directory}/src/main.rs"), program(app))?;
    let _in_app = sh.push_dir(directory);
    as_if_typed(cmd!(sh, "cargo fetch --quiet")).quiet().run()?;
    let tree = as_if_typed(cmd!(sh, "cargo tree --edges normal,build --prefix none"));
    let crates = count_crates(&tree.quiet().read()?);

    let started = Instant::now();
    // The shell tells how long processors have worked for its children.
    let script = "cargo build --quiet --target-dir target && times";
    let said = as_if_typed(cmd!(sh, "sh -c {script}")).quiet().read()?;
    let seconds = started.elapsed().as_secs_f64();
    let processor_seconds = processor_seconds(&said);
    let processor_seconds =
        processor_seconds.ok_or(format!("the shell did not tell how long it took:\n{said}"))?;
    Ok(Cost { crates, seconds, processor_seconds })
}

fn manifest(app: &App, root: &str) -> String {
    let dependencies = app.dependencies.replace("ROOT", root);
    format!(
        "[workspace]\n\n[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         axum = \"0.8\"\ntokio = {{ version = \"1\", features = [\"macros\", \"net\", \"rt-multi-thread\"] }}\n\
         {dependencies}"
    )
}

fn program(app: &App) -> String {
    let App { setup, instrumented, .. } = app;
    format!(
        "#[tokio::main]\nasync fn main() {{\n    {setup}\n    \
         let app = axum::Router::new().route(\"/\", axum::routing::get(async || \"hello\"));\n    \
         let app: axum::Router = {instrumented};\n    \
         let listener = tokio::net::TcpListener::bind(\"127.0.0.1:0\").await.unwrap();\n    \
         axum::serve(listener, app).await.unwrap();\n}}\n"
    )
}

/// Without the service itself.
fn count_crates(tree: &str) -> usize {
    let mut crates: Vec<String> =
        tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    crates.sort();
    crates.dedup();
    crates.len().saturating_sub(1)
}

/// The second line is that of the children: user and system time.
fn processor_seconds(times: &str) -> Option<f64> {
    let parts = times.lines().nth(1)?.split(' ').map(|part| {
        let (minutes, seconds) = part.trim_end_matches('s').split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    });
    parts.sum()
}

fn render(costs: &[Cost]) -> String {
    let mut text = "| service | crates | more than axum alone | clean `cargo build` | seconds of processors |\n\
         | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let base = costs.first().map_or(0, |it| it.crates);
    for (App { title, .. }, Cost { crates, seconds, processor_seconds }) in APPS.iter().zip(costs) {
        let more = crates.saturating_sub(base);
        let _ = writeln!(
            text,
            "| {title} | {crates} | {more} | {seconds:.0} s | {processor_seconds:.0} s |"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_a_package_and_a_program() {
        let [_, ours, ..] = APPS else { panic!("two apps") };
        assert!(manifest(ours, "/r").ends_with(
            "logfire-rs = { path = \"/r/crates/logfire-rs\", default-features = false, features = [\"axum\"] }\n"
        ));
        assert!(
            program(ours).contains("let app: axum::Router = logfire_rs::instrument_axum(app);\n")
        );
    }

    #[test]
    fn each_crate_counts_once() {
        assert_eq!(
            count_crates("app v0.1.0 (/a)\nb v1.0.0\nc v1.0.0\nb v1.0.0 (*)\nb v2.0.0\n"),
            3
        );
    }

    #[test]
    fn the_shell_tells_what_its_children_took() {
        assert_eq!(processor_seconds("0m0.00s 0m0.00s\n1m2.50s 0m0.50s\n"), Some(63.0));
        assert_eq!(processor_seconds("nothing\n"), None);
    }

    #[test]
    fn more_is_more_than_the_first() {
        let costs = [10, 25].map(|crates| Cost { crates, seconds: 3.2, processor_seconds: 5.9 });
        assert!(render(&costs).contains("| **logfire-rs**, without SDK | 25 | 15 | 3 s | 6 s |\n"));
    }
}
