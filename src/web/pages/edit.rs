// SPDX-License-Identifier: GPL-3.0-or-later
//! Changing one: what it is for, and what limits it. Only for what lets it open more PAM is asked.

use askama::Template;
use axum::http::Uri;

use super::conversation::{self, Purpose};
use super::fields::{self, Fields};
use super::list;
use crate::draft::{Draft, Problems};
use crate::entry::{self, Entry};
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::trouble::{Answer, Trouble};

#[derive(Template)]
#[template(path = "edit.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    notice: Option<Notice>,
    title: String,
    id: i64,
    /// As what the form shows it.
    mark: String,
    fields: Fields,
    may_be_replaced: bool,
}

/// `GET /edit?id=ID`
pub(super) async fn show(session: SignedIn, uri: Uri) -> Answer {
    let entry = list::one(&session, &Form::of_address(&uri).text("id")).await?;
    form(
        &session,
        &entry,
        Draft::of(&entry),
        Problems::default(),
        None,
    )
}

/// `POST /edit`
pub(super) async fn send(session: SignedIn, typed: Form) -> Answer {
    session.take(typed.token())?;
    let entry = list::one(&session, &typed.text("id")).await?;
    let (rules, text) = (&session.who.rules, session.text());
    if typed.get("mark") != Some(entry.mark().as_str()) {
        // What somebody else has changed since would be taken back by what this form still says.
        let notice = Notice::problem(text.changed_meanwhile);
        return form(
            &session,
            &entry,
            Draft::of(&entry),
            Problems::default(),
            Some(notice),
        );
    }
    let draft = Draft::read(&typed);
    let problems = draft.problems(rules, text);
    if problems.first().is_some() {
        return form(&session, &entry, draft, problems, None);
    }
    let Some(words) = draft.changes(&entry, rules) else {
        return Ok(session.go("/", Notice::good(text.not_changed)));
    };
    let purpose = Purpose::Edit {
        id: entry.id,
        mark: entry.mark(),
        draft,
    };
    conversation::have_done(session, purpose, words).await
}

/// It is changed, or PAM or the rules are against it. `mark` is that of the entry before: a later end may
/// have been cut to the one that it has.
pub(super) async fn end(session: &SignedIn, id: i64, mark: &str, draft: Draft, end: End) -> Answer {
    session.still_signed_in(&end)?;
    let text = session.text();
    if end.code == 0 {
        let entry: Entry = entry::read(&end).ok_or(Trouble::no_helper(text))?;
        let notice = match entry.mark() == mark {
            true => Notice::good(text.not_changed),
            false => Notice::good((text.changed)(&entry.label)),
        };
        return Ok(session.go("/", notice.with(&end.said, text)));
    }
    let entry = list::one(session, &id.to_string()).await?;
    let refused = fields::refused(session, &draft.label, Some(id), text.not_changed, end);
    let (problems, notice) = refused.await?;
    form(session, &entry, draft, problems, notice)
}

fn form(
    session: &SignedIn,
    entry: &Entry,
    draft: Draft,
    problems: Problems,
    notice: Option<Notice>,
) -> Answer {
    let status = page::status(problems.first().is_some() || notice.is_some());
    let page = Page {
        frame: session.frame()?,
        notice,
        title: (session.text().edit_title)(&entry.label),
        id: entry.id,
        mark: entry.mark(),
        fields: Fields::of(session, entry, draft, problems),
        may_be_replaced: entry.stands_for_itself() && entry.status == "active",
    };
    Ok(page::render(status, &page))
}
