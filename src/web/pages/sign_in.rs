// SPDX-License-Identifier: GPL-3.0-or-later
//! Signing in: the name first, then whatever PAM asks. For a name that nobody has it asks the same.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};
use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::Wish;
use zeroize::Zeroizing;

use super::conversation::{self, Purpose};
use crate::client::Client;
use crate::entry::{self, Rules};
use crate::form::Form;
use crate::helper::End;
use crate::page::{self, Frame, Notice};
use crate::session::Who;
use crate::signed_in::wish;
use crate::text::Text;
use crate::token::Token;
use crate::trouble::{Answer, Trouble};
use crate::visitor::Visitor;
use crate::{App, cookie, seldom};

/// The exit status when there were too many tries.
pub(super) const TOO_MANY: u8 = 4;
/// And when this account, or this machine, has no app passwords that people make themselves.
const NOT_HERE: u8 = 5;

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/askama.toml")]
struct Page<'a> {
    frame: Frame,
    notice: Option<Notice>,
    user: &'a str,
}

/// `GET /sign-in`
pub(super) async fn show(State(app): State<Arc<App>>, visitor: Visitor, uri: Uri) -> Answer {
    let is_signed_in = |session| app.sessions.look(session, &visitor.client).is_some();
    if visitor.session.is_some_and(is_signed_in) {
        return Ok(Redirect::to("/").into_response());
    }
    let text = visitor.text;
    let notice = match uri.query() {
        Some("timed-out") => Some(Notice::good(text.timed_out)),
        Some("signed-out") => Some(Notice::good(text.signed_out)),
        Some("signed-out-everywhere") => Some(Notice::good(text.signed_out_everywhere)),
        _ => None,
    };
    form(text, visitor.visit, "", notice)
}

/// The form holds what the cookie holds. Only this host can have set such a cookie, and only a page of
/// this host can read the form: whoever sends both has seen it.
fn form(text: &'static Text, visit: Option<Token>, user: &str, notice: Option<Notice>) -> Answer {
    let visit = match visit {
        Some(visit) => visit,
        None => Token::new().map_err(|_| Trouble::no_helper(text))?,
    };
    let frame = Frame {
        token: visit.to_string(),
        ..Frame::bare(text)
    };
    let page = Page {
        frame,
        notice,
        user,
    };
    let mut response = page::render(StatusCode::OK, &page);
    let cookie = cookie::set(cookie::VISIT, visit);
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /sign-in`
pub(super) async fn send(State(app): State<Arc<App>>, visitor: Visitor, typed: Form) -> Answer {
    let text = visitor.text;
    let visit = visitor.visit.filter(|visit| typed.token() == Some(*visit));
    let visit = visit.ok_or(Trouble::sent_before(text))?;
    let name = typed.text("user");
    let Ok(user) = UserName::parse(&name) else {
        let problem = Notice::problem(text.sign_in_failed);
        return form(text, Some(visit), &name, Some(problem));
    };
    let wish = Wish {
        user: Some(user.clone()),
        origin: Some(visitor.client.address.to_string()),
        ..Wish::of(&["sign-in"])
    };
    let purpose = Purpose::SignIn { user };
    conversation::begin(&app, visitor, visit, purpose, &wish, None).await
}

/// PAM has decided.
pub(super) async fn end(app: &Arc<App>, visitor: Visitor, user: UserName, end: &End) -> Answer {
    let text = visitor.text;
    if end.code != 0 {
        let why = match end.code {
            TOO_MANY => Notice::problem(text.too_many),
            NOT_HERE => Notice::problem(text.sorry).with(&end.said, text),
            _ => Notice::problem(text.sign_in_failed),
        };
        return form(text, visitor.visit, user.as_str(), Some(why));
    }
    let pass = str::from_utf8(&end.out).unwrap_or_default().trim();
    let pass = Zeroizing::new(pass.to_owned());
    let Some(session) = begin(app, &visitor.client, &pass).await else {
        // Nobody will show this pass again. If the helper does not hear of it either, it forgets it in a while.
        let sign_out = wish(&visitor.client, &pass, vec!["sign-out".to_owned()]);
        let _ = app.helper.ask(&sign_out).await;
        return Err(Trouble::no_helper(text));
    };
    let mut response = Redirect::to("/").into_response();
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, cookie::set(cookie::SESSION, session));
    headers.append(SET_COOKIE, cookie::forget(cookie::VISIT));
    Ok(response)
}

/// Begins the session of whoever has this pass. Its token is another than before: whoever has seen that one
/// has seen nothing.
async fn begin(app: &App, client: &Client, pass: &Zeroizing<String>) -> Option<Token> {
    let rules = rules(app, client, pass).await?;
    let who = Who {
        user: UserName::parse(&rules.user).ok()?,
        pass: pass.clone(),
        rules,
        turns: Arc::default(),
    };
    app.sessions.begin(who, client.clone()).ok()
}

/// What the account may make.
async fn rules(app: &App, client: &Client, pass: &Zeroizing<String>) -> Option<Rules> {
    let wish = wish(client, pass, vec!["rules".to_owned()]);
    match app.helper.ask(&wish).await {
        Ok(end) => entry::read(&end),
        Err(error) => {
            seldom::say(&format!("error: the helper: {error}"));
            None
        }
    }
}
