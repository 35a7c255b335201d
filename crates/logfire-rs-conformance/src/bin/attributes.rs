//! Prints what each adapter records, for `cargo xtask attributes`.

#![expect(clippy::print_stdout, reason = "it prints")]

use logfire_rs_conformance::{attributes, matrix};

#[tokio::main]
async fn main() {
    // The site panics on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    println!("{}\n{}", attributes().await, matrix().await.trim_end());
}
