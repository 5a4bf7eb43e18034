// SPDX-License-Identifier: GPL-3.0-or-later
//! What all pages have in common.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pam_app_passwd::helper::own::{TOO_OFTEN, UNPROVEN};
use zeroize::Zeroizing;

use crate::asset::{ICON, SCRIPT, STYLE};
use crate::helper::End;
use crate::said;
use crate::session::IDLE;
use crate::text::Text;

/// Enough for a page with a secret, which so leaves no copy behind by growing.
const LENGTH: usize = 32 * 1024;

/// What is around the content.
pub(crate) struct Frame {
    pub(crate) text: &'static Text,
    /// Of the user who is signed in.
    pub(crate) user: Option<String>,
    pub(crate) is_admin: bool,
    /// For the forms of this page.
    pub(crate) token: String,
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
}

impl Frame {
    /// Of a page for somebody who is not signed in.
    pub(crate) fn bare(text: &'static Text) -> Self {
        Self {
            text,
            user: None,
            is_admin: false,
            token: String::new(),
            style: STYLE.address(),
            script: SCRIPT.address(),
            icon: ICON.address(),
        }
    }

    /// How long one stays signed in, for people.
    pub(crate) fn session_limit(&self) -> String {
        (self.text.session_limit)(IDLE.as_secs() / 60)
    }
}

/// What is said above the content of a page.
pub(crate) struct Notice {
    pub(crate) text: String,
    /// What has become of what was open.
    pub(crate) sessions: Vec<String>,
    /// What the helper says is wrong besides, in its words.
    pub(crate) lines: Vec<String>,
    pub(crate) is_problem: bool,
}

impl Notice {
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            sessions: Vec::new(),
            lines: Vec::new(),
            is_problem: false,
        }
    }

    pub(crate) fn problem(text: impl Into<String>) -> Self {
        Self {
            is_problem: true,
            ..Self::good(text)
        }
    }

    /// Nothing was done, and why: in the reader's language where we know it.
    pub(crate) fn failed(nothing: &str, end: End, text: &Text) -> Self {
        let known = [(UNPROVEN, text.sign_in_failed), (TOO_OFTEN, text.too_many)];
        match known.iter().find(|(words, _)| end.says(words)) {
            Some((_, why)) => Self::problem(format!("{nothing} {why}")),
            None => Self::problem(nothing).with(&end.said, text),
        }
    }

    /// And what the helper has said about it. A change stands even if not all that was open could be ended,
    /// but that is no good end.
    pub(crate) fn with(self, said: &[String], text: &Text) -> Self {
        Self {
            sessions: said::of_sessions(said, text),
            lines: said::lines(said, text),
            is_problem: self.is_problem || said::warns(said),
            ..self
        }
    }
}

/// That of a form, which is shown again if something is wrong.
pub(crate) const fn status(is_wrong: bool) -> StatusCode {
    if is_wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

/// A page as an answer. It is wiped when it has been sent, as far as that is in our hands.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> Response {
    let mut html = Zeroizing::new(String::with_capacity(LENGTH));
    if page.render_into(&mut *html).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let bytes = Zeroizing::new(std::mem::take(&mut *html).into_bytes());
    let mut response = (status, Body::from(Bytes::from_owner(bytes))).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
