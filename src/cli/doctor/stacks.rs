// SPDX-License-Identifier: GPL-3.0-or-later
//! The stacks that name the module, and what is wrong with them.

mod account;
mod auth;
mod lines;
mod password;
mod session;

use std::collections::BTreeMap;
use std::path::Path;

use pam_app_passwd::audit::quoted;

use super::finding::{Check, Finding};
use super::pamd::{Kind, OURS, Place};
use super::services::Named;

/// What other files include on every system of its kind: to name the module there is to name it for
/// all services.
const COMMON: [&str; 5] = [
    "common-auth",
    "password-auth",
    "system-auth",
    "system-login",
    "system-services",
];

/// A mistake in a stack, and what to do about it.
#[derive(PartialEq, Eq)]
struct Fault {
    what: String,
    hint: String,
}

impl Fault {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// What there is to say about each service.
pub(super) fn check(services: &[Named], dir: &Path) -> Vec<Finding> {
    let mut findings: Vec<_> = common(services).collect();
    // A line that several services include is said once.
    let mut faults: Vec<(Fault, Vec<String>)> = Vec::new();
    for named in services {
        let found = faults_of(named);
        if found.is_empty() {
            let what = format!("{}: nothing is wrong with its stack", named.file.display());
            findings.push(Finding::ok(Check::Stack, what));
        }
        for fault in found {
            let name = quoted(&named.name);
            match faults.iter_mut().find(|(known, _)| *known == fault) {
                Some((_, names)) => names.push(name),
                None => faults.push((fault, vec![name])),
            }
        }
    }
    findings.extend(faults.into_iter().map(|(Fault { what, hint }, names)| {
        let what = format!("{}: {what}", names.join(", "));
        Finding::wrong(Check::Stack, what, hint)
    }));
    if findings.is_empty() {
        let dir = dir.display();
        let what = format!("no file in {dir} names {OURS}: app passwords open nothing");
        findings.push(Finding::ok(Check::Stack, what));
    }
    findings
}

fn faults_of(named: &Named) -> Vec<Fault> {
    let service = &named.service;
    let mut faults = lines::faults(service);
    faults.extend(auth::self_service(named));
    faults.extend(auth::faults(&service.stack(Kind::Auth)));
    faults.extend(account::faults(named));
    faults.extend(password::faults(&service.stack(Kind::Password)));
    faults.extend(session::faults(&service.stack(Kind::Session)));
    faults
}

/// A line of ours in a file that all services include.
fn common(services: &[Named]) -> impl Iterator<Item = Finding> {
    let mut places: BTreeMap<&Place, Vec<&str>> = BTreeMap::new();
    for named in services {
        for step in named.service.stack(Kind::Auth) {
            let file = step.place.file.file_name();
            let is_common = COMMON.iter().any(|common| file == Some(common.as_ref()));
            if step.is_ours() && is_common {
                places.entry(&step.place).or_default().push(&named.name);
            }
        }
    }
    places.into_iter().map(|(place, names)| {
        let names = names.join(", ");
        let what =
            format!("{place}: every service that includes this file takes app passwords: {names}");
        let hint = "name the module in the files of the services that need it, and not here";
        Finding::wrong(Check::Stack, what, hint)
    })
}
