// SPDX-License-Identifier: GPL-3.0-or-later
//! What somebody has.

use askama::Template;
use axum::http::StatusCode;

use super::row::{Row, now};
use crate::entry::{self, Entry};
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::trouble::{Answer, Trouble};

#[derive(Template)]
#[template(path = "list.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    notice: Option<Notice>,
    rows: Vec<Row>,
    /// Removed, but still tried.
    tried: Vec<Row>,
    /// Why there can be no more.
    full: Option<String>,
}

/// `GET /`
pub(super) async fn show(session: SignedIn) -> Answer {
    let entries = entries(&session).await?;
    let (text, now) = (session.text(), now());
    let row = |entry: &Entry| Row::new(entry, now, text);
    let rows: Vec<_> = entries
        .iter()
        .filter(|entry| entry.is_live())
        .map(row)
        .collect();
    let tried = entries.iter().filter(|entry| entry.tried_since().is_some());
    let counted = entries.iter().filter(|entry| entry.stands_for_itself());
    let counted = counted.count();
    let most = session.who.rules.max_per_user;
    let page = Page {
        frame: session.frame()?,
        notice: session.notice(),
        full: (most > 0 && counted >= most).then(|| (text.limit_reached)(most)),
        tried: tried.map(row).collect(),
        rows,
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// Their own entries, also those that are revoked.
pub(super) async fn entries(session: &SignedIn) -> Result<Vec<Entry>, Trouble> {
    let end = session.ask(&["list", "--all"]).await?;
    entry::read(&end).ok_or(Trouble::no_helper(session.text()))
}

/// The one of theirs that an address or a form means, if it is live.
pub(super) async fn one(session: &SignedIn, id: &str) -> Result<Entry, Trouble> {
    find(entries(session).await?, id).ok_or(Trouble::gone(session.text()))
}

/// A live one, by the id that an address or a form has.
pub(super) fn find(entries: Vec<Entry>, id: &str) -> Option<Entry> {
    let id: i64 = id.parse().ok()?;
    let is_it = |entry: &Entry| entry.id == id && entry.is_live();
    entries.into_iter().find(is_it)
}
