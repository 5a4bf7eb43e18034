// SPDX-License-Identifier: GPL-3.0-or-later
//! Somebody who is signed in, and what they wish.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use pam_app_passwd::helper::own::{NOT_SIGNED_IN, TOO_MUCH, Wish};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::helper::End;
use crate::page::{Frame, Notice};
use crate::session::Who;
use crate::text::Text;
use crate::token::Token;
use crate::trouble::{TIMED_OUT, Trouble};
use crate::visitor::Visitor;
use crate::{App, seldom};

pub(crate) struct SignedIn {
    pub(crate) app: Arc<App>,
    pub(crate) visitor: Visitor,
    /// Of the session.
    pub(crate) token: Token,
    pub(crate) who: Who,
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await;
        let visitor = visitor.map_err(IntoResponse::into_response)?;
        let had_session = visitor.session.is_some();
        Self::of(app, visitor).ok_or_else(|| {
            let to = if had_session { TIMED_OUT } else { "/sign-in" };
            Redirect::to(to).into_response()
        })
    }
}

impl SignedIn {
    pub(crate) fn of(app: &Arc<App>, visitor: Visitor) -> Option<Self> {
        let token = visitor.session?;
        let who = app.sessions.look(token, &visitor.client)?;
        Some(Self {
            app: app.clone(),
            visitor,
            token,
            who,
        })
    }

    pub(crate) const fn text(&self) -> &'static Text {
        self.visitor.text
    }

    /// What is around a page, with a token for its forms.
    pub(crate) fn frame(&self) -> Result<Frame, Trouble> {
        let token = self.app.sessions.form(self.token);
        let token = token.map_err(|_| Trouble::no_helper(self.text()))?;
        Ok(Frame {
            user: Some(self.who.user.as_str().to_owned()),
            is_admin: self.who.rules.admin,
            token: token.to_string(),
            ..Frame::bare(self.text())
        })
    }

    /// Holds a form to be one of ours, and to come back for the first time.
    pub(crate) fn take(&self, form: Option<Token>) -> Result<(), Trouble> {
        let is_first = form.is_some_and(|form| self.app.sessions.take_form(self.token, form));
        is_first
            .then_some(())
            .ok_or(Trouble::sent_before(self.text()))
    }

    /// What they wish, in the words of the tool.
    pub(crate) fn wish(&self, words: Vec<String>) -> Wish {
        wish(&self.visitor.client, &self.who.pass, words)
    }

    pub(crate) fn wish_of(&self, words: &[&str]) -> Wish {
        self.wish(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Has a wish fulfilled that asks nothing.
    pub(crate) async fn ask(&self, words: &[&str]) -> Result<End, Trouble> {
        let end = self.told(&self.wish_of(words)).await;
        self.heed(end)
    }

    /// What the helper says, when it is the turn of this wish among theirs, and among everybody's.
    pub(crate) async fn told(&self, wish: &Wish) -> io::Result<End> {
        let _turn = self.who.turns.take().await?;
        self.app.helper.ask(wish).await
    }

    /// Has some of theirs revoked, which may take as long as the commands of `[on_revoke]`. It goes on when
    /// they hang up, and keeps its turn.
    pub(crate) async fn revoke(&self, words: &[&str]) -> Result<End, Trouble> {
        let (app, wish, turns) = (
            self.app.clone(),
            self.wish_of(words),
            self.who.turns.clone(),
        );
        let done = tokio::spawn(async move {
            let _turn = turns.take_slowly().await?;
            app.helper.ask_slowly(&wish).await
        });
        self.heed(done.await.unwrap_or_else(|error| Err(error.into())))
    }

    fn heed(&self, end: io::Result<End>) -> Result<End, Trouble> {
        let end = end.map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy => Trouble::busy(self.text()),
            _ => self.no_helper(&error),
        })?;
        self.still_signed_in(&end)?;
        if end.says(TOO_MUCH) {
            return Err(Trouble::busy(self.text()));
        }
        Ok(end)
    }

    /// The helper has forgotten us: it was restarted, or they have signed out everywhere.
    pub(crate) fn still_signed_in(&self, end: &End) -> Result<(), Trouble> {
        if !end.says(NOT_SIGNED_IN) {
            return Ok(());
        }
        self.app.sessions.end(self.token);
        Err(Trouble::SignIn)
    }

    pub(crate) fn no_helper(&self, error: &io::Error) -> Trouble {
        seldom::say(&format!("error: the helper: {error}"));
        Trouble::no_helper(self.text())
    }

    /// Says something on the next page, and goes there.
    pub(crate) fn go(&self, to: &str, notice: Notice) -> Response {
        self.app.sessions.notify(self.token, notice);
        Redirect::to(to).into_response()
    }

    /// What was to be said here, to whoever sees it.
    pub(crate) fn notice(&self) -> Option<Notice> {
        let is_seen = !self.visitor.sees_nothing;
        is_seen.then(|| self.app.sessions.notice(self.token))?
    }
}

/// What somebody wishes who has this pass, in the words of the tool.
pub(crate) fn wish(client: &Client, pass: &Zeroizing<String>, words: Vec<String>) -> Wish {
    Wish {
        origin: Some(client.address.to_string()),
        pass: Some(pass.clone()),
        json: true,
        words,
        ..Wish::default()
    }
}
