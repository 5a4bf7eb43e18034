// SPDX-License-Identifier: GPL-3.0-or-later
//! Owners and modes along every path: what the module and the tool refuse to believe, and what
//! libpam believes though it should not.

use std::collections::BTreeSet;
use std::path::Path;

use pam_app_passwd::config::Config;
use pam_app_passwd::store::LeftBehind;
use pam_app_passwd::{helper, trust};

use super::finding::{Check, Finding};
use super::services::Named;
use crate::cli::shell;

/// What may lie in the state directory.
const STATE: [&str; 6] = [
    "store.db",
    "store.db-journal",
    "usage.db",
    "usage.db-journal",
    "usage.lock",
    "reserve",
];

pub(super) fn check(config: &Config, config_path: &Path) -> Vec<Finding> {
    let mut findings = vec![state(&config.state_dir)];
    findings.extend(left_behind(&config.state_dir));
    findings.extend(run_time());
    findings.push(believed(config_path));
    findings
}

fn state(dir: &Path) -> Finding {
    let judged = trust::state_directory(dir).and_then(|there| {
        let mut files = STATE.iter().filter(|_| there);
        files.try_for_each(|name| trust::state_file(&dir.join(name)).map(|_| ()))?;
        Ok(there)
    });
    match judged {
        Ok(true) => Finding::ok(Check::Files, format!("{}: root's alone", dir.display())),
        Ok(false) => Finding::ok(Check::Files, format!("{}: not there yet", dir.display())),
        Err(error) => Finding::error(Check::Files, error),
    }
}

/// Copies of the store beside it, each with a key.
fn left_behind(dir: &Path) -> Vec<Finding> {
    let LeftBehind { kept, unfinished } = LeftBehind::find(dir);
    let mut findings = Vec::new();
    if !kept.is_empty() {
        let (dir, count) = (dir.display(), kept.len());
        let what = format!("{dir}: old states that restores have kept, each with a key: {count}");
        findings.push(Finding::ok(Check::Files, what));
    }
    findings.extend(unfinished.iter().map(|path| {
        let path = path.display().to_string();
        let hint = format!("unless a restore is at work: rm {}", shell::word(&path));
        let what = format!("{path}: left by a restore that was killed; it holds a key");
        Finding::wrong(Check::Files, what, hint)
    }));
    findings
}

/// Where the helper listens and sessions are noted.
fn run_time() -> Option<Finding> {
    let dir = Path::new(helper::SOCKET).parent()?;
    match trust::state_directory(dir) {
        Ok(false) => None,
        Ok(true) => Some(sound(dir)),
        Err(error) => Some(Finding::error(Check::Files, error)),
    }
}

/// The files that say who gets in. libpam believes them whoever has written them.
pub(super) fn of_stacks(services: &[Named], pam_dir: &Path) -> Vec<Finding> {
    let steps = services.iter().flat_map(|named| &named.service.steps);
    let files: BTreeSet<&Path> = steps.map(|step| step.place.file.as_path()).collect();
    let findings = files.into_iter().map(believed);
    let mut findings: Vec<_> = findings.filter(|finding| !finding.ok).collect();
    if findings.is_empty() {
        findings.push(believed(pam_dir));
    }
    findings
}

/// What only root may have written, along every step of its path.
pub(super) fn believed(path: &Path) -> Finding {
    match trust::resolve(path) {
        Ok(Some(_)) => sound(path),
        Ok(None) => Finding::ok(Check::Files, format!("{}: not there", path.display())),
        Err(error) => Finding::error(Check::Files, error),
    }
}

fn sound(path: &Path) -> Finding {
    Finding::ok(
        Check::Files,
        format!("{}: only root can write it", path.display()),
    )
}
