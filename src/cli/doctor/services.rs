// SPDX-License-Identifier: GPL-3.0-or-later
//! The services that ask the module, by their files in `/etc/pam.d` or in another directory.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use pam_app_passwd::policy::PROTECTED;

use super::finding::{Check, Finding};
use super::pamd::{Kind, Service};

/// Where what a file includes is looked for as well.
pub(super) const DIRS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];

/// How what a package manager, an editor or a person leaves beside a file begins and ends.
const LEFTOVERS_BEGIN: [&str; 2] = [".", "#"];
const LEFTOVERS: [&str; 20] = [
    "~",
    ".apk-new",
    ".backup",
    ".bak",
    ".dpkg-bak",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-tmp",
    ".old",
    ".orig",
    ".pacnew",
    ".pacsave",
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".save",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
];

/// A service that asks the module.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) service: Service,
}

impl Named {
    /// Whether app passwords may open it.
    pub(super) fn takes_app_passwords(&self) -> bool {
        let auth = self.service.stack(Kind::Auth);
        auth.iter().any(|step| step.is_ours())
    }
}

/// The services of a directory that ask the module, by their names; and what could not be read.
pub(super) fn read(dir: &Path) -> (Vec<Named>, Vec<Finding>) {
    let names = match names(dir) {
        Ok(names) => names,
        Err(error) => {
            let what = format!("{}: {error}", dir.display());
            let hint = "--pam-dir names the directory with the files of PAM";
            return (Vec::new(), vec![Finding::wrong(Check::Stack, what, hint)]);
        }
    };
    let mut dirs = vec![dir.to_owned()];
    dirs.extend(DIRS.map(PathBuf::from));
    let (mut services, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        let file = dir.join(&name);
        match Service::read(&file, &dirs) {
            Ok(service) => services.push(Named {
                name,
                file,
                service,
            }),
            Err(error) => {
                let what = format!("{}: {error}", file.display());
                let hint = match error.kind() {
                    io::ErrorKind::FileTooLarge => "no service needs as much: shorten or remove it",
                    _ => "libpam cannot read it either: mend or remove it",
                };
                problems.push(Finding::wrong(Check::Stack, what, hint));
            }
        }
    }
    let includes = services.iter().flat_map(|named| {
        let includes = named.service.includes.iter();
        includes.filter(|included| **included != named.file)
    });
    let included: BTreeSet<PathBuf> = includes.cloned().collect();
    services.retain(|named| named.service.names_us && !is_fragment(named, &included));
    (services, problems)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let files = std::fs::read_dir(dir)?.flatten();
    let mut names: Vec<_> = files
        .filter(|file| file.path().is_file())
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| !is_left_over(name))
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn is_left_over(name: &str) -> bool {
    LEFTOVERS_BEGIN.iter().any(|begin| name.starts_with(begin))
        || LEFTOVERS.iter().any(|end| name.ends_with(end))
}

/// Whether a file is only a part of others, and judged with them: its jumps may lead out of it.
fn is_fragment(named: &Named, included: &BTreeSet<PathBuf>) -> bool {
    included.contains(&named.file) && !PROTECTED.contains(&named.name.as_str())
}
