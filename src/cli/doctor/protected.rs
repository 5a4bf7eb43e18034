// SPDX-License-Identifier: GPL-3.0-or-later
//! The services that open a shell or change who one is: which of them take app passwords, and
//! which entries open them.

use pam_app_passwd::audit::quoted;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{Credential, ServiceName};
use pam_app_passwd::policy::{PROTECTED, Rules};
use pam_app_passwd::store::Store;

use super::finding::{Check, Finding};
use super::services::Named;

/// More are not listed.
const LISTED: usize = 5;

pub(super) fn check(store: Option<&Store>, services: &[Named], config: &Config) -> Vec<Finding> {
    let rules = config.rules();
    let entries = store.and_then(|store| store.entries(None).ok());
    let entries = entries.map(|entries| entries.sound).unwrap_or_default();
    let live: Vec<_> = entries
        .iter()
        .filter(|entry| entry.revoked.is_none())
        .collect();
    let open = services.iter().filter(|named| named.takes_app_passwords());
    open.filter_map(|named| judge(&ServiceName::parse(&named.name).ok()?, &live, &rules))
        .collect()
}

fn judge(service: &ServiceName, live: &[&Credential], rules: &Rules) -> Option<Finding> {
    let name = quoted(service.as_str());
    if rules.protects(service) {
        let naming = live
            .iter()
            .filter(|entry| rules.names(&entry.services, service));
        let naming: Vec<_> = naming.copied().collect();
        let what = format!("{name} takes app passwords that name it: {}", list(&naming));
        return Some(Finding::ok(Check::Protected, what));
    }
    if !PROTECTED.contains(&service.as_str()) {
        return None;
    }
    let any = live
        .iter()
        .filter(|entry| entry.services.iter().any(ServiceName::is_any));
    let any: Vec<_> = any.copied().collect();
    let what = format!(
        "{name} is not protected (policy.protected_except), so that app passwords for any service open it: {}",
        list(&any)
    );
    if any.is_empty() {
        return Some(Finding::ok(Check::Protected, what));
    }
    let hint = "take it out of policy.protected_except, and name it in those that shall open it";
    Some(Finding::wrong(Check::Protected, what, hint))
}

fn list(entries: &[&Credential]) -> String {
    let named = entries.iter().take(LISTED).map(|entry| {
        let (user, label) = (quoted(entry.user.as_str()), quoted(entry.label.as_str()));
        format!("{} \"{label}\" of {user}", entry.id)
    });
    let mut named: Vec<_> = named.collect();
    match entries.len() {
        0 => return "none yet".to_owned(),
        count if count > LISTED => named.push(format!("and {} more", count - LISTED)),
        _ => {}
    }
    named.join(", ")
}
