// SPDX-License-Identifier: GPL-3.0-or-later
//! Signing out: here, or in every browser.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Redirect};

use crate::cookie;
use crate::form::Form;
use crate::signed_in::SignedIn;
use crate::trouble::Answer;

/// `POST /sign-out`. It takes a form that was sent before, too: to be signed out harms nobody.
pub(super) async fn send(session: SignedIn, form: Form) -> Answer {
    let app = &session.app;
    let is_everywhere = form.get("everywhere").is_some();
    let wish: &[&str] = match is_everywhere {
        true => &["sign-out", "--everywhere"],
        false => &["sign-out"],
    };
    let told = session.ask(wish).await;
    // Whatever the helper says, nobody is signed in here any more.
    app.talks.end(session.token);
    app.sessions.end(session.token);
    if is_everywhere {
        app.sessions.end_all(&session.who.user);
    }
    told?;
    let to = match is_everywhere {
        true => "/sign-in?signed-out-everywhere",
        false => "/sign-in?signed-out",
    };
    let mut response = Redirect::to(to).into_response();
    let headers = response.headers_mut();
    headers.insert(SET_COOKIE, cookie::forget(cookie::SESSION));
    // What the browser may have kept for "back". Not the cookies: those of other hosts would go, too.
    headers.insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\""),
    );
    Ok(response)
}
