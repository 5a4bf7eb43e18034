// SPDX-License-Identifier: GPL-3.0-or-later
//! Making one: what it is for, then the account's password again, then the secret.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::conversation::{self, Purpose};
use super::secret;
use crate::draft::Draft;
use crate::entry;
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::signed_in::SignedIn;
use crate::trouble::{Answer, Trouble};

#[derive(Template)]
#[template(path = "new.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    notice: Option<Notice>,
    draft: Draft,
    /// Something below the fold was changed, is wrong, or has to be chosen: show it.
    is_open: bool,
    scopes: bool,
    services: Vec<Choice>,
    networks_hint: String,
    lifetimes: Vec<Lifetime>,
    may_last: bool,
}

struct Choice {
    name: String,
    is_chosen: bool,
}

struct Lifetime {
    days: u32,
    words: String,
    is_chosen: bool,
}

/// `GET /new`
pub(super) async fn show(session: SignedIn) -> Answer {
    let draft = Draft::new(&session.who.rules);
    form(&session, draft, None)
}

/// `POST /new`
pub(super) async fn send(session: SignedIn, typed: Form) -> Answer {
    session.take(typed.token())?;
    let (rules, text) = (&session.who.rules, session.text());
    let draft = Draft::read(&typed);
    if let Some(problem) = draft.problem(rules, text) {
        return form(&session, draft, Some(Notice::problem(problem)));
    }
    let wish = session.wish(draft.words(rules));
    let SignedIn {
        app,
        visitor,
        token,
        ..
    } = session;
    conversation::begin(&app, visitor, token, Purpose::Create(draft), &wish).await
}

/// It is made, or PAM or the rules are against it.
pub(super) fn end(session: &SignedIn, draft: Draft, end: End) -> Answer {
    session.still_signed_in(&end)?;
    let text = session.text();
    if end.code != 0 {
        let problem = Notice::failed(text.not_created, end, text);
        return form(session, draft, Some(problem));
    }
    let made = entry::read(&end).zip(entry::secret(&end));
    let (entry, password) = made.ok_or(Trouble::no_helper(text))?;
    secret::show(session, &entry, password, end.said)
}

fn form(session: &SignedIn, draft: Draft, notice: Option<Notice>) -> Result<Response, Trouble> {
    let (rules, text) = (&session.who.rules, session.text());
    let choice = |name: &String| Choice {
        name: name.clone(),
        is_chosen: draft.services.contains(name),
    };
    let lifetime = |days| Lifetime {
        days,
        words: (text.days)(days),
        is_chosen: draft.days == Some(days),
    };
    let untouched = Draft {
        label: draft.label.clone(),
        ..Draft::new(rules)
    };
    let status = match notice {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = Page {
        frame: session.frame()?,
        notice,
        is_open: draft != untouched || draft.services.is_empty(),
        scopes: rules.scopes,
        services: rules.services.iter().map(choice).collect(),
        networks_hint: (text.networks_hint)(&session.visitor.client.address.to_string()),
        lifetimes: Draft::lifetimes(rules).into_iter().map(lifetime).collect(),
        may_last: rules.max_lifetime_days.is_none(),
        draft,
    };
    Ok(page::render(status, &page))
}
