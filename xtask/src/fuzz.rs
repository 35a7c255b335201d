//! `cargo xtask fuzz`: hostile input, for a while each.
//!
//! Without a sanitizer: all of it is safe Rust, and what would be found is a panic or a broken promise. What is found is
//! kept in `fuzz/artifacts`, and what has been tried in `fuzz/corpus`.

use xshell::{Shell, cmd};

use crate::{Result, environment::as_if_typed, flags};

/// In seconds.
const TIME: u32 = 60;

pub(crate) fn run(sh: &Shell, flags: &flags::Fuzz) -> Result {
    let targets = cmd!(sh, "cargo +nightly fuzz list").quiet().read()?;
    let targets = chosen(targets.lines().map(str::trim), &flags.only)?;
    as_if_typed(cmd!(sh, "cargo +nightly fuzz build --sanitizer none")).run()?;
    let seconds = flags.seconds.unwrap_or(TIME).to_string();
    let mut failed = Vec::new();
    for target in targets {
        println!("{target}, for {seconds} s");
        let run = cmd!(sh, "cargo +nightly fuzz run --sanitizer none {target} --")
            .arg(format!("-max_total_time={seconds}"))
            .args(["-max_len=2048", "-timeout=20", "-dict=fuzz/words.dict", "-verbosity=0"]);
        // The others are worth a look all the same.
        if as_if_typed(run).quiet().run().is_err() {
            failed.push(target);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

fn chosen<'a>(targets: impl Iterator<Item = &'a str>, only: &[String]) -> Result<Vec<String>> {
    let targets: Vec<String> = targets.filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if let Some(unknown) = only.iter().find(|it| !targets.contains(it)) {
        return Err(format!("there is no target `{unknown}`, but {}", targets.join(", ")).into());
    }
    if targets.is_empty() {
        return Err("there is nothing to fuzz".into());
    }
    Ok(targets.into_iter().filter(|it| only.is_empty() || only.contains(it)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_targets_or_those_that_are_named() {
        let chosen = |only: &[&str]| {
            let only: Vec<_> = only.iter().map(|it| (*it).to_owned()).collect();
            chosen(["a", "b", ""].into_iter(), &only).map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&[]).unwrap(), ["a", "b"]);
        assert_eq!(chosen(&["b"]).unwrap(), ["b"]);
        assert_eq!(chosen(&["c"]).unwrap_err(), "there is no target `c`, but a, b");
        assert_eq!(
            super::chosen([].into_iter(), &[]).unwrap_err().to_string(),
            "there is nothing to fuzz"
        );
    }
}
