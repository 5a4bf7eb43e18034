// SPDX-License-Identifier: GPL-3.0-or-later
//! What was typed into a form. It is short, comes in time, and is wiped when it has been used.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::App;
use crate::token::Token;
use crate::trouble::Trouble;
use crate::visitor::language;

/// The longest body.
const LONGEST: usize = 8 * 1024;
/// How long one may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Trouble;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Trouble> {
        let (parts, body) = request.into_parts();
        let form = Self::read(&parts.headers, body).await;
        form.ok_or_else(|| Trouble::no_form(language(&parts.headers, app)))
    }
}

impl Form {
    /// Reads one. `None`: it is none, too long, or too slow.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let is_form = kind.split(';').next()?.trim() == "application/x-www-form-urlencoded";
        if !is_form {
            return None;
        }
        let bytes = timeout(PATIENCE, to_bytes(body, LONGEST))
            .await
            .ok()?
            .ok()?;
        Some(Self::parse(&bytes))
    }

    /// What an address has behind its question mark.
    pub(crate) fn of_address(uri: &Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default().as_bytes())
    }

    fn parse(bytes: &[u8]) -> Self {
        let field = |(name, value): (_, std::borrow::Cow<str>)| {
            (String::from(name), Zeroizing::new(value.into_owned()))
        };
        Self(form_urlencoded::parse(bytes).map(field).collect())
    }

    /// The first field of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().trim().to_owned()
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A secret, as it was typed.
    pub(crate) fn secret(&self, name: &str) -> Zeroizing<String> {
        Zeroizing::new(self.get(name).unwrap_or_default().to_owned())
    }

    /// What says that it is a form of ours, and which.
    pub(crate) fn token(&self) -> Option<Token> {
        Token::parse(self.get("token")?)
    }
}

/// An address with fields behind its question mark.
pub(crate) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let fields = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!("{path}?{fields}")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, body: Body) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        Form::read(&headers, body).await
    }

    const KIND: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn fields_are_read_as_browsers_send_them() {
        let body = "label=my+phone&service=imap&service=smtp&password=+a%26b%2B";
        let form = read(&format!("{KIND}; charset=utf-8"), body.into())
            .await
            .unwrap();
        assert_eq!(form.text("label"), "my phone");
        assert_eq!(form.all("service").collect::<Vec<_>>(), ["imap", "smtp"]);
        assert_eq!(*form.secret("password"), " a&b+");
        assert_eq!(form.get("other"), None);
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_form_is_not_read() {
        assert!(read(KIND, "x".repeat(LONGEST).into()).await.is_some());
        assert!(read(KIND, "x".repeat(LONGEST + 1).into()).await.is_none());
        assert!(read("application/json", "{}".into()).await.is_none());
        assert!(read("text/plain", "a=b".into()).await.is_none());
    }
}
