//! The command line.

use std::path::PathBuf;

xflags::xflags! {
    /// Developer commands of logfire-rs.
    cmd xtask {
        /// Writes what each adapter records into docs/attributes.md.
        cmd attributes {
            /// Only checks that the page is up to date.
            optional --check
        }
        /// Counts allocations and instructions of one request, and writes them down as the budget.
        cmd bench {
            /// Only checks that the budget is kept.
            optional --check
            /// Measures beside other instrumentations, and writes the tables into docs/performance.md.
            optional --peers
            /// With `--peers`: measures only this front end, and keeps the last results of the others; may be repeated.
            repeated --only front_end: String
            /// Writes the tables of the last `--peers` again, without measuring.
            optional --last
            /// Measures a service under load, with its telemetry exported; writes into docs/performance.md.
            optional --load
            /// How long `--load` keeps a service under load for its memory; 1 by default.
            optional --minutes minutes: u32
            /// Compares how long small services take to compile; writes into docs/performance.md.
            optional --compile
        }
        /// What every change must pass, in at most 30 minutes from clean.
        cmd ci {
            /// Leaves a step out; may be repeated.
            repeated --skip step: String
        }
        /// Tests on OpenTelemetry 0.32, also beside Pydantic's `logfire`; needs Rust 1.91.
        cmd compat {}
        /// Shows a trace of the quickstart in the Jaeger UI.
        cmd demo {
            /// Writes a picture of it, and ends.
            optional --picture path: PathBuf
        }
        /// Checks that the commands and features which documents tell of exist, and runs the quick ones.
        cmd docs-check {}
        /// Sends the telemetry of the quickstart through a real collector, and that of a page in a real browser through its
        /// server, and checks what arrived.
        cmd e2e {}
        /// Serves each example, asks it for a user, and checks what it shows.
        cmd examples {}
        /// Lints each published crate without its features, and with each of them alone.
        cmd features {}
        /// Everything that can be checked here; writes the result into docs/reliability.md.
        cmd full {
            /// Leaves a step out, and keeps its last result; may be repeated.
            repeated --skip step: String
            /// Runs this step, and keeps the last results of the others; may be repeated.
            repeated --only step: String
        }
        /// Feeds hostile input to what reads it; needs nightly Rust and cargo-fuzz.
        cmd fuzz {
            /// How long each target is fed; 60 by default.
            optional --seconds seconds: u32
            /// Only this target; may be repeated.
            repeated --only target: String
        }
        /// Has a real Prometheus scrape an example, and asks it every query of the dashboard in docs/grafana.
        cmd grafana {}
        /// Builds the first program of each guide as a reader would, asks it what the guide asks, and ends it with Ctrl-C.
        cmd guides {
            /// Only this document, such as docs/axum.md; may be repeated.
            repeated --only document: String
        }
        /// Checks that each lock file is what its manifests ask for.
        cmd locks {}
        /// Compiles the published crates with the oldest dependencies that they allow; needs nightly Rust.
        cmd minimal-versions {}
        /// Keeps a service of each adapter under abuse, and checks that nothing is lost, left open or growing.
        cmd soak {
            /// How long, for all adapters together; 3 by default.
            optional --minutes minutes: u32
            /// Only this adapter.
            optional --only adapter: String
        }
        /// The conventions of this repository that no compiler knows.
        cmd tidy {}
    }
}
