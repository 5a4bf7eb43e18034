// SPDX-License-Identifier: GPL-3.0-or-later
//! `[self_service]`: what account holders may do alone.

use serde::Deserialize;

use super::{Limit, names};
use crate::credential::ServiceName;

/// `[self_service]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfService {
    /// Whether they may do anything at all.
    pub enabled: bool,
    /// Unix groups whose members may; none: everybody.
    pub groups: Vec<String>,
    /// Services, and groups of services, that they may name.
    pub services: Vec<ServiceName>,
    /// They choose services, networks and an end; else nothing but a label.
    pub scopes: bool,
    /// A longer or missing expiry is cut to it, or to `policy.max_lifetime` where that is shorter.
    pub max_lifetime: Limit,
    /// Unix groups whose members see everybody's entries and revoke them.
    pub admin_groups: Vec<String>,
    /// The system user of the web page, which speaks for whoever has signed in there.
    pub web_user: String,
}

impl Default for SelfService {
    fn default() -> Self {
        Self {
            enabled: false,
            groups: Vec::new(),
            services: names(&["mail"]),
            scopes: true,
            max_lifetime: Limit::None,
            admin_groups: Vec::new(),
            web_user: "app-passwd-web".to_owned(),
        }
    }
}
