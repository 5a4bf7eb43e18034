// SPDX-License-Identifier: GPL-3.0-or-later
//! The files of `/etc/pam.d` as libpam reads them: what stands in one for a service, with what it
//! includes (pam.conf(5), and Debian's `@include`).

mod control;
mod line;
mod modules;
mod reader;
mod walk;

use std::path::{Path, PathBuf};

use pam_app_passwd::arguments::Arguments;

pub(super) use control::{Action, Code, Control};
pub(super) use walk::Walk;

/// The module that this is all about.
pub(super) const OURS: &str = "pam_app_passwd.so";
/// What begins like this is meant to be it, also if it is misspelt.
const LIKE_OURS: &str = "pam_app_pass";

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Auth,
    Account,
    Password,
    Session,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Auth, Self::Account, Self::Password, Self::Session];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.as_str()))
    }
}

/// Where a line stands, as it is shown: `/etc/pam.d/imap:3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One step of a stack.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// How many substacks it stands in.
    pub(super) level: usize,
    pub(super) calls: Calls,
}

#[derive(Debug)]
pub(super) enum Calls {
    /// A module, by its file's name or path.
    Module {
        control: Control,
        path: String,
        arguments: Vec<String>,
    },
    /// Nothing: libpam cannot read the line, and takes it as a failure.
    Failure(Control),
    /// Nothing: here a substack begins.
    Substack,
}

impl Step {
    /// The file of the module that it calls, without the way to it.
    pub(super) fn module(&self) -> &str {
        base_name(self.path())
    }

    /// The module as it is named.
    pub(super) fn path(&self) -> &str {
        match &self.calls {
            Calls::Module { path, .. } => path,
            _ => "",
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        is_ours(self.module())
    }

    pub(super) fn words(&self) -> &[String] {
        match &self.calls {
            Calls::Module { arguments, .. } => arguments,
            _ => &[],
        }
    }

    /// What follows when the module answers with `code`.
    pub(super) fn action(&self, code: Code) -> Action {
        match &self.calls {
            Calls::Module { control, .. } | Calls::Failure(control) => control.action(code),
            Calls::Substack => Action::Ignore,
        }
    }

    /// The arguments of a line of ours.
    pub(super) fn our_arguments(&self) -> Arguments {
        Arguments::parse(self.words().to_vec())
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_ours(module: &str) -> bool {
    module.starts_with(LIKE_OURS)
}

/// All that a service asks, with what its file includes.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) steps: Vec<Step>,
    /// Whether a line names our module.
    pub(super) names_us: bool,
    /// The files that it includes.
    pub(super) includes: Vec<PathBuf>,
    /// Where libpam gives up, so that it refuses everybody.
    pub(super) unreadable: Option<Place>,
}

impl Service {
    /// Reads the file of that name. What it includes is looked for in each of `dirs`.
    pub(super) fn read(file: &Path, dirs: &[PathBuf]) -> std::io::Result<Self> {
        reader::read(file, dirs)
    }

    /// The steps of one kind.
    pub(super) fn stack(&self, kind: Kind) -> Vec<&Step> {
        self.steps.iter().filter(|step| step.kind == kind).collect()
    }
}
