// SPDX-License-Identifier: GPL-3.0-or-later
//! For administrators: what everybody has. They see no secret, make none for others, and take away after
//! having said once more who they are.

use askama::Template;
use axum::http::{StatusCode, Uri};
use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::NOT_THEIRS;

use super::conversation::{self, Purpose};
use super::fields::Choice;
use super::revoke::{self, removed};
use super::row::{Row, now};
use crate::entry::{self, Entry};
use crate::filter::{Filter, View};
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::text::Text;
use crate::trouble::{Answer, Trouble};

/// As many as a person looks through.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "admin.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    notice: Option<Notice>,
    filters: Vec<Choice>,
    view: View,
    rows: Vec<Row>,
    found: String,
    /// There are more than we hear of.
    is_cut: bool,
}

/// `GET /admin?filter=WORD&user=USER`
pub(super) async fn show(session: SignedIn, uri: Uri) -> Answer {
    let (text, now) = (session.text(), now());
    let query = Form::of_address(&uri);
    let view = View::read(&query.text("filter"), &query.text("user"));
    let entries = entries(&session, &view.user).await?;
    let is_cut = entries.is_none();
    let entries = entries.unwrap_or_default();
    let wanted = |entry: &&Entry| view.filter.takes(entry, now);
    let found: Vec<_> = entries.iter().filter(wanted).collect();
    let shown = found.iter().take(MOST);
    let rows: Vec<_> = shown.map(|entry| Row::new(entry, now, text)).collect();
    let page = Page {
        frame: session.frame()?,
        notice: session.notice(),
        filters: filters(view.filter, text),
        found: (text.found)(rows.len(), found.len()),
        view,
        rows,
        is_cut,
    };
    Ok(page::render(StatusCode::OK, &page))
}

fn filters(chosen: Filter, text: &Text) -> Vec<Choice> {
    let choice = |(filter, words): (Filter, &str)| Choice {
        value: filter.word().to_owned(),
        words: words.to_owned(),
        is_chosen: filter == chosen,
    };
    Filter::EVERY
        .into_iter()
        .zip(text.filters)
        .map(choice)
        .collect()
}

/// `GET /admin/revoke?id=ID&user=USER&filter=WORD&only=USER`
pub(super) async fn question(session: SignedIn, uri: Uri) -> Answer {
    let query = Form::of_address(&uri);
    let text = session.text();
    let entry = one(&session, &query).await?;
    let page = revoke::Page {
        frame: session.frame()?,
        question: (text.remove_question_of)(&entry.user),
        lead: text.remove_lead,
        rows: vec![Row::new(&entry, now(), text)],
        button: text.remove,
        action: "/admin/revoke",
        id: Some(entry.id),
        user: Some(entry.user.clone()),
        view: Some(behind(&query)),
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `POST /admin/revoke`
pub(super) async fn send(session: SignedIn, form: Form) -> Answer {
    session.take(form.token())?;
    let Entry { id, user, .. } = one(&session, &form).await?;
    let words = ["admin", "revoke", &user, &id.to_string()];
    let words = words.map(str::to_owned).into();
    let view = behind(&form);
    conversation::have_done(session, Purpose::RevokeOfOther { user, view }, words).await
}

/// It is revoked, or PAM or the helper is against it.
pub(super) fn end(session: &SignedIn, view: &View, end: End) -> Answer {
    session.still_signed_in(&end)?;
    Ok(session.go(&view.address(), removed(session.text(), end)))
}

/// Where somebody comes from who takes one away.
fn behind(form: &Form) -> View {
    View::read(&form.text("filter"), &form.text("only"))
}

/// This user's, or everybody's if it is nobody. `None`: they are more than we hear of.
async fn entries(session: &SignedIn, user: &str) -> Result<Option<Vec<Entry>>, Trouble> {
    require_admin(session)?;
    let name = UserName::parse(user).ok();
    if name.is_none() && !user.is_empty() {
        return Ok(Some(Vec::new())); // nobody can be called that
    }
    let words = ["admin", "list"].into_iter();
    let words: Vec<_> = words.chain(name.as_ref().map(UserName::as_str)).collect();
    let end = ask(session, &words).await?;
    if end.is_cut {
        return Ok(None);
    }
    let entries = entry::read(&end).ok_or(Trouble::no_helper(session.text()))?;
    Ok(Some(entries))
}

/// The one that an address or a form means, if it is live.
async fn one(session: &SignedIn, form: &Form) -> Result<Entry, Trouble> {
    require_admin(session)?;
    let gone = || Trouble::gone(session.text());
    let user = UserName::parse(&form.text("user")).map_err(|_| gone())?;
    let id: u32 = form.text("id").parse().map_err(|_| gone())?;
    let end = ask(session, &["admin", "show", user.as_str(), &id.to_string()]).await?;
    entry::read(&end).filter(Entry::is_live).ok_or_else(gone)
}

/// Has an administrator's wish fulfilled. Whether they are one is the helper's to say, each time.
pub(super) async fn ask(session: &SignedIn, words: &[&str]) -> Result<End, Trouble> {
    require_admin(session)?;
    let end = session.ask(words).await?;
    match end.says(NOT_THEIRS) {
        true => Err(Trouble::not_allowed(session.text())),
        false => Ok(end),
    }
}

/// Whether they were one when they signed in.
fn require_admin(session: &SignedIn) -> Result<(), Trouble> {
    let is_admin = session.who.rules.admin;
    is_admin
        .then_some(())
        .ok_or(Trouble::not_allowed(session.text()))
}
