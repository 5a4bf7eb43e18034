// SPDX-License-Identifier: GPL-3.0-or-later
//! What keeps a page from being shown, as a page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::page::{self, Frame};
use crate::text::Text;

pub(crate) enum Trouble {
    /// Somebody has to sign in (again).
    SignIn,
    /// Anything else.
    Said {
        status: StatusCode,
        message: &'static str,
        text: &'static Text,
    },
}

/// What a page comes to.
pub(crate) type Answer = Result<Response, Trouble>;

/// Where those are sent who were signed in.
pub(crate) const TIMED_OUT: &str = "/sign-in?timed-out";

#[derive(Template)]
#[template(path = "trouble.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    message: &'static str,
}

impl Trouble {
    pub(crate) const fn no_helper(text: &'static Text) -> Self {
        Self::said(StatusCode::SERVICE_UNAVAILABLE, text.no_helper, text)
    }

    pub(crate) const fn busy(text: &'static Text) -> Self {
        Self::said(StatusCode::TOO_MANY_REQUESTS, text.busy, text)
    }

    pub(crate) const fn sent_before(text: &'static Text) -> Self {
        Self::said(StatusCode::CONFLICT, text.sent_before, text)
    }

    /// What `sent_before` is of an answer to PAM.
    pub(crate) const fn too_late(text: &'static Text) -> Self {
        Self::said(StatusCode::CONFLICT, text.too_late, text)
    }

    pub(crate) const fn no_form(text: &'static Text) -> Self {
        Self::said(StatusCode::BAD_REQUEST, text.no_form, text)
    }

    pub(crate) const fn not_ours(text: &'static Text) -> Self {
        Self::said(StatusCode::FORBIDDEN, text.not_ours, text)
    }

    pub(crate) const fn not_allowed(text: &'static Text) -> Self {
        Self::said(StatusCode::FORBIDDEN, text.not_allowed, text)
    }

    pub(crate) const fn gone(text: &'static Text) -> Self {
        Self::said(StatusCode::NOT_FOUND, text.gone, text)
    }

    pub(crate) const fn not_found(text: &'static Text) -> Self {
        Self::said(StatusCode::NOT_FOUND, text.not_found, text)
    }

    const fn said(status: StatusCode, message: &'static str, text: &'static Text) -> Self {
        Self::Said {
            status,
            message,
            text,
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => Redirect::to(TIMED_OUT).into_response(),
            Self::Said {
                status,
                message,
                text,
            } => {
                let frame = Frame::bare(text);
                page::render(status, &Page { frame, message })
            }
        }
    }
}
