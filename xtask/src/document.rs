//! Parts of documents that a command writes, between two markers.

use xshell::Shell;

use crate::Result;

/// Puts `text` between the markers of `command` in the document at `path`.
pub(crate) fn write(sh: &Shell, path: &str, command: &str, text: &str) -> Result {
    let document = sh.read_file(path)?;
    let written = replaced(&document, command, text);
    let written = written.ok_or(format!("{path} has lost the two markers of `{command}`"))?;
    Ok(sh.write_file(path, written)?)
}

/// What is between the markers of `command` in the document at `path`.
pub(crate) fn read(sh: &Shell, path: &str, command: &str) -> Result<String> {
    let document = sh.read_file(path)?;
    let parts = parts(&document, command);
    let (_, text, _) = parts.ok_or(format!("{path} has lost the two markers of `{command}`"))?;
    Ok(text.to_owned())
}

fn replaced(document: &str, command: &str, text: &str) -> Option<String> {
    let (before, _, after) = parts(document, command)?;
    Some(format!("{before}{text}{after}"))
}

/// What is before, between and after the ends of the two markers, which belong to the first and the last.
fn parts<'a>(document: &'a str, command: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let begin = format!("<!-- written by `{command}`: begin -->\n");
    let end = format!("<!-- written by `{command}`: end -->\n");
    let begin = document.find(&begin)? + begin.len();
    let (before, rest) = document.split_at_checked(begin)?;
    let (text, after) = rest.split_at_checked(rest.find(&end)?)?;
    Some((before, text, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_markers_is_replaced() {
        let document = "# Title\n\
            <!-- written by `a`: begin -->\nold\n<!-- written by `a`: end -->\n\
            <!-- written by `b`: begin -->\nold\n<!-- written by `b`: end -->\nafter\n";
        let written = replaced(document, "b", "new\n").unwrap();
        assert_eq!(written, document.replace("`b`: begin -->\nold\n", "`b`: begin -->\nnew\n"),);
        assert_eq!(parts(&written, "b").unwrap().1, "new\n");
    }

    #[test]
    fn a_document_without_markers_is_left_alone() {
        assert_eq!(replaced("# Title\n", "a", "text"), None);
    }
}
