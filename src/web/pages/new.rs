// SPDX-License-Identifier: GPL-3.0-or-later
//! Making one: what it is for, then the account's password again, then the secret.

use askama::Template;

use super::conversation::{self, Purpose};
use super::fields::{self, Fields};
use super::secret;
use crate::draft::{Draft, Problems};
use crate::entry;
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::said;
use crate::signed_in::SignedIn;
use crate::trouble::{Answer, Trouble};

#[derive(Template)]
#[template(path = "new.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    notice: Option<Notice>,
    fields: Fields,
}

/// `GET /new`
pub(super) async fn show(session: SignedIn) -> Answer {
    let draft = Draft::new(&session.who.rules);
    form(&session, draft, Problems::default(), None)
}

/// `POST /new`
pub(super) async fn send(session: SignedIn, typed: Form) -> Answer {
    session.take(typed.token())?;
    let rules = &session.who.rules;
    let draft = Draft::read(&typed);
    let problems = draft.problems(rules, session.text());
    if problems.first().is_some() {
        return form(&session, draft, problems, None);
    }
    let words = draft.words(rules);
    conversation::have_done(session, Purpose::Create(draft), words).await
}

/// It is made, or PAM or the rules are against it.
pub(super) async fn end(session: &SignedIn, draft: Draft, end: End) -> Answer {
    session.still_signed_in(&end)?;
    let text = session.text();
    if end.code != 0 {
        let refused = fields::refused(session, &draft.label, None, text.not_created, end);
        let (problems, notice) = refused.await?;
        return form(session, draft, problems, notice);
    }
    let made = entry::made(&end).ok_or(Trouble::no_helper(text))?;
    secret::show(session, made, None, said::lines(&end.said, text))
}

fn form(session: &SignedIn, draft: Draft, problems: Problems, notice: Option<Notice>) -> Answer {
    let status = page::status(problems.first().is_some() || notice.is_some());
    let page = Page {
        frame: session.frame()?,
        notice,
        fields: Fields::of_new(session, draft, problems),
    };
    Ok(page::render(status, &page))
}
