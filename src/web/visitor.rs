// SPDX-License-Identifier: GPL-3.0-or-later
//! Whoever looks at a page, as far as the request tells.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};

use crate::client::{self, Client};
use crate::text::{self, Text};
use crate::token::Token;
use crate::{App, cookie, seldom};

/// Who is connected: a browser, or a proxy.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    /// Either, at this address.
    At(IpAddr),
    /// A proxy, on the socket that no other user may open.
    Proxy,
}

#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) client: Client,
    pub(crate) text: &'static Text,
    /// What the cookies say.
    pub(crate) visit: Option<Token>,
    pub(crate) session: Option<Token>,
    /// Of the answer they get the head alone.
    pub(crate) sees_nothing: bool,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let client = client(parts, app).ok_or_else(nobody_knows_where)?;
        Ok(Self {
            client,
            text: language(&parts.headers, app),
            visit: cookie::read(&parts.headers, cookie::VISIT),
            session: cookie::read(&parts.headers, cookie::SESSION),
            sees_nothing: parts.method == Method::HEAD,
        })
    }
}

/// In what language to answer.
pub(crate) fn language(headers: &HeaderMap, app: &App) -> &'static Text {
    let language = app.settings.language;
    Text::of(language.unwrap_or_else(|| text::preferred(headers)))
}

fn client(parts: &Parts, app: &App) -> Option<Client> {
    let peer = match parts.extensions.get()? {
        Peer::At(address) => Some(*address),
        Peer::Proxy => None,
    };
    let said = parts.headers.get_all(&app.settings.client_address_header);
    // What is no text is no address either.
    let said: Vec<_> = said
        .iter()
        .map(|line| line.to_str().unwrap_or("?"))
        .collect();
    let address = client::address(peer, said.into_iter(), &app.settings.trusted_proxies)?;
    let agent = parts.headers.get(axum::http::header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    Some(Client::new(address, agent.unwrap_or_default()))
}

/// Limits of tries count by the browser's address, so without it nobody is let in.
fn nobody_knows_where() -> (StatusCode, &'static str) {
    seldom::say(
        "error: the proxy does not say where the browser is; hint: see client_address_header in app-passwd-web(8)",
    );
    (
        StatusCode::BAD_REQUEST,
        "The proxy does not say where the browser is.\n",
    )
}
