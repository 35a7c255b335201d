//! Links from document to document, to files and to headings.

use std::collections::BTreeMap;

/// Documents by their path, and the paths of all files.
pub(super) struct Repository<'a> {
    pub(super) documents: BTreeMap<&'a str, String>,
    pub(super) files: Vec<&'a str>,
}

impl Repository<'_> {
    /// Each link that leads nowhere, with its place.
    pub(super) fn broken_links(&self) -> Vec<String> {
        let links = self.documents.iter().flat_map(|(path, text)| {
            links(text).into_iter().map(move |(line, link)| (*path, line, link))
        });
        let wrong = links.filter_map(|(path, line, link)| {
            let problem = self.problem(path, link)?;
            Some(format!("{path}:{line}: `{link}`: {problem}"))
        });
        wrong.collect()
    }

    fn problem(&self, path: &str, link: &str) -> Option<String> {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { path.to_owned() } else { joined(path, file) };
        let below = format!("{target}/");
        if !self.files.iter().any(|it| *it == target || it.starts_with(&below)) {
            return Some(format!("there is no {target}"));
        }
        let document = self.documents.get(&*target).filter(|_| !heading.is_empty())?;
        let is_there =
            outside_of_code(document).any(|(_, line)| anchor(line) == Some(heading.to_owned()));
        (!is_there).then(|| format!("{target} has no such heading"))
    }
}

/// The lines that are no code, from 1 on.
fn outside_of_code(document: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(document.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The links that are not to another host.
fn links(document: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, text) in outside_of_code(document) {
        let targets = text.split("](").skip(1).filter_map(|it| it.split_once(')'));
        let own = targets.map(|(link, _)| link).filter(|it| !it.contains("://"));
        found.extend(own.map(|link| (line, link)));
    }
    found
}

/// `link` of the document at `path`, from the root.
fn joined(path: &str, link: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What a link to a heading ends with.
fn anchor(line: &str) -> Option<String> {
    let heading =
        line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?;
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    Some(kept.map(|it| if it == ' ' { '-' } else { it }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_file_a_folder_or_a_heading() {
        let documents = [
            (
                "docs/a.md",
                "# `a()`, and b\n[x](b.md) [y](b.md#two-words) [z](#a-and-b) [here](../examples/c)\n\
                 [lost](d.md) and [a\nb](b.md#three) ![](../e.png) [far](https://a.b/c)\n\
                 ```rust\n[code](nowhere)\n# no heading\n```\n[n](#no-heading)\n",
            ),
            ("docs/b.md", "## Two words\n"),
        ];
        let repository = Repository {
            documents: documents.map(|(path, text)| (path, text.to_owned())).into(),
            files: vec!["docs/a.md", "docs/b.md", "examples/c/Cargo.toml"],
        };
        assert_eq!(
            repository.broken_links(),
            [
                "docs/a.md:3: `d.md`: there is no docs/d.md",
                "docs/a.md:4: `b.md#three`: docs/b.md has no such heading",
                "docs/a.md:4: `../e.png`: there is no e.png",
                "docs/a.md:9: `#no-heading`: docs/a.md has no such heading",
            ]
        );
    }
}
