// SPDX-License-Identifier: GPL-3.0-or-later
//! Signing out: here, or in every browser.

use std::time::Duration;

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Redirect};
use tokio::time::timeout;

use crate::form::Form;
use crate::signed_in::SignedIn;
use crate::trouble::Answer;
use crate::{cookie, seldom};

/// How long the helper is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// `POST /sign-out`. It takes a form that was sent before, too: to be signed out harms nobody.
pub(super) async fn send(session: SignedIn, form: Form) -> Answer {
    let app = session.app.clone();
    let is_everywhere = form.get("everywhere").is_some();
    let words: &[&str] = match is_everywhere {
        true => &["sign-out", "--everywhere"],
        false => &["sign-out"],
    };
    let wish = session.wish_of(words);
    // First, and without waiting: whatever the helper says, or the browser does, nobody is signed in here
    // any more. The pass is then known to nobody, and the helper forgets it in a while in any case.
    app.talks.end(session.token);
    app.sessions.end(session.token);
    if is_everywhere {
        app.sessions.end_all(&session.who.user);
    }
    let told = tokio::spawn(async move { session.told(&wish).await });
    match timeout(PATIENCE, told).await {
        Ok(Ok(Ok(_))) => {}
        _ => seldom::say("error: the helper was not told that somebody has signed out"),
    }
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
