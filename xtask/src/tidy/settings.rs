//! docs/configuration.md has every setting: the setters of options, and the variables of the environment. A setter's own
//! docs have an example and name its default.

use super::{
    File, Violation, find,
    scan::{Scanned, scan},
};

const DOCUMENT: &str = "docs/configuration.md";

/// A section of the document, and the beginnings of the paths of the files whose setters it lists.
struct Section {
    heading: &'static str,
    sources: &'static [&'static str],
}

const SECTIONS: &[Section] = &[
    Section {
        heading: "HttpServerOptions",
        sources: &[
            "crates/logfire-rs-core/src/options/server.rs",
            "crates/logfire-rs-core/src/options/shared.rs",
        ],
    },
    Section {
        heading: "HttpClientOptions",
        sources: &[
            "crates/logfire-rs-core/src/options/client.rs",
            "crates/logfire-rs-core/src/options/shared.rs",
        ],
    },
    Section {
        heading: "configure()",
        sources: &[
            "crates/logfire-rs-sdk/src/configure",
            "crates/logfire-rs-sdk/src/console/options.rs",
            "crates/logfire-rs-sdk/src/sampling/options.rs",
            "crates/logfire-rs-sdk/src/scrubbing/mod.rs",
        ],
    },
    Section {
        heading: "The browser proxy",
        sources: &[
            "crates/logfire-rs-proxy/src/builder.rs",
            "crates/logfire-rs-proxy/src/proxy.rs",
        ],
    },
];

/// How the names of variables begin that are ours to document.
const VARIABLES: &[&str] = &["LOGFIRE_", "OTEL_"];

/// Each setter has its docs, and a row in its section; each row that calls something calls what there is.
pub(super) fn check_setters(files: &[File]) -> Vec<Violation> {
    let Some(document) = find(files, DOCUMENT) else { return Vec::new() };
    let mut found = Vec::new();
    for Section { heading, sources } in SECTIONS {
        let rows: Vec<_> = rows(document, heading).collect();
        let mut all = Vec::new();
        for file in files.iter().filter(|it| sources.iter().any(|path| it.path.starts_with(path))) {
            for Function { line, name, is_setter } in functions(&scan(&file.text)) {
                if is_setter {
                    let is_documented = rows.iter().any(|(_, row)| mentions(row, &name));
                    let what = format!("add `{name}` to `{heading}` of {DOCUMENT}");
                    found.extend((!is_documented).then(|| file.violation(line, what)));
                    let missing = missing_docs(file, line).into_iter();
                    found.extend(
                        missing.map(|it| file.violation(line, format!("{it} of `{name}`"))),
                    );
                }
                all.push(name);
            }
        }
        for (line, row) in rows {
            let stale = called(first_cell(row)).filter(|name| !all.iter().any(|it| it == name));
            found.extend(stale.map(|name| {
                document.violation(line, format!("remove `{name}`, which does not exist"))
            }));
        }
    }
    found
}

/// Each variable that product code reads is in the document.
pub(super) fn check_variables(files: &[File]) -> Vec<Violation> {
    let Some(document) = find(files, DOCUMENT) else { return Vec::new() };
    let is_product = |file: &&File| {
        let inside = file.path.strip_prefix("crates/").and_then(|path| path.split_once('/'));
        inside.is_some_and(|(_, path)| path.starts_with("src/") && path.ends_with(".rs"))
    };
    let mut found = Vec::new();
    for file in files.iter().filter(is_product) {
        for (line, code) in scan(&file.text).product_code_with_literals() {
            let variables = code.split('"').map(|it| it.replace("{key}", "{KEY}"));
            let missing = variables.filter(|it| is_variable(it) && !names(&document.text, it));
            found.extend(
                missing.map(|it| file.violation(line, format!("tell of `{it}` in {DOCUMENT}"))),
            );
        }
    }
    found
}

/// The numbered rows of the tables below `heading`.
fn rows<'a>(document: &'a File, heading: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let heading = format!("## {heading}");
    let lines = document.lines().skip_while(move |(_, line)| *line != heading).skip(1);
    let section = lines.take_while(|(_, line)| !line.starts_with("## "));
    section.filter(|(_, line)| line.starts_with('|'))
}

fn first_cell(row: &str) -> &str {
    row.split('|').nth(1).unwrap_or_default()
}

/// A public function.
struct Function {
    line: usize,
    name: String,
    /// Takes `self` and gives it back.
    is_setter: bool,
}

fn functions(scanned: &Scanned) -> Vec<Function> {
    let lines: Vec<_> = scanned.product_code().collect();
    let mut found = Vec::new();
    for (index, (number, code)) in lines.iter().enumerate() {
        let code = code.trim_start();
        let after = code.strip_prefix("pub fn ").or_else(|| code.strip_prefix("pub const fn "));
        let Some(after) = after else { continue };
        let mut signature = String::new();
        let following = lines.iter().skip(index + 1).map(|(_, line)| line.trim());
        for line in std::iter::once(after).chain(following) {
            signature.push_str(line);
            if line.contains('{') {
                break;
            }
        }
        let takes_self = signature.contains("(self") || signature.contains("(mut self");
        found.push(Function {
            line: *number,
            name: after.chars().take_while(|it| is_of_name(*it)).collect(),
            is_setter: takes_self && signature.contains("-> Self"),
        });
    }
    found
}

/// What the docs above `line`, and the macros that make them, do not give.
fn missing_docs(file: &File, line: usize) -> Vec<&'static str> {
    let above: Vec<_> = file.lines().take(line.saturating_sub(1)).collect();
    let docs = above.iter().rev().take_while(|(_, text)| !text.trim().is_empty());
    // `Options::default()` in an example names no default.
    let prose = |text: &str| text.to_lowercase().replace("default()", "");
    let has = |word: &str| docs.clone().any(|(_, text)| prose(text).contains(word));
    let wanted = [("```", "give an example"), ("default", "name the default")];
    wanted.into_iter().filter(|(word, _)| !has(word)).map(|(_, what)| what).collect()
}

/// Whether `row` has `name` as code, called or not.
fn mentions(row: &str, name: &str) -> bool {
    row.match_indices(name).any(|(start, _)| {
        let before = row.get(..start).and_then(|it| it.chars().next_back());
        let after = row.get(start + name.len()..).and_then(|it| it.chars().next());
        matches!(before, Some('`' | ':')) && matches!(after, Some('`' | '('))
    })
}

/// What `cell` calls: `name` of `Type::name(..)`.
fn called(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2).filter_map(|code| {
        let (path, _) = code.split_once('(')?;
        let name = path.rsplit("::").next()?;
        let is_method = name.starts_with(|it: char| it.is_ascii_lowercase());
        (is_method && name.chars().all(is_of_name)).then_some(name)
    })
}

fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

fn is_variable(text: &str) -> bool {
    VARIABLES.iter().any(|it| text.len() > it.len() && text.starts_with(it))
        && text.chars().all(|it| it.is_ascii_uppercase() || "0123456789_{}".contains(it))
}

/// Whether `document` has `variable`, in full or as `…_LAST_WORDS`.
fn names(document: &str, variable: &str) -> bool {
    let mut ends = variable.match_indices('_').filter_map(|(start, _)| variable.get(start..));
    document.contains(variable) || ends.any(|end| document.contains(&format!("`…{end}`")))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    const SERVER: &str = "crates/logfire-rs-core/src/options/server.rs";

    fn checked(source: &str, rows: &str) -> Vec<String> {
        let document = format!("| `old(x)` |\n## HttpServerOptions\n{rows}## Next\n| `old(x)` |\n");
        shown(check_setters(&[file(SERVER, source), file(DOCUMENT, &document)]))
    }

    #[test]
    fn a_setter_has_a_row() {
        let source = "    /// Yes by default.\n    /// ```\n    pub fn spans(mut self, spans: bool) -> Self {\n    }\n\n    /// Default: ```\n    pub fn exclude<F>(\n        self,\n        exclude: F,\n    ) -> Self\n    where\n        F: A,\n    {\n";
        assert_eq!(
            checked(source, ""),
            [
                format!("{SERVER}:3: add `spans` to `HttpServerOptions` of {DOCUMENT}"),
                format!("{SERVER}:7: add `exclude` to `HttpServerOptions` of {DOCUMENT}"),
            ]
        );
        assert_eq!(checked(source, "| `spans(bool)` | – |\n| a | `Type::exclude` |\n"), [""; 0]);
        assert_eq!(checked(source, "`spans`\n| `no_spans(bool)` | exclude |\n").len(), 3);
    }

    #[test]
    fn a_setter_has_an_example_and_a_default() {
        let source =
            |docs| format!("    /// Default: ```\n\n{docs}    pub fn spans(self) -> Self {{\n");
        let checked = |docs| checked(&source(docs), "| `spans()` |\n");
        assert_eq!(
            checked("    /// Sets it.\n"),
            ["give an example of `spans`", "name the default of `spans`"]
                .map(|it| format!("{SERVER}:4: {it}"))
        );
        assert_eq!(
            checked("    /// ```\n    /// Options::default()\n"),
            [format!("{SERVER}:5: name the default of `spans`")]
        );
        assert_eq!(checked("    /// Off by default.\n    #[doc = \"```\"]\n"), [""; 0]);
    }

    #[test]
    fn what_is_not_a_setter_needs_no_row() {
        let source = "pub fn new() -> Self {\npub fn finish(self) -> Proxy {\npub fn len(&self) -> usize {\nfn own(self) -> Self {\n// pub fn a(self) -> Self {\n";
        assert_eq!(checked(source, "| `new()` | `gone(x)` |\n"), [""; 0]);
    }

    #[test]
    fn a_row_has_a_setter() {
        assert_eq!(
            checked("", "| `gone(bool)`, `Type(x)` | `f(x)` |\n"),
            [format!("{DOCUMENT}:3: remove `gone`, which does not exist")]
        );
    }

    #[test]
    fn a_variable_is_documented() {
        let checked = |document: &str| {
            let source = "f(\"OTEL_X_TRACES_Y\", \"OTEL_{key}_Z\"); // \"OTEL_A\"\ng(\"OTEL_\", \"OTEL_{signal}\", \"Z\");\n";
            shown(check_variables(&[
                file("crates/a/src/lib.rs", source),
                file("crates/a/tests/it.rs", source),
                file(DOCUMENT, document),
            ]))
        };
        assert_eq!(
            checked("`OTEL_X_Y`, …_TRACES_Y\n"),
            ["OTEL_X_TRACES_Y", "OTEL_{KEY}_Z"]
                .map(|it| format!("crates/a/src/lib.rs:1: tell of `{it}` in {DOCUMENT}"))
        );
        assert_eq!(checked("`OTEL_X_TRACES_Y`, `OTEL_{KEY}_Z`\n"), [""; 0]);
        assert_eq!(checked("`OTEL_X_Y`, `…_TRACES_Y`, `OTEL_{KEY}_Z`\n"), [""; 0]);
    }
}
