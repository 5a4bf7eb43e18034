// SPDX-License-Identifier: GPL-3.0-or-later
//! The file of the module: that it is where libpam looks for it, of our version, and what runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pam_app_passwd::session;

use super::files;
use super::finding::{Check, Finding};
use super::pamd::{OURS, Place};
use super::services::Named;

pub(super) fn check(services: &[Named]) -> Vec<Finding> {
    let steps = services.iter().flat_map(|named| &named.service.steps);
    let named: BTreeMap<&str, &Place> = steps
        .filter(|step| step.is_ours())
        .map(|step| (step.path(), &step.place))
        .collect();
    let findings = named.into_iter().map(|(path, place)| judge(path, place));
    findings.collect()
}

/// What the module of our version calls its data, which no other holds.
const VERSION: &str = concat!("pam_app_passwd-", env!("CARGO_PKG_VERSION"));

/// The module as a line names it: by its path, or by its name alone.
fn judge(path: &str, place: &Place) -> Finding {
    let dirs = directories();
    let found = match Path::new(path) {
        whole if whole.is_absolute() => Some(whole.to_owned()).filter(|file| file.is_file()),
        name => dirs
            .iter()
            .map(|dir| dir.join(name))
            .find(|file| file.is_file()),
    };
    match found {
        Some(file) if is_of_our_version(&file) => Finding {
            check: Check::Module,
            ..files::believed(&file)
        },
        Some(file) => {
            let what = format!(
                "{}: not the module that belongs to this tool",
                file.display()
            );
            let hint = format!("install both from one build: {VERSION}");
            Finding::wrong(Check::Module, what, hint)
        }
        None => {
            let what = format!("{place}: there is no module {path}; libpam takes it for a failure");
            let dirs: Vec<_> = dirs.iter().map(|dir| dir.display().to_string()).collect();
            let hint = format!("install {OURS} in {}", dirs.join(" or "));
            Finding::wrong(Check::Module, what, hint)
        }
    }
}

fn is_of_our_version(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    bytes
        .windows(VERSION.len())
        .any(|part| part == VERSION.as_bytes())
}

/// Programs that still have a module loaded which has been replaced since.
pub(super) fn outdated() -> Vec<Finding> {
    let pids = session::pids().into_iter();
    let outdated = pids.filter(|pid| {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let gone = format!("{OURS} (deleted)");
        maps.lines().any(|line| line.ends_with(&gone))
    });
    let findings = outdated.map(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = name.trim_end();
        let what = format!("{name} (process {pid}) still runs a module that was replaced since");
        Finding::wrong(Check::Module, what, format!("restart {name}"))
    });
    findings.collect()
}

/// Where libpam looks for a module without a path: where its own are. That is decided when libpam
/// is built, and differs from distribution to distribution.
fn directories() -> Vec<PathBuf> {
    let below = |dir: &str| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let libraries = below("/usr/lib")
        .into_iter()
        .chain(["/usr/lib", "/usr/lib64"].map(PathBuf::from));
    let mut dirs: Vec<_> = libraries
        .map(|library| library.join("security"))
        .filter(|dir| dir.join("pam_permit.so").is_file())
        .collect();
    dirs.sort_unstable();
    dirs
}
