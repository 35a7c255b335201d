//! Rules for every Rust file, and for the Rust in documents.

use super::{File, Violation, scan::Scanned};

const MAX_CODE_LINES: usize = 400;

/// What no file may hold, tests included, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("#[ignore", "run the test or delete it, rather than `#[ignore`"),
    ("#[should_panic", "assert on the result instead of `#[should_panic`"),
    ("todo!(", "finish what `todo!(` stands for"),
    ("unimplemented!(", "finish what `unimplemented!(` stands for"),
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils"];

pub(super) fn check(file: &File, scanned: &Scanned) -> Vec<Violation> {
    let mut found = Vec::new();
    // A crate whose documentation is its README begins with that.
    let is_documented =
        ["//!", "#![doc = include_str!("].iter().any(|it| file.text.starts_with(it));
    if !is_documented {
        found.push(file.violation(1, "begin the file with `//!` and what it is for"));
    }
    let count = scanned.code_lines();
    if count > MAX_CODE_LINES {
        found.push(
            file.violation(
                1,
                format!("split the file: {count} code lines, at most {MAX_CODE_LINES}"),
            ),
        );
    }
    for (number, line) in (1..).zip(&scanned.code) {
        let forbidden = FORBIDDEN.iter().filter(|(needle, _)| line.contains(needle));
        found.extend(forbidden.map(|(_, instead)| file.violation(number, *instead)));
        found.extend(check_names(line).map(|what| file.violation(number, what)));
    }
    found
}

fn check_names(line: &str) -> Option<String> {
    let mut words = line
        .split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty());
    let keyword = words.find(|word| ["struct", "enum", "trait", "mod", "fn"].contains(word))?;
    let name = words.next()?;
    let is_empty = match keyword {
        "mod" => EMPTY_NAMES.iter().any(|empty| name.eq_ignore_ascii_case(empty)),
        "fn" => false,
        _ => EMPTY_NAMES.iter().any(|empty| name.ends_with(empty)),
    };
    if is_empty {
        return Some(format!("name `{name}` after what it is"));
    }
    let bare = name.strip_prefix("get_")?;
    (keyword == "fn" && line.trim_start().starts_with("pub"))
        .then(|| format!("call `{name}` just `{bare}`"))
}

/// Examples that rustdoc does not compile, in doc comments and in documents that are included as such.
pub(super) fn check_fences(file: &File) -> Vec<Violation> {
    let is_rust = file.path.ends_with(".rs");
    let fence = |line: &str| -> Option<&'static str> {
        let line = line.trim_start();
        let prose =
            if is_rust { line.strip_prefix("///").or(line.strip_prefix("//!"))? } else { line };
        let info = prose.trim_start().strip_prefix("```")?;
        ["ignore", "should_panic"]
            .into_iter()
            .find(|word| info.split([',', ' ']).any(|part| part.trim() == *word))
    };
    let found = file.lines().filter_map(|(number, line)| Some((number, fence(line)?)));
    found
        .map(|(number, word)| {
            file.violation(number, format!("let the example compile and pass instead of `{word}`"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{scan::scan, testing::*},
        *,
    };

    fn checked(text: &str) -> Vec<String> {
        let file = file("a.rs", text);
        shown(check(&file, &scan(text)))
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(
            checked("fn f() {}\n"),
            ["a.rs:1: begin the file with `//!` and what it is for"]
        );
        assert_eq!(checked("//! What.\nfn f() {}\n"), [""; 0]);
    }

    #[test]
    fn a_file_is_short_without_its_docs_and_tests() {
        let code = |count| format!("//! What.\n{}", "f();\n".repeat(count));
        assert_eq!(checked(&code(401)), ["a.rs:1: split the file: 401 code lines, at most 400"]);
        let docs_and_tests = format!(
            "{}\n/// Docs.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            code(400),
            "g();\n".repeat(9)
        );
        assert_eq!(checked(&docs_and_tests), [""; 0]);
    }

    #[test]
    fn nothing_is_left_unfinished() {
        for (needle, instead) in FORBIDDEN {
            assert_eq!(checked(&format!("//! What.\n{needle}]\n")), [format!("a.rs:2: {instead}")]);
            assert_eq!(checked(&format!("//! What.\n// {needle}]\nf(\"{needle}\")\n")), [""; 0]);
        }
    }

    #[test]
    fn names_say_something() {
        let found =
            checked("//! W.\npub(crate) struct SpanManager;\nmod utils;\npub fn get_route() {}\n");
        assert_eq!(
            found,
            [
                "a.rs:2: name `SpanManager` after what it is",
                "a.rs:3: name `utils` after what it is",
                "a.rs:4: call `get_route` just `route`"
            ]
        );
        assert_eq!(
            checked("//! W.\nstruct Route;\nmod util_linux;\nfn get_it() {}\nreq.get_ref();\n"),
            [""; 0]
        );
    }

    #[test]
    fn every_example_compiles() {
        let found = |path, text| shown(check_fences(&file(path, text)));
        assert_eq!(
            found("a.rs", "/// ```ignore\n    //! ```rust,should_panic\n"),
            [
                "a.rs:1: let the example compile and pass instead of `ignore`",
                "a.rs:2: let the example compile and pass instead of `should_panic`"
            ]
        );
        assert_eq!(
            found("a.md", "```rust,ignore\n"),
            ["a.md:1: let the example compile and pass instead of `ignore`"]
        );
        assert_eq!(
            found("a.rs", "/// ```no_run\n/// ```compile_fail\nlet a = \"\n```ignore\";\n"),
            [""; 0]
        );
        assert_eq!(found("a.md", "```text\nignore\n```\n"), [""; 0]);
    }
}
