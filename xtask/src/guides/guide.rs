//! What a document gives a reader to begin with.

use std::path::Path;

/// The beginning of a guide.
#[derive(Debug, PartialEq)]
pub(super) struct Guide {
    /// For `Cargo.toml`.
    lines: String,
    /// The first program, with what documents hide.
    program: String,
    /// The first one below it, in the same section.
    pub(super) request: Option<Request>,
    /// The first output below it, in the same section.
    shown: Option<String>,
}

/// A command line of curl.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    /// In a sentence: the service then shows something.
    ToBeShown(String),
    /// In a block of its own: what curl prints is what follows.
    ToBeAnswered(String),
}

impl Request {
    /// To the port on which the service listens here.
    pub(super) fn to_port(&self, port: u16) -> String {
        let (Self::ToBeShown(curl) | Self::ToBeAnswered(curl)) = self;
        with_port(curl, port)
    }
}

/// The ports that guides listen on.
const PORTS: [&str; 2] = ["8000", "8080"];

fn with_port(text: &str, port: u16) -> String {
    PORTS.iter().fold(text.to_owned(), |text, it| text.replace(it, &port.to_string()))
}

impl Guide {
    /// None of a document that gives no lines for `Cargo.toml`, or no program.
    pub(super) fn read(document: &str) -> Option<Self> {
        let (mut lines, mut program, mut request, mut shown) = (None, None, None, None);
        let mut is_below = false;
        for part in parts(document) {
            match part {
                Part::Block("toml", text) if text.contains("[dependencies]") => {
                    lines = lines.or(Some(text));
                }
                Part::Block(language, text)
                    if language.starts_with("rust") && program.is_none() =>
                {
                    let text = unhidden(&text);
                    is_below = text.lines().any(is_main);
                    program = is_below.then_some(text);
                }
                Part::Block("text", text) if is_below => shown = shown.or(Some(text)),
                Part::Block("sh", text) if is_below && text.starts_with("curl ") => {
                    request = request.or(Some(Request::ToBeAnswered(text.trim().to_owned())));
                }
                Part::Line(line) if line.starts_with("## ") => is_below = false,
                Part::Line(line) if is_below => {
                    let mut code = line.split('`').skip(1).step_by(2);
                    let curl = code.find(|it| it.starts_with("curl "));
                    request = request.or(curl.map(|it| Request::ToBeShown(it.to_owned())));
                }
                Part::Block(..) | Part::Line(_) => {}
            }
        }
        Some(Self { lines: lines?, program: program?, request, shown })
    }

    /// Whether `output` is what the guide says; if it says nothing, any is.
    pub(super) fn says(&self, output: &str) -> bool {
        self.shown.as_ref().is_none_or(|it| Text::of(output).contains(&Text::of(it)))
    }

    /// Whether it serves until it is stopped.
    pub(super) fn is_service(&self) -> bool {
        self.program.contains("bind(")
    }

    /// Whether it stands among the tests of a package.
    pub(super) fn is_test(&self) -> bool {
        self.lines.contains("[dev-dependencies]")
    }

    /// A manifest with the lines of the guide; `root` is the checkout that they point to.
    pub(super) fn manifest(&self, name: &str, root: &Path) -> String {
        let lines = self.lines.replace("\"../logfire-rs/", &format!("\"{}/", root.display()));
        let test =
            if self.is_test() { "[[test]]\nname = \"guide\"\nharness = false\n\n" } else { "" };
        // Without debug information, as dependencies are in the workspace: so they are not compiled again.
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{lines}\n{test}\
             [workspace]\n\n[profile.dev]\ndebug = false\n"
        )
    }

    /// The program, on another port.
    pub(super) fn program(&self, port: u16) -> String {
        with_port(&self.program, port)
    }
}

enum Part<'a> {
    Line(&'a str),
    /// The language and the lines of a block of code.
    Block(&'a str, String),
}

fn parts(document: &str) -> Vec<Part<'_>> {
    let (mut parts, mut block): (_, Option<(&str, String)>) = (Vec::new(), None);
    for line in document.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(language)) => block = Some((language, String::new())),
            (None, None) => parts.push(Part::Line(line)),
            (Some(_), Some(_)) => {
                parts.extend(block.take().map(|(language, text)| Part::Block(language, text)));
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    parts
}

fn unhidden(code: &str) -> String {
    let lines =
        code.lines().map(|it| if it == "#" { "" } else { it.strip_prefix("# ").unwrap_or(it) });
    lines.flat_map(|it| [it, "\n"]).collect()
}

fn is_main(line: &str) -> bool {
    line.starts_with("fn main(") || line.starts_with("async fn main(")
}

/// An output without what differs from run to run: times, durations and dates.
struct Text(Vec<String>);

impl Text {
    fn of(output: &str) -> Self {
        Self(output.lines().map(|it| always(it.trim_end())).collect())
    }

    /// Whether the lines of `other` are in it, in their order; the program may write something in between.
    fn contains(&self, other: &Self) -> bool {
        let mut lines = self.0.iter();
        other.0.iter().all(|it| lines.any(|line| line == it))
    }
}

fn always(line: &str) -> String {
    if line.starts_with("date: ") {
        return "date: …".to_owned();
    }
    let is_time = |it: &str| {
        it.chars().zip("00:00:00.000".chars()).all(|(it, form)| match form {
            '0' => it.is_ascii_digit(),
            _ => it == form,
        })
    };
    let line = match line.split_at_checked(12) {
        Some((time, rest)) if is_time(time) => format!("…{rest}"),
        _ => line.to_owned(),
    };
    let mut words = line.rsplitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("ms" | "s" | "µs"), Some(number), Some(before)) if number.parse::<f64>().is_ok() => {
            format!("{before} …")
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
## Install

```toml
[dependencies]
logfire-rs = { path = \"../logfire-rs/crates/logfire-rs\" }
```

```rust
let part = 1;
```

## Example

```rust,no_run
# use a::b;
fn main() {
    bind(\"127.0.0.1:8000\");
#
}
```

`b` and `curl 'http://127.0.0.1:8000/a'` prints:

```text
14:03:22.101 GET /a
```

## More

```text
nothing
```
";

    #[test]
    fn a_guide_is_lines_a_program_a_request_and_an_output() {
        let guide = Guide::read(DOCUMENT).unwrap();
        assert_eq!(guide.program(81), "use a::b;\nfn main() {\n    bind(\"127.0.0.1:81\");\n\n}\n");
        assert!(guide.is_service() && !guide.is_test());
        let request = guide.request.as_ref().unwrap();
        assert!(matches!(request, Request::ToBeShown(_)));
        assert_eq!(request.to_port(81), "curl 'http://127.0.0.1:81/a'");
        assert!(guide.says("09:00:00.000 GET /a\n") && !guide.says("09:00:00.000 GET /b\n"));
        let manifest = guide.manifest("guide-a", Path::new("/b"));
        assert!(manifest.contains("name = \"guide-a\""), "{manifest}");
        assert!(
            manifest.contains("\nlogfire-rs = { path = \"/b/crates/logfire-rs\" }\n"),
            "{manifest}"
        );
        assert_eq!(Guide::read(&DOCUMENT.replace("main", "other")), None);
        assert_eq!(Guide::read(&DOCUMENT.replace("[dependencies]", "[features]")), None);
    }

    #[test]
    fn a_command_in_a_block_is_for_its_answer() {
        let document = DOCUMENT.replace("`b` and `", "```sh\n").replace("` prints:", "\n```\n");
        let request = Guide::read(&document).unwrap().request;
        assert!(matches!(request, Some(Request::ToBeAnswered(_))), "{request:?}");
        let elsewhere = DOCUMENT.replace("`b` and", "## Else\n\n");
        assert_eq!(Guide::read(&elsewhere).unwrap().request, None);
    }

    #[test]
    fn only_what_differs_from_run_to_run_may_differ_or_stand_in_between() {
        let shown = Text::of(
            "12:00:00.000 starting\n12:00:00.001 GET /a\n12:00:00.001 └ 200 in 2.4 ms\nend\n",
        );
        assert!(shown.contains(&Text::of("14:03:22.101 GET /a\n14:03:22.103 └ 200 in 0.12 ms\n")));
        for other in [
            "14:03:22.101 GET /b",
            "14:03:22.101 └ 404 in 2.4 ms",
            "GET /a",
            "14:03:22.101 └ 200 in 1 ms\n14:03:22.101 GET /a",
        ] {
            assert!(!shown.contains(&Text::of(other)), "{other}");
        }
        let inner = Text::of("12:00:00.000   load\n12:00:00.001   └ 0.08 ms\n");
        assert!(inner.contains(&Text::of("14:03:22.101   └ 12 s")));
        let answer = Text::of("HTTP/1.1 200 OK\r\ndate: Fri, 27 Nov 2026 14:03:22 GMT\r\n");
        assert!(answer.contains(&Text::of("HTTP/1.1 200 OK\ndate: today")));
    }
}
