// SPDX-License-Identifier: GPL-3.0-or-later
//! What account holders need to do it alone, where `[self_service]` says that they may: a stack that asks
//! them who they are, a helper, and something that they may have.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};
use pam_app_passwd::config::{Config, SelfService};
use pam_app_passwd::helper;
use pam_app_passwd::policy::SELF_SERVICE;

use super::finding::{Check, Finding};
use super::pamd::{Kind, Service, Step, Walk};
use super::services;

/// Modules that live in what the service of systemd leaves the helper.
const WITHIN_THE_SERVICE: [&str; 4] = [
    "pam_deny.so",
    "pam_permit.so",
    "pam_succeed_if.so",
    "pam_unix.so",
];
/// Where the web page is set up, there is this.
const PAGE: &str = "/etc/security/app-passwd-web.toml";
/// Where systemd runs, there is this.
const SYSTEMD: &str = "/run/systemd/system";
const DROP_INS: &str = "/etc/systemd/system/app-passwd.service.d";
const LET_MODULES_LIVE: &str = "self-service.conf, among the examples that come with the documentation, lets them live: \
     put it into /etc/systemd/system/app-passwd.service.d";

pub(super) fn check(config: &Config, pam_dir: &Path) -> Vec<Finding> {
    if !config.self_service.enabled {
        return Vec::new();
    }
    let mut findings = vec![stack(pam_dir)];
    if let Err(error) = helper::is_there() {
        findings.push(Finding::error(Check::SelfService, error));
    }
    findings.extend(groups(&config.self_service));
    findings.extend(defaults(config));
    findings.extend(page(&config.self_service));
    findings
}

fn stack(pam_dir: &Path) -> Finding {
    let dirs: Vec<_> = [pam_dir.to_owned()]
        .into_iter()
        .chain(services::DIRS.map(PathBuf::from))
        .collect();
    let files = dirs.iter().map(|dir| dir.join(SELF_SERVICE));
    let read = |file: PathBuf| match Service::read(&file, &dirs) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some((file, read)),
    };
    let Some((file, read)) = files.into_iter().find_map(read) else {
        let what = format!(
            "{}: not there, so nobody can prove who they are",
            pam_dir.join(SELF_SERVICE).display()
        );
        let hint = "an example comes with the documentation; without it nobody makes an app password alone";
        return Finding::wrong(Check::SelfService, what, hint);
    };
    let file = file.display();
    let judged = match read {
        Ok(service) => judge(&service.stack(Kind::Auth)),
        Err(error) => Some((error.to_string(), "libpam cannot read it either: mend it")),
    };
    match judged {
        Some((what, hint)) => Finding::wrong(Check::SelfService, format!("{file}: {what}"), hint),
        None => Finding::ok(
            Check::SelfService,
            format!("{file} asks account holders who they are"),
        ),
    }
}

/// What is wrong with the stack, and what to do about it.
fn judge(stack: &[&Step]) -> Option<(String, &'static str)> {
    if let Some(step) = stack.iter().find(|step| step.module() == "pam_rootok.so") {
        let what = format!(
            "line {} lets in everybody, since it is root who asks",
            step.place.line
        );
        return Some((what, "take the line out"));
    }
    let nobody = |_: usize, step: &Step| step.answers_without_proof();
    if Walk::all(stack, nobody).may_succeed() {
        let what = "lets in somebody who has proved nothing".to_owned();
        return Some((
            what,
            "it must ask for the account's password, and for a second factor if there is one",
        ));
    }
    let wants_more = |step: &&&Step| !WITHIN_THE_SERVICE.contains(&step.module());
    let step = stack.iter().find(wants_more)?;
    if Path::new(SYSTEMD).exists() && !Path::new(DROP_INS).exists() {
        let what = format!(
            "asks {}, to which the service app-passwd leaves too little",
            step.module()
        );
        return Some((what, LET_MODULES_LIVE));
    }
    None
}

fn groups(settings: &SelfService) -> Vec<Finding> {
    let named = [
        ("groups", &settings.groups),
        ("admin_groups", &settings.admin_groups),
    ];
    let named = named
        .into_iter()
        .flat_map(|(key, names)| names.iter().map(move |name| (key, name)));
    let is_missing = |name: &str| Group::from_name(name).is_ok_and(|group| group.is_none());
    named
        .filter(|(_, name)| is_missing(name))
        .map(|(key, name)| {
            let what = format!("[self_service] {key}: there is no group {name}");
            Finding::wrong(Check::SelfService, what, "make it, or take it out")
        })
        .collect()
}

/// As whom the page speaks for others. The helper takes it for nobody else.
fn page(settings: &SelfService) -> Option<Finding> {
    let user = &settings.web_user;
    let is_missing = User::from_name(user).is_ok_and(|user| user.is_none());
    if !Path::new(PAGE).exists() || !is_missing {
        return None;
    }
    let what =
        format!("[self_service] web_user: there is no user {user}, so nobody signs in on the page");
    let hint = "systemd-sysusers makes app-passwd-web; or name the user that the page runs as";
    Some(Finding::wrong(Check::SelfService, what, hint))
}

/// What they get who name no service has to be theirs to have.
fn defaults(config: &Config) -> Option<Finding> {
    let (default, own) = (
        &config.policy.default_services,
        &config.self_service.services,
    );
    if config.rules().services_within(default, own) {
        return None;
    }
    let what = "[self_service] services: policy.default_services are not among them, so nothing is made without --service";
    Some(Finding::wrong(
        Check::SelfService,
        what,
        "add them, or make these the default",
    ))
}
