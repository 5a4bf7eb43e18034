// SPDX-License-Identifier: GPL-3.0-or-later
//! Another password for the same app: what will happen, then the account's password again, then the secret.

use askama::Template;
use axum::http::{StatusCode, Uri};

use super::conversation::{self, Purpose};
use super::row::{Row, now};
use super::{list, secret};
use crate::entry;
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::trouble::Answer;

/// How long the old one is good beside the new one, if that is wished.
const OVERLAP: &str = "--overlap=1d";

#[derive(Template)]
#[template(path = "replace.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    title: String,
    row: Row,
}

/// `GET /replace?id=ID`
pub(super) async fn show(session: SignedIn, uri: Uri) -> Answer {
    let entry = list::one(&session, &Form::of_address(&uri).text("id")).await?;
    let text = session.text();
    let page = Page {
        frame: session.frame()?,
        title: (text.replace_title)(&entry.label),
        row: Row::new(&entry, now(), text),
    };
    Ok(page::render(StatusCode::OK, &page))
}

/// `POST /replace`
pub(super) async fn send(session: SignedIn, form: Form) -> Answer {
    session.take(form.token())?;
    let entry = list::one(&session, &form.text("id")).await?;
    let overlaps = form.get("old") == Some("a-day");
    let mut words = vec!["rotate".to_owned(), entry.id.to_string()];
    words.extend(overlaps.then(|| OVERLAP.to_owned()));
    let purpose = Purpose::Replace {
        id: entry.id,
        label: entry.label,
        overlaps,
    };
    conversation::have_done(session, purpose, words).await
}

/// There is a new one, or PAM or the rules are against it. It may also be that the old one could not be
/// ended; then the new one is good all the same, and has to be shown.
pub(super) async fn end(session: &SignedIn, overlaps: bool, end: End) -> Answer {
    session.still_signed_in(&end)?;
    let text = session.text();
    let Some(made) = entry::made(&end) else {
        return Ok(session.go("/", Notice::failed(text.not_replaced, end, text)));
    };
    let is_live = async |id: i64| list::one(session, &id.to_string()).await.is_ok();
    let old = match (end.code, overlaps) {
        (0, true) => Notice::good(text.old_lasts),
        (0, false) => Notice::good(text.old_ended),
        _ if is_live(made.0.id).await => Notice::problem(text.old_stays),
        _ => return Ok(session.go("/", Notice::failed(text.not_replaced, end, text))),
    };
    secret::show(session, made, Some(old.with(&end.said, text)), Vec::new())
}
