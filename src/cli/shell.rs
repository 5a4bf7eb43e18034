// SPDX-License-Identifier: GPL-3.0-or-later
//! Command lines that a hint offers: what is copied from there must mean what it says.

/// A word as a shell reads it back. What is plain is left plain.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_plain_word_stays_as_it_is_and_any_other_is_read_back_by_a_shell() {
        for plain in ["alice", "info+phone@example.org", "/var/lib/app-passwd"] {
            assert_eq!(word(plain), plain);
        }
        for text in [
            "Alice Liddell",
            r"DOM\alice",
            "o'hara",
            "''",
            "$(touch x)`touch x`",
            "a;b&c|d>e",
            "*?[a]~#!\"",
            "é",
        ] {
            let line = format!("printf %s {}", word(text));
            let read = Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), text, "{line}");
        }
    }
}
