// SPDX-License-Identifier: GPL-3.0-or-later
//! The pages, one file for each.

mod activity;
mod admin;
mod conversation;
mod edit;
mod fields;
mod list;
mod new;
mod replace;
mod revoke;
mod row;
mod secret;
mod sign_in;
mod sign_out;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::asset::{ICON, SCRIPT, STYLE};
use crate::trouble::{Answer, Trouble};
use crate::visitor::Visitor;
use crate::{App, security, visitor};

pub(crate) use conversation::Purpose;

pub(crate) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/", get(list::show))
        .route("/sign-in", get(sign_in::show).post(sign_in::send))
        .route("/answer", post(conversation::send))
        .route("/sign-out", post(sign_out::send))
        .route("/new", get(new::show).post(new::send))
        .route("/edit", get(edit::show).post(edit::send))
        .route("/replace", get(replace::show).post(replace::send))
        .route("/activity", get(activity::show))
        .route("/revoke", get(revoke::show).post(revoke::send))
        .route("/revoke-all", get(revoke::show_all).post(revoke::send_all))
        .route("/admin", get(admin::show))
        .route("/admin/activity", get(activity::of_everybody))
        .route("/admin/revoke", get(admin::question).post(admin::send))
        .route(STYLE.path, get(async || STYLE.answer()))
        .route(SCRIPT.path, get(async || SCRIPT.answer()))
        .route(ICON.path, get(async || ICON.answer()))
        .fallback(not_found)
        .method_not_allowed_fallback(no_page)
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app.clone())
}

/// Before and behind every page: a POST from elsewhere gets nowhere, and every answer is strict.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_post = request.method() == Method::POST;
    let mut response = if is_post && !security::is_ours(headers, &app.settings.origin) {
        Trouble::not_ours(visitor::language(headers, &app)).into_response()
    } else {
        next.run(request).await
    };
    security::harden(response.headers_mut());
    response
}

/// The address of a form that was sent, in a tab that is opened again: there is nothing to be seen there.
async fn no_page(method: Method, visitor: Visitor) -> Answer {
    match method {
        Method::GET => Ok(Redirect::to("/").into_response()),
        _ => Err(Trouble::not_found(visitor.text)),
    }
}

async fn not_found(visitor: Visitor) -> Trouble {
    Trouble::not_found(visitor.text)
}
