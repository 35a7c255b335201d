//! `cargo xtask attributes`: the tables of docs/attributes.md that come from the conformance run.

use std::fs;

use xshell::{Shell, cmd};

use crate::{Result, environment::as_if_typed, flags};

const PAGE: &str = "docs/attributes.md";
const BEGIN: &str = "<!-- begin: written by `cargo xtask attributes` -->\n";
const END: &str = "<!-- end -->\n";

pub(crate) fn run(sh: &Shell, flags: &flags::Attributes) -> Result {
    let program = cmd!(sh, "cargo run --quiet -p logfire-rs-conformance --bin attributes");
    let tables = as_if_typed(program).quiet().read()?;
    let path = sh.current_dir().join(PAGE);
    let page = fs::read_to_string(&path)?;
    let Some(written) = with_tables(&page, &tables) else {
        return Err(format!("{PAGE} lacks the lines {BEGIN:?} and {END:?}").into());
    };
    if written == page {
        return Ok(());
    }
    if flags.check {
        return Err(format!("{PAGE} is out of date; run `cargo xtask attributes`").into());
    }
    fs::write(path, written)?;
    Ok(())
}

fn with_tables(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", tables.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let written = with_tables(&page, "new\n").unwrap();
        assert_eq!(written, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(with_tables(&written, "new").unwrap(), written);
        assert_eq!(with_tables("no marks", "new"), None);
    }
}
