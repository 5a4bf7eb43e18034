// SPDX-License-Identifier: GPL-3.0-or-later
//! Who may do it alone, and what they may choose from, by `[self_service]`.

use std::collections::BTreeMap;
use std::slice::from_ref;

use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{ServiceName, UserName};
use pam_app_passwd::policy;
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
    /// Of each of them, which others it opens too.
    includes: BTreeMap<&'a str, Vec<&'a str>>,
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
    let rules = config.rules();
    let services = offered(config, &rules);
    output::json(&Rules {
        user: user.as_str(),
        scopes: config.self_service.scopes,
        includes: includes(&services, &rules),
        services: names(services),
        default_services: names(&config.policy.default_services),
        max_lifetime_days: lifetime.map(|span| span.seconds() / 86_400),
        max_per_user: config.policy.max_per_user,
        admin: is_admin(user, config)?,
    })?;
    Ok(Code::Done)
}

/// What may be named, and what is meant if nothing is, as far as that is within: whoever chooses need not
/// take more than whoever does not.
fn offered<'a>(config: &'a Config, rules: &policy::Rules) -> Vec<&'a ServiceName> {
    let named = &config.self_service.services;
    let meant = config.policy.default_services.iter();
    let is_within =
        |name: &&ServiceName| !named.contains(name) && rules.services_within(from_ref(name), named);
    named.iter().chain(meant.filter(is_within)).collect()
}

fn includes<'a>(
    services: &[&'a ServiceName],
    rules: &policy::Rules,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let others = |wide: &ServiceName| {
        let is_in = |name: &&ServiceName| {
            *name != wide && rules.services_within(from_ref(name), from_ref(wide))
        };
        names(services.iter().copied().filter(is_in))
    };
    let each = services.iter().map(|wide| (wide.as_str(), others(wide)));
    each.filter(|(_, others)| !others.is_empty()).collect()
}

fn names<'a>(services: impl IntoIterator<Item = &'a ServiceName>) -> Vec<&'a str> {
    services.into_iter().map(ServiceName::as_str).collect()
}
