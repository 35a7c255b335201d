//! Rust source without what is not code: enough of a lexer to tell comments, literals and tests from the rest.

/// A file line by line; all lists have the same length.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Without comments and without the text of literals.
    pub(super) code: Vec<String>,
    /// Without comments.
    pub(super) with_literals: Vec<String>,
    /// Whether the line belongs to an item under `#[cfg(test)]`.
    pub(super) is_test: Vec<bool>,
}

impl Scanned {
    /// How many lines hold code that is not a test.
    pub(super) fn code_lines(&self) -> usize {
        self.untested(&self.code).filter(|(_, line)| !line.trim().is_empty()).count()
    }

    /// The numbered lines outside tests, without comments and the text of literals.
    pub(super) fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.untested(&self.code)
    }

    /// The numbered lines outside tests, without comments.
    pub(super) fn product_code_with_literals(&self) -> impl Iterator<Item = (usize, &str)> {
        self.untested(&self.with_literals)
    }

    fn untested<'a>(&'a self, lines: &'a [String]) -> impl Iterator<Item = (usize, &'a str)> {
        let lines = (1..).zip(lines).zip(&self.is_test);
        lines.filter(|(_, is_test)| !**is_test).map(|((number, line), _)| (number, line.as_str()))
    }
}

pub(super) fn scan(text: &str) -> Scanned {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
        code: String::new(),
        with_literals: String::new(),
    };
    lexer.run();
    let code: Vec<String> = lexer.code.lines().map(str::to_owned).collect();
    let with_literals = lexer.with_literals.lines().map(str::to_owned).collect();
    let is_test = test_lines(&lexer.code, code.len());
    Scanned { code, with_literals, is_test }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    code: String,
    with_literals: String,
}

/// What a character belongs to.
#[derive(Clone, Copy)]
enum Part {
    Code,
    Comment,
    Literal,
}

impl Lexer {
    fn run(&mut self) {
        while let Some(char) = self.peek(0) {
            match (char, self.peek(1)) {
                ('/', Some('/')) => self.take_while(Part::Comment, |char| char != '\n'),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('\'', Some(next)) if next == '\\' || self.peek(2) == Some('\'') => {
                    self.char_literal();
                }
                ('r', Some('"' | '#')) if !self.after_word() => self.raw_string(),
                _ => self.take(Part::Code),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Whether the current character goes on a word, in which `r` or a quote means nothing.
    fn after_word(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.chars.get(before));
        before.is_some_and(|char| {
            (char.is_alphanumeric() || *char == '_') && !matches!(char, 'b' | 'c')
        })
    }

    fn take(&mut self, part: Part) {
        let Some(char) = self.peek(0) else { return };
        self.at += 1;
        let blank = if char == '\n' { '\n' } else { ' ' };
        self.code.push(if matches!(part, Part::Code) { char } else { blank });
        self.with_literals.push(if matches!(part, Part::Comment) { blank } else { char });
    }

    fn take_while(&mut self, part: Part, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.take(part);
        }
    }

    fn take_n(&mut self, part: Part, count: usize) {
        (0..count).for_each(|_| self.take(part));
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.take(Part::Comment);
                    continue;
                }
            }
            self.take_n(Part::Comment, 2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.take(Part::Code);
        loop {
            match self.peek(0) {
                Some('\\') => self.take_n(Part::Literal, 2),
                Some('"') | None => return self.take(Part::Code),
                Some(_) => self.take(Part::Literal),
            }
        }
    }

    fn raw_string(&mut self) {
        let hashes = self.chars.iter().skip(self.at + 1).take_while(|char| **char == '#').count();
        self.take_n(Part::Code, 1 + hashes);
        if self.peek(0) != Some('"') {
            return; // A raw identifier.
        }
        self.take(Part::Code);
        while let Some(char) = self.peek(0) {
            let closes = char == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                return self.take_n(Part::Code, 1 + hashes);
            }
            self.take(Part::Literal);
        }
    }

    fn char_literal(&mut self) {
        self.take(Part::Code);
        if self.peek(0) == Some('\\') {
            self.take_n(Part::Literal, 2);
        }
        self.take_while(Part::Literal, |char| char != '\'' && char != '\n');
        self.take(Part::Code);
    }
}

/// Marks the lines of each item under `#[cfg(test)]`, from the attribute to the closing brace or semicolon.
fn test_lines(code: &str, count: usize) -> Vec<bool> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut is_test = vec![false; count];
    for (start, _) in code.match_indices(ATTRIBUTE) {
        let item = code.get(start + ATTRIBUTE.len()..).unwrap_or_default();
        let first = code.get(..start).unwrap_or_default().matches('\n').count();
        let last = first + item.get(..item_end(item)).unwrap_or_default().matches('\n').count();
        is_test.iter_mut().take(last + 1).skip(first).for_each(|line| *line = true);
    }
    is_test
}

/// The offset just before the character that ends the item at the beginning of `code`.
fn item_end(code: &str) -> usize {
    let mut depth = 0;
    for (offset, char) in code.char_indices() {
        match char {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(char, ';' | '}') {
            return offset;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_the_text_of_literals_are_no_code() {
        let text = "f(\"todo!(\"); // todo!(\n/* todo!( /* { */ } */ g('\\'', 'x');\nlet r = r#\"a\" //\nb\"#; h::<'a>(b\"\\\"\");";
        let scanned = scan(text);
        assert_eq!(
            scanned.code.iter().map(|line| line.trim_end()).collect::<Vec<_>>(),
            [
                "f(\"      \");",
                "                       g('  ', ' ');",
                "let r = r#\"",
                " \"#; h::<'a>(b\"  \");"
            ]
        );
        assert_eq!(scanned.with_literals.first().unwrap().trim_end(), "f(\"todo!(\");");
        assert_eq!(scanned.code_lines(), 4);
    }

    #[test]
    fn text_inside_a_literal_is_not_counted() {
        assert_eq!(scan("assert(@r\"\n  one\n  two\n\");\n\n/// docs\n").code_lines(), 2);
    }

    #[test]
    fn items_under_cfg_test_are_tests() {
        let text = "fn a() {}\n#[cfg(test)]\nfn size() -> [u8; 2] {\n    [0; 2]\n}\nfn b() {}\n#[cfg(test)]\nmod tests;\nfn c() {}\n";
        assert_eq!(scan(text).is_test, [false, true, true, true, true, false, true, true, false]);
    }

    #[test]
    fn an_attribute_in_a_literal_is_not_one() {
        assert_eq!(scan("let a = \"#[cfg(test)]\";\nlet b = 1;\n").is_test, [false, false]);
    }
}
