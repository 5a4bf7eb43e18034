// SPDX-License-Identifier: GPL-3.0-or-later
//! For administrators: what everybody has. They see no secret, make none for others, and take away after
//! having said once more who they are.

use askama::Template;
use axum::http::{StatusCode, Uri};
use pam_app_passwd::helper::own::NOT_THEIRS;

use super::conversation::{self, Purpose};
use super::fields::Choice;
use super::list;
use super::revoke::{self, removed};
use super::row::{Row, now};
use crate::entry::{self, Entry};
use crate::filter::Filter;
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::trouble::{Answer, Trouble};

/// As many as a person looks through.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "admin.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    notice: Option<Notice>,
    filters: Vec<Choice>,
    user: String,
    rows: Vec<Row>,
    found: String,
}

/// `GET /admin?filter=WORD&user=USER`
pub(super) async fn show(session: SignedIn, uri: Uri) -> Answer {
    let (text, now) = (session.text(), now());
    let query = Form::of_address(&uri);
    let filter = Filter::read(&query.text("filter"));
    let user = query.text("user");
    let entries = entries(&session).await?;
    let wanted =
        |entry: &&Entry| (user.is_empty() || entry.user == user) && filter.takes(entry, now);
    let found: Vec<_> = entries.iter().filter(wanted).collect();
    let shown = found.iter().take(MOST);
    let rows: Vec<_> = shown.map(|entry| Row::new(entry, now, text)).collect();
    let choice = |(choice, words): (Filter, &str)| Choice {
        value: choice.word().to_owned(),
        words: words.to_owned(),
        is_chosen: choice == filter,
    };
    let page = Page {
        frame: session.frame()?,
        notice: session.notice(),
        filters: Filter::EVERY
            .into_iter()
            .zip(text.filters)
            .map(choice)
            .collect(),
        found: (text.found)(rows.len(), found.len()),
        user,
        rows,
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `GET /admin/revoke?id=ID`
pub(super) async fn question(session: SignedIn, uri: Uri) -> Answer {
    let id = Form::of_address(&uri).text("id");
    let text = session.text();
    let entry = list::find(entries(&session).await?, &id).ok_or(Trouble::gone(text))?;
    let page = revoke::Page {
        frame: session.frame()?,
        question: (text.remove_question_of)(&entry.user),
        lead: text.remove_lead,
        rows: vec![Row::new(&entry, now(), text)],
        button: text.remove,
        action: "/admin/revoke",
        back: "/admin",
        id: Some(entry.id),
        user: Some(entry.user.clone()),
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `POST /admin/revoke`
pub(super) async fn send(session: SignedIn, form: Form) -> Answer {
    session.take(form.token())?;
    let (id, user) = (form.text("id"), form.text("user"));
    let entry = list::find(entries(&session).await?, &id).filter(|entry| entry.user == user);
    let entry = entry.ok_or(Trouble::gone(session.text()))?;
    let words = ["admin", "revoke", &entry.user, &entry.id.to_string()];
    let words = words.map(str::to_owned).into();
    conversation::have_done(session, Purpose::RevokeOfOther { user }, words).await
}

/// It is revoked, or PAM or the helper is against it.
pub(super) fn end(session: &SignedIn, end: End) -> Answer {
    session.still_signed_in(&end)?;
    Ok(session.go("/admin", removed(session.text(), end)))
}

/// Everybody's.
async fn entries(session: &SignedIn) -> Result<Vec<Entry>, Trouble> {
    let end = ask(session, &["admin", "list"]).await?;
    entry::read(&end).ok_or(Trouble::no_helper(session.text()))
}

/// Has an administrator's wish fulfilled. Whether they are one is the helper's to say, each time.
pub(super) async fn ask(session: &SignedIn, words: &[&str]) -> Result<End, Trouble> {
    let not_allowed = Trouble::not_allowed(session.text());
    if !session.who.rules.admin {
        return Err(not_allowed);
    }
    let end = session.ask(words).await?;
    match end.says(NOT_THEIRS) {
        true => Err(not_allowed),
        false => Ok(end),
    }
}
