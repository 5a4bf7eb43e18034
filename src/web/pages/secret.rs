// SPDX-License-Identifier: GPL-3.0-or-later
//! The secret, this once: in the answer to the form that has made it, at no address of its own.

use askama::Template;
use axum::http::StatusCode;
use zeroize::Zeroizing;

use super::row::{Row, now};
use crate::entry::Entry;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::trouble::Answer;

#[derive(Template)]
#[template(path = "secret.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    title: String,
    /// What has become of another one.
    notice: Option<Notice>,
    row: Row,
    password: Zeroizing<String>,
    /// Its letters apart, so that a screen reader reads letters.
    spelled: Zeroizing<String>,
    /// What the helper says is wrong, in its words.
    lines: Vec<String>,
}

pub(super) fn show(
    session: &SignedIn,
    (entry, password): (Entry, Zeroizing<String>),
    notice: Option<Notice>,
    lines: Vec<String>,
) -> Answer {
    let text = session.text();
    let page = Page {
        frame: session.frame()?,
        title: (text.made)(&entry.label),
        notice,
        row: Row::new(&entry, now(), text),
        spelled: spelled(&password),
        password,
        lines,
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `abcd-efgh` as `a b c d, e f g h`.
fn spelled(password: &str) -> Zeroizing<String> {
    let mut spelled = Zeroizing::new(String::with_capacity(3 * password.len()));
    for letter in password.chars() {
        match letter {
            '-' => spelled.push(','),
            letter => {
                if !spelled.is_empty() {
                    spelled.push(' ');
                }
                spelled.push(letter);
            }
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_spelled_one_by_one_and_groups_are_told_apart() {
        assert_eq!(*spelled("abcd-efgh"), "a b c d, e f g h");
    }
}
