// SPDX-License-Identifier: GPL-3.0-or-later
//! What every answer tells the browser to be strict about, and which POST is believed.

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};

/// Said with every answer. `same-origin`, not `no-referrer`: with that the browser would not say either
/// which site a form is from.
const ALWAYS: [(HeaderName, &str); 10] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), clipboard-read=(), clipboard-write=(self)",
    ),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Adds them. What does not say how long it may be kept is not kept at all.
pub(crate) fn harden(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Whether a POST comes from a page of ours, as the browser says: by where it is from (every browser),
/// and by whose doing it is (every current one).
pub(crate) fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    let says = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let site = says(&HeaderName::from_static("sec-fetch-site"));
    says(&header::ORIGIN) == Some(origin.as_bytes())
        && site.is_none_or(|site| site == b"same-origin")
        && headers.get_all(header::ORIGIN).iter().count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://passwords.example.org";

    fn believed(lines: &[(&'static str, &'static str)]) -> bool {
        let line = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        is_ours(&lines.iter().map(line).collect(), ORIGIN)
    }

    #[test]
    fn a_post_is_believed_from_our_own_pages_only() {
        assert!(believed(&[
            ("origin", ORIGIN),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(believed(&[("origin", ORIGIN)]));
        for wrong in [
            &[] as &[_],
            &[("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[
                ("origin", "https://evil.example.org"),
                ("sec-fetch-site", "same-site"),
            ],
            &[("origin", "http://passwords.example.org")],
            &[("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
            &[("origin", ORIGIN), ("origin", ORIGIN)],
        ] {
            assert!(!believed(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn nothing_inline_and_nothing_from_elsewhere_is_allowed_and_pages_are_not_kept() {
        let mut headers = HeaderMap::new();
        harden(&mut headers);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
}
