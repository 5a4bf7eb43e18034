// SPDX-License-Identifier: GPL-3.0-or-later
//! Who may do it alone, and what they may choose from, by `[self_service]`.

use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{ServiceName, UserName};
use serde::Serialize;

use crate::cli::failure::{Code, Failure};
use crate::cli::{operator, output};

/// What an account holder may choose from. Names are a promise.
#[derive(Serialize)]
struct Rules<'a> {
    /// Who they are, as the system spells it.
    user: &'a str,
    scopes: bool,
    services: Vec<&'a str>,
    default_services: Vec<&'a str>,
    max_lifetime_days: Option<i64>,
    max_per_user: u32,
    admin: bool,
}

/// Whether anybody may.
pub(super) fn require_enabled(config: &Config) -> Result<(), Failure> {
    if config.self_service.enabled {
        return Ok(());
    }
    let message = "here only root makes and ends app passwords";
    Err(Failure::new(Code::Unusable, message)
        .hint("ask the administrator, who may enable [self_service]"))
}

/// Whether this user may.
pub(super) fn require_allowed(user: &UserName, config: &Config) -> Result<(), Failure> {
    let groups = &config.self_service.groups;
    if operator::is_root(user)? {
        let message = "root has no app passwords of its own to look after";
        return Err(Failure::new(Code::Unusable, message).hint("root has the tool"));
    }
    if groups.is_empty() || operator::is_in_any(user, groups)? || is_admin(user, config)? {
        return Ok(());
    }
    let message = format!("{} may not do this alone", user.as_str());
    Err(Failure::new(Code::Unusable, message).hint("ask the administrator"))
}

/// Whether this user sees everybody's entries.
pub(super) fn is_admin(user: &UserName, config: &Config) -> Result<bool, Failure> {
    operator::is_in_any(user, &config.self_service.admin_groups)
}

/// Answers with the rules as they are for this user.
pub(super) fn answer(user: &UserName, config: &Config) -> Result<Code, Failure> {
    let lifetime = config.policy.max_lifetime.span();
    output::json(&Rules {
        user: user.as_str(),
        scopes: config.self_service.scopes,
        services: names(&config.self_service.services),
        default_services: names(&config.policy.default_services),
        max_lifetime_days: lifetime.map(|span| span.seconds() / 86_400),
        max_per_user: config.policy.max_per_user,
        admin: is_admin(user, config)?,
    })?;
    Ok(Code::Done)
}

fn names(services: &[ServiceName]) -> Vec<&str> {
    services.iter().map(ServiceName::as_str).collect()
}
