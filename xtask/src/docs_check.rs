//! `cargo xtask docs-check`: what documents tell a reader to type exists, and what is quick of it works; their links lead
//! somewhere.
//!
//! Looked at are the commands of cargo, in code blocks for a shell and between backticks, and the features of our crates
//! in code blocks of TOML. The change log and the log of decisions tell of the past, and are left out.

mod links;

use std::{collections::BTreeSet, ffi::OsString};

use xshell::{Shell, cmd};

use self::links::Repository;
use crate::{
    Result,
    environment::as_if_typed,
    flags::Xtask,
    metadata::{self, Package},
};

const HISTORY: &[&str] = &["CHANGELOG.md", "docs/design.md"];
const SHELLS: &[&str] = &["bash", "console", "sh", "shell"];
/// Commands that take a package and features of this workspace.
const OF_THE_WORKSPACE: &[&str] =
    &["bench", "build", "check", "clippy", "doc", "run", "test", "tree"];
/// Other commands that a document may name; the last ones are installed.
const OTHERS: &[&str] = &["fetch", "fmt", "install", "update", "deny", "fuzz", "miri"];

pub(crate) fn run(sh: &Shell) -> Result {
    let known = Known { packages: metadata::read(sh)?.members, lock: sh.read_file("Cargo.lock")? };
    let files = cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?;
    let files: Vec<_> = files.lines().collect();
    let documents = files.iter().filter(|it| it.ends_with(".md"));
    let documents = documents.map(|path| Ok((*path, sh.read_file(path)?)));
    let repository = Repository { documents: documents.collect::<Result<_>>()?, files };
    let (mut wrong, mut quick, mut count) = (repository.broken_links(), BTreeSet::new(), 0);
    for (path, text) in repository.documents.iter().filter(|(it, _)| !HISTORY.contains(it)) {
        for Said { line, text, kind } in said(text) {
            count += 1;
            let problem = match kind {
                Kind::Command => known.command(&text),
                Kind::Dependency => known.dependency(&text),
            };
            match problem {
                Some(problem) => wrong.push(format!("{path}:{line}: `{text}`: {problem}")),
                None if text.starts_with("cargo tree ") => drop(quick.insert(text)),
                None => {}
            }
        }
    }
    for command in &quick {
        if as_if_typed(cmd!(sh, "sh -c {command}")).quiet().ignore_stdout().run().is_err() {
            wrong.push(format!("`{command}` fails"));
        }
    }
    wrong.iter().for_each(|it| println!("{it}"));
    if wrong.is_empty() {
        println!("{count} commands and dependencies of documents, {} of them run", quick.len());
        Ok(())
    } else {
        Err(format!("{} wrong in documents", wrong.len()).into())
    }
}

/// What a document tells to type.
#[derive(Debug, PartialEq)]
struct Said {
    line: usize,
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Command,
    /// One of our crates, in a manifest.
    Dependency,
}

fn said(document: &str) -> Vec<Said> {
    let mut found = Vec::new();
    let mut block = None;
    for (line, text) in (1..).zip(document.lines()) {
        if let Some(language) = text.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(language.trim()) };
            continue;
        }
        let commands: Vec<&str> = match block {
            Some(language) if SHELLS.contains(&language) => text.split("&&").collect(),
            Some("toml") if text.starts_with("logfire-rs") => {
                found.push(Said { line, text: text.to_owned(), kind: Kind::Dependency });
                continue;
            }
            Some(_) => continue,
            // The marks of what a command writes say more than the command.
            None if text.starts_with("<!--") => continue,
            None => text.split('`').skip(1).step_by(2).collect(),
        };
        let commands = commands.into_iter().map(|it| it.trim().trim_start_matches("$ "));
        for text in commands.filter(|it| it.starts_with("cargo ")) {
            found.push(Said { line, text: text.to_owned(), kind: Kind::Command });
        }
    }
    found
}

/// What there is.
struct Known {
    packages: Vec<Package>,
    lock: String,
}

impl Known {
    /// What is wrong with a command, if anything is.
    fn command(&self, text: &str) -> Option<String> {
        let text = text.split(" # ").next().unwrap_or_default();
        let mut words = text.split_whitespace().skip(1).filter(|it| !it.starts_with('+'));
        let command = words.next()?;
        let words: Vec<&str> = words.take_while(|it| *it != "--").collect();
        if command == "xtask" && words.is_empty() {
            // A document speaks of it; nobody would type that.
            return None;
        }
        if command == "xtask" {
            let words = words.iter().map(OsString::from).collect();
            return Xtask::from_vec(words).err().map(|error| error.to_string());
        }
        let value = |names: &[&str]| {
            let at = words.iter().position(|it| names.contains(it))?;
            words.get(at + 1).copied()
        };
        if value(&["--manifest-path"]).is_some() {
            return None;
        }
        let locked = value(&["-i", "--invert"]).or_else(|| value(&["-p", "--package"]));
        if (command == "update" || words.contains(&"-i"))
            && let Some(locked) = locked
            && !self.is_locked(locked)
        {
            return Some(format!("Cargo.lock has no `{locked}`"));
        }
        if OTHERS.contains(&command) {
            return None;
        }
        if !OF_THE_WORKSPACE.contains(&command) {
            return Some(format!("cargo has no `{command}` that this check knows"));
        }
        let features = value(&["--features", "-F"]).unwrap_or_default();
        match value(&["-p", "--package"]) {
            Some(package) => self.has(package, features.split(',')),
            None => None,
        }
    }

    /// What is wrong with a line of a manifest, if anything is.
    fn dependency(&self, text: &str) -> Option<String> {
        let (name, rest) = text.split_once('=')?;
        let name = name.trim().trim_end_matches(".workspace");
        // `default-features` takes no list.
        let features = rest.split("features = [").nth(1).and_then(|it| it.split(']').next());
        let features = features.unwrap_or_default().split(',');
        self.has(name, features.map(|it| it.trim().trim_matches('"')))
    }

    fn has<'a>(&self, name: &str, features: impl Iterator<Item = &'a str>) -> Option<String> {
        let Some(package) = self.packages.iter().find(|it| it.name == name) else {
            return Some(format!("there is no package `{name}`"));
        };
        let mut missing =
            features.filter(|it| !it.is_empty() && !package.features.iter().any(|own| own == it));
        missing.next().map(|it| format!("`{name}` has no feature `{it}`"))
    }

    /// Whether a package is locked: `name`, `name@version`, or with the beginning of a version.
    fn is_locked(&self, package: &str) -> bool {
        let (name, version) = package.split_once('@').unwrap_or((package, ""));
        self.lock.contains(&format!("name = \"{name}\"\nversion = \"{version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
Type `cargo xtask ci`, not `cargo`.
<!-- written by `cargo xtask bench (a part)`: begin -->

```sh
$ cd a && cargo run -p b
ls
```

```toml
[dependencies]
logfire-rs = \"0.1\"
tokio = \"1\"
```

```rust
let text = `cargo nothing`;
```
";

    #[test]
    fn commands_and_dependencies_are_found_where_a_reader_would_type_them() {
        let said: Vec<_> = said(DOCUMENT).into_iter().map(|it| (it.line, it.text)).collect();
        let expected = [(1, "cargo xtask ci"), (5, "cargo run -p b"), (11, "logfire-rs = \"0.1\"")];
        assert_eq!(said, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn what_does_not_exist_is_told() {
        let workspace = metadata::parse(
            r#"{"packages": [{"name": "a", "features": {"default": ["x"], "x": [], "y": []}}]}"#,
        )
        .unwrap();
        let lock = "name = \"http\"\nversion = \"1.3.1\"\n".to_owned();
        let known = Known { packages: workspace.members, lock };
        for (command, expected) in [
            ("cargo xtask ci --skip STEP", None),
            ("cargo xtask", None),
            ("cargo xtask nothing", Some("unexpected argument: \"nothing\"")),
            ("cargo xtask ci --nothing", Some("unexpected flag: `--nothing`")),
            ("cargo test --workspace", None),
            ("cargo +nightly fuzz run url", None),
            ("cargo nothing", Some("cargo has no `nothing` that this check knows")),
            ("cargo run -p a --features x,y -- --once", None),
            ("cargo run -p b", Some("there is no package `b`")),
            ("cargo test -p a --features x,z", Some("`a` has no feature `z`")),
            ("cargo tree -i http@1", None),
            ("cargo tree -i http@2", Some("Cargo.lock has no `http@2`")),
            ("cargo update -p http@1.3.1 --precise 1.3.0", None),
            ("cargo update -p https", Some("Cargo.lock has no `https`")),
            ("cargo test --manifest-path a/Cargo.toml -p b", None),
        ] {
            assert_eq!(known.command(command).as_deref(), expected, "{command}");
        }
        for (line, expected) in [
            ("a = \"0.1\"", None),
            (
                "a = { version = \"0.1\", default-features = false, features = [\"x\", \"y\"] }",
                None,
            ),
            ("a = { features = [\"z\"] }", Some("`a` has no feature `z`")),
            ("b = { path = \"b\" }", Some("there is no package `b`")),
        ] {
            assert_eq!(known.dependency(line).as_deref(), expected, "{line}");
        }
    }
}
