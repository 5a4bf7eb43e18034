// SPDX-License-Identifier: GPL-3.0-or-later
//! The configuration: that it can be used, and that whom it names exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use pam_app_passwd::config::{Config, Helper};

use super::finding::{Check, Finding};
use super::services::Named;

/// The configuration, if it can be used, and what there is to say about it.
pub(super) fn check(path: &Path) -> (Option<Config>, Vec<Finding>) {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return (None, vec![Finding::error(Check::Configuration, error)]),
    };
    let what = match path.exists() {
        true => format!("{}: every key and value is known", path.display()),
        false => format!("{}: no such file; the defaults apply", path.display()),
    };
    let mut findings = vec![Finding::ok(Check::Configuration, what)];
    findings.extend(callers(&config));
    (Some(config), findings)
}

/// Users that may ask the helper. The default names one that a machine without a web server lacks.
fn callers(config: &Config) -> Vec<Finding> {
    if config.helper == Helper::default() {
        return Vec::new();
    }
    let names = config.helper.callers.keys();
    let unknown = names.filter(|name| matches!(User::from_name(name), Ok(None)));
    let finding = |name: &String| {
        let what = format!("[helper.callers] names {name}, whom the system does not know");
        Finding::wrong(
            Check::Configuration,
            what,
            "write the user that the daemon runs as",
        )
    };
    unknown.map(finding).collect()
}

/// The configurations that lines of stacks name instead.
pub(super) fn others(services: &[Named], path: &Path) -> Vec<Finding> {
    let steps = services.iter().flat_map(|named| &named.service.steps);
    let ours = steps.filter(|step| step.is_ours());
    let named: BTreeSet<PathBuf> = ours.filter_map(|step| step.our_arguments().conf).collect();
    let others = named.into_iter().filter(|other| other != path);
    others.flat_map(|other| other_one(&other)).collect()
}

fn other_one(path: &Path) -> Vec<Finding> {
    if path.exists() {
        return check(path).1;
    }
    let what = format!(
        "{}: a stack names it with conf=, but there is no such file",
        path.display()
    );
    let hint = "the module takes the defaults; write the file, or take the argument out";
    vec![Finding::wrong(Check::Configuration, what, hint)]
}
