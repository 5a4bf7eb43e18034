// SPDX-License-Identifier: GPL-3.0-or-later
//! What looks the same for everybody: the style, the script, the icon. Browsers keep them until their
//! content, and so their address, is another.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

pub(crate) const STYLE: Asset = Asset {
    path: "/style.css",
    kind: "text/css; charset=utf-8",
    content: include_str!("style.css"),
};
pub(crate) const SCRIPT: Asset = Asset {
    path: "/script.js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("script.js"),
};
pub(crate) const ICON: Asset = Asset {
    path: "/icon.svg",
    kind: "image/svg+xml",
    content: include_str!("icon.svg"),
};

pub(crate) struct Asset {
    pub(crate) path: &'static str,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    /// With what changes when the content does.
    pub(crate) fn address(&self) -> String {
        format!("{}?{:x}", self.path, digest(self.content))
    }

    pub(crate) fn answer(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, self.kind),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.content).into_response()
    }
}

/// FNV-1a: not against anybody, only to tell one version from the next.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |so_far, byte| {
        (so_far ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
