// SPDX-License-Identifier: GPL-3.0-or-later
//! The two cookies. Both are sent over TLS only, to this host only, not to scripts, and never along
//! with what another site has the browser do.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::token::Token;

/// Of somebody who is not signed in (yet). It opens nothing.
pub(crate) const VISIT: &str = "__Host-visit";
/// Of somebody who is signed in.
pub(crate) const SESSION: &str = "__Host-session";

/// The value of the cookie, unless there are two of that name.
pub(crate) fn read(headers: &HeaderMap, name: &str) -> Option<Token> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').map(str::trim).into());
    let mut values = pairs
        .flatten()
        .filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let value = values.next()?;
    values.next().is_none().then(|| Token::parse(value))?
}

pub(crate) fn set(name: &str, value: Token) -> HeaderValue {
    header(&format!("{name}={value}"))
}

pub(crate) fn forget(name: &str) -> HeaderValue {
    header(&format!("{name}=; Max-Age=0"))
}

/// A header, of nothing that anybody typed.
fn header(value: &str) -> HeaderValue {
    let text = format!("{value}; Path=/; Secure; HttpOnly; SameSite=Strict");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[String]) -> HeaderMap {
        let line = |line: &String| (COOKIE, HeaderValue::try_from(line).unwrap());
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_and_two_of_its_name_are_none() {
        let token = Token::new().unwrap();
        let ours = format!("{SESSION}={token}");
        let found = |lines: &[String]| read(&of(lines), SESSION) == Some(token);
        assert!(found(&[format!("a=b; {ours}; c=d")]));
        assert!(found(&["a=b".to_owned(), ours.clone()]));
        assert!(!found(&[format!("x{ours}")]));
        assert!(!found(&[format!("{ours}; {ours}")]));
        assert!(!found(&["a=b".to_owned()]));
    }
}
