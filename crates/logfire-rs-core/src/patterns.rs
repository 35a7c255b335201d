//! Patterns over URLs and header names.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::diagnostics;

/// A regular expression that is known to be valid.
///
/// Settings that take patterns take any string; what is not valid there is matched literally, with
/// a warning. A `Pattern` reports the fault where it is written instead.
///
/// ```
/// use logfire_rs_core::{HttpServerOptions, Pattern};
///
/// let health = Pattern::new("^/health(z|check)?$")?;
/// let options = HttpServerOptions::default().excluded_urls([health]);
/// assert!(Pattern::new("(").is_err());
/// # Ok::<(), logfire_rs_core::InvalidPattern>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Checks `pattern`, in the syntax of the [`regex`](https://docs.rs/regex) crate.
    ///
    /// # Errors
    ///
    /// If `pattern` is not a regular expression.
    ///
    /// ```
    /// use logfire_rs_core::Pattern;
    ///
    /// let internal = Pattern::new("^/(health|metrics)$")?;
    /// assert_eq!(internal.as_ref(), "^/(health|metrics)$");
    /// # Ok::<(), logfire_rs_core::InvalidPattern>(())
    /// ```
    pub fn new(pattern: impl Into<String>) -> Result<Self, InvalidPattern> {
        let pattern = pattern.into();
        match Regex::new(&pattern) {
            Ok(_) => Ok(Self(pattern)),
            Err(error) => Err(InvalidPattern { problem: error.to_string() }),
        }
    }
}

impl AsRef<str> for Pattern {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The error of [`Pattern::new`].
///
/// ```
/// let error = logfire_rs_core::Pattern::new("(").unwrap_err();
/// assert!(error.to_string().starts_with("not a regular expression: "));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct InvalidPattern {
    problem: String,
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a regular expression: {}", self.problem)
    }
}

/// What `main` prints of an error that it returns is this: the text, for people.
impl fmt::Debug for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InvalidPattern {}

/// Compiles `pattern`; one that is not valid matches literally.
pub(crate) fn compile(
    setting: &str,
    pattern: &str,
    build: fn(&str) -> RegexBuilder,
) -> Option<Regex> {
    build(pattern)
        .build()
        .or_else(|error| {
            diagnostics::invalid_pattern(setting, pattern, &problem(&error));
            build(&regex::escape(pattern)).build()
        })
        .ok()
}

/// What is wrong, without the drawing of where, for one line.
fn problem(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// Searches anywhere, with regard to case.
pub(crate) fn anywhere(pattern: &str) -> RegexBuilder {
    RegexBuilder::new(pattern)
}

/// Searches anywhere, without regard to case.
pub(crate) fn anywhere_ignoring_case(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    builder.case_insensitive(true);
    builder
}

/// Matches the whole string, without regard to case.
pub(crate) fn whole_ignoring_case(pattern: &str) -> RegexBuilder {
    anywhere_ignoring_case(&format!("^(?:{pattern})$"))
}

/// URLs that are not recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExcludedUrls {
    /// Patterns over the path.
    paths: Vec<Regex>,
    /// Patterns over `scheme://host/path`.
    urls: Vec<Regex>,
}

impl ExcludedUrls {
    pub(crate) fn new<S: AsRef<str>>(setting: &str, patterns: impl IntoIterator<Item = S>) -> Self {
        let mut excluded = Self::default();
        for pattern in patterns {
            let pattern = pattern.as_ref().trim();
            // It would be found in every URL; it comes of a list that is empty.
            if pattern.is_empty() {
                continue;
            }
            let whole = pattern.contains("://") || pattern.contains(":\\/\\/");
            let list = if whole { &mut excluded.urls } else { &mut excluded.paths };
            list.extend(compile(setting, pattern, anywhere));
        }
        excluded
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.urls.is_empty()
    }

    /// Whether `path` or the URL that `url` gives is excluded; without patterns nothing is asked.
    #[inline]
    pub(crate) fn matches(&self, path: &str, url: impl FnOnce() -> Option<String>) -> bool {
        if self.paths.iter().any(|it| it.is_match(path)) {
            return true;
        }
        !self.urls.is_empty()
            && url().is_some_and(|url| self.urls.iter().any(|it| it.is_match(&url)))
    }
}

/// Whether `path` has the form of `template`: `{name}` stands for a segment, `{*rest}` for the rest.
pub(crate) fn template_matches(template: &str, path: &str) -> bool {
    let (mut templates, mut segments) = (template.split('/'), path.split('/'));
    loop {
        match (templates.next(), segments.next()) {
            (None, None) => return true,
            (Some(template), Some(segment)) => {
                let inside = template.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
                match inside {
                    Some(name) if name.starts_with('*') => return !segment.is_empty(),
                    Some(_) if !segment.is_empty() => {}
                    _ if template == segment => {}
                    _ => return false,
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_pattern_is_one_line() {
        let problem = |pattern| problem(&whole_ignoring_case(pattern).build().unwrap_err());
        assert_eq!(problem("x-("), "unclosed group");
        assert_eq!(problem("["), "unclosed character class");
        let large = problem("(a{1000}){1000}");
        assert!(large.starts_with("Compiled regex exceeds size limit"), "{large}");
    }

    #[test]
    fn a_pattern_with_a_scheme_is_searched_in_the_url_and_any_other_in_the_path() {
        let excluded = ExcludedUrls::new("test", ["^/health$", "^https?://[^/]+/$", "("]);
        let url = |host: &str, path: &str| Some(format!("http://{host}{path}"));
        for (host, path, expected) in [
            ("a", "/health", true),
            ("a", "/healthy", false),
            ("health", "/x", false),
            ("a", "/", true),
            ("a", "/b/", false),
            ("a", "/(", true),
        ] {
            assert_eq!(excluded.matches(path, || url(host, path)), expected, "{host}{path}");
        }
        assert!(!ExcludedUrls::default().matches("/", || unreachable!()));
        let empty = ExcludedUrls::new("test", "".split(',').chain([" "]));
        assert!(!empty.matches("/", || unreachable!()));
    }

    #[test]
    fn templates_match_paths_by_segment() {
        for (template, path, expected) in [
            ("/health", "/health", true),
            ("/health", "/health/", false),
            ("/users/{id}", "/users/1", true),
            ("/users/{id}", "/users/", false),
            ("/users/{id}", "/users/1/posts", false),
            ("/files/{*path}", "/files/a/b", true),
            ("/files/{*path}", "/files/", false),
            ("/", "/", true),
        ] {
            assert_eq!(template_matches(template, path), expected, "{template} {path}");
        }
    }
}
