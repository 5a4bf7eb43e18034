// SPDX-License-Identifier: GPL-3.0-or-later
//! The commands that the configuration names: that they are there and can be run.

use std::path::{Path, PathBuf};

use pam_app_passwd::config::Config;
use rustix::fs::Access;

use super::finding::{Check, Finding};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let on_revoke = config
        .on_revoke
        .run
        .iter()
        .map(|words| ("[on_revoke] run", words));
    let notify = ("[notify] command", &config.notify.command);
    // No command at all is how none is configured.
    let notify = Some(notify).filter(|(_, words)| !words.is_empty());
    on_revoke
        .chain(notify)
        .map(|(key, words)| judge(key, words))
        .collect()
}

fn judge(key: &str, words: &[String]) -> Finding {
    let Some(program) = words.first() else {
        let what = format!("{key}: a command without words");
        return Finding::wrong(Check::Commands, what, "take the empty list out");
    };
    match find(program) {
        Some(path) => Finding::ok(Check::Commands, format!("{key}: {}", path.display())),
        None => {
            let what = format!("{key}: there is no command {program} that can be run");
            Finding::wrong(
                Check::Commands,
                what,
                "write its whole path, and make it executable",
            )
        }
    }
}

/// Where the system finds a program: one without a slash in the directories of `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| can_be_run(path));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|dir| dir.join(program));
    candidates.find(|path| can_be_run(path))
}

fn can_be_run(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}
