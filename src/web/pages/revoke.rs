// SPDX-License-Identifier: GPL-3.0-or-later
//! Taking one away, or all: a question that names what will stop working, and afterwards what was ended.

use askama::Template;
use axum::http::{StatusCode, Uri};

use super::list;
use super::row::{Row, now};
use crate::entry::{self, Entry};
use crate::filter::View;
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::text::Text;
use crate::trouble::{Answer, Trouble};

#[derive(Template)]
#[template(path = "revoke.html", config = "src/web/askama.toml")]
pub(super) struct Page {
    pub(super) frame: Frame,
    pub(super) question: String,
    pub(super) lead: &'static str,
    pub(super) rows: Vec<Row>,
    /// As on the button that has led here.
    pub(super) button: &'static str,
    /// Where the form goes.
    pub(super) action: &'static str,
    /// Which one, if not all.
    pub(super) id: Option<i64>,
    /// Whose, if not their own.
    pub(super) user: Option<String>,
    /// Where somebody comes from who looks at everybody's.
    pub(super) view: Option<View>,
}

/// `GET /revoke?id=ID`
pub(super) async fn show(session: SignedIn, uri: Uri) -> Answer {
    let id = Form::of_address(&uri).text("id");
    let entry = list::one(&session, &id).await?;
    let text = session.text();
    let page = Page {
        frame: session.frame()?,
        question: (text.remove_question)(&entry.label),
        lead: text.remove_lead,
        rows: vec![Row::new(&entry, now(), text)],
        button: text.remove,
        action: "/revoke",
        id: Some(entry.id),
        user: None,
        view: None,
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `POST /revoke`
pub(super) async fn send(session: SignedIn, form: Form) -> Answer {
    session.take(form.token())?;
    let text = session.text();
    let id: i64 = form.text("id").parse().map_err(|_| Trouble::gone(text))?;
    let end = session.revoke(&["revoke", &id.to_string()]).await?;
    Ok(session.go("/", removed(text, end)))
}

/// `GET /revoke-all`
pub(super) async fn show_all(session: SignedIn) -> Answer {
    let entries = list::entries(&session).await?;
    let (text, now) = (session.text(), now());
    let live = entries.iter().filter(|entry| entry.is_live());
    let rows: Vec<_> = live.map(|entry| Row::new(entry, now, text)).collect();
    if rows.is_empty() {
        return Err(Trouble::gone(text));
    }
    let page = Page {
        frame: session.frame()?,
        question: (text.revoke_all_question)(rows.len()),
        lead: text.revoke_all_lead,
        rows,
        button: text.revoke_all,
        action: "/revoke-all",
        id: None,
        user: None,
        view: None,
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `POST /revoke-all`
pub(super) async fn send_all(session: SignedIn, form: Form) -> Answer {
    session.take(form.token())?;
    let end = session.revoke(&["revoke", "--all", "--yes"]).await?;
    let text = session.text();
    let notice = match entry::read::<Vec<Entry>>(&end) {
        Some(all) => Notice::good((text.revoked_all)(all.len())).with(&end.said, text),
        None => Notice::failed(text.not_revoked, end, text),
    };
    Ok(session.go("/", notice))
}

/// Which one was removed, and what was ended by that.
pub(super) fn removed(text: &'static Text, end: End) -> Notice {
    let removed = entry::read::<Vec<Entry>>(&end).unwrap_or_default();
    match removed.first() {
        Some(entry) => Notice::good((text.removed)(&entry.label)).with(&end.said, text),
        None => Notice::failed(text.not_removed, end, text),
    }
}
