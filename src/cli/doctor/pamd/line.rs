// SPDX-License-Identifier: GPL-3.0-or-later
//! The lines of a file of `/etc/pam.d`, as words.

/// What stands between words. A file that was written on another system has `\r` at its ends of
/// lines, which is no blank to libpam.
const BLANKS: [char; 2] = [' ', '\t'];

/// Each line that says something: the number of its first line, and its words. A `#` ends a line
/// wherever it stands; a `\` at the end goes on with the next one. `None`: the file ends there.
pub(super) fn lines(text: &str) -> Vec<(usize, Option<Vec<String>>)> {
    let mut lines = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (index, raw) in text.split('\n').enumerate() {
        let (text, comment) = match raw.split_once('#') {
            Some((text, _)) => (text, true),
            None => (raw, false),
        };
        let text = text.trim_matches(BLANKS);
        // Also within a line that goes on.
        if text.is_empty() {
            continue;
        }
        let (number, before) = begun.take().unwrap_or((index + 1, String::new()));
        match text.strip_suffix('\\').filter(|_| !comment) {
            Some(text) => begun = Some((number, format!("{before}{text} "))),
            None => lines.push((number, Some(words(&format!("{before}{text}"))))),
        }
    }
    lines.extend(begun.map(|(number, _)| (number, None)));
    lines
}

/// Words stand between blanks. One that begins with `[` ends with the next `]` that has no `\`
/// before it, and loses both.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('[') {
            Some(inner) => bracketed(inner),
            None => {
                let end = rest.find(BLANKS).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                (word.to_owned(), behind)
            }
        };
        words.push(word);
        rest = behind.trim_start_matches(BLANKS);
    }
    words
}

/// The word up to the bracket that ends it, and what stands behind that.
fn bracketed(inner: &str) -> (String, &str) {
    let mut word = String::new();
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            ']' => break,
            '\\' if rest.as_str().starts_with(']') => word.extend(rest.next()),
            _ => word.push(c),
        }
    }
    (word, rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blanks_and_continued_lines() {
        let text = "#%PAM-1.0\n\n  auth\trequired  a.so # x\nauth \\\n required \\\n b.so\n\nlast";
        let read: Vec<_> = lines(text)
            .into_iter()
            .map(|(number, words)| format!("{number} {}", words.unwrap().join(",")))
            .collect();
        assert_eq!(
            read,
            ["3 auth,required,a.so", "4 auth,required,b.so", "8 last"]
        );
    }

    #[test]
    fn a_line_that_goes_on_where_the_file_ends_is_none() {
        assert_eq!(lines("a\nb \\\n\n# c\n").last(), Some(&(2, None)));
        let carriage_return = vec!["a".to_owned(), "b\r".to_owned()];
        assert_eq!(lines("a b\r\n"), [(1, Some(carriage_return))]);
    }

    #[test]
    fn a_bracketed_word_may_have_blanks_and_escaped_brackets() {
        for (line, expected) in [
            ("[a b] c", vec!["a b", "c"]),
            ("[a \\] b]c", vec!["a ] b", "c"]),
            ("[never ends", vec!["never ends"]),
            ("a[b] c", vec!["a[b]", "c"]),
            ("", vec![]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }
}
