// SPDX-License-Identifier: GPL-3.0-or-later
//! Exit codes, and how an error is said: one line, and a hint where there is a remedy.

use std::iter;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use pam_app_passwd::credential::NameError;
use pam_app_passwd::error::Error;
use pam_app_passwd::hash::HashError;

use super::output;

/// The exit codes, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Done; `check`: accepted.
    Done = 0,
    /// Failed; `check`: refused.
    Failed = 1,
    /// Usage, a malformed label, network, time or user, or cancelled.
    Usage = 2,
    /// No such entry.
    NoSuchEntry = 3,
    /// Refused by policy: limit, duplicate label, unknown user, revoked entry.
    Policy = 4,
    /// The store or the configuration cannot be used, or not by this user.
    Unusable = 5,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a verb was not done.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// A full disk may be why.
    pub(super) may_want_room: bool,
    /// It is about the store or the configuration, whose remedy is root's.
    pub(super) is_for_root: bool,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            may_want_room: false,
            is_for_root: false,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Says where it is wrong.
    pub(super) fn at(self, place: &str) -> Self {
        Self {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }

    /// One line, and another where there is a remedy.
    pub(super) fn lines(&self) -> Vec<String> {
        let error = format!("app-passwd: error: {}", self.message);
        let hint = self.hint.iter().map(|hint| format!("hint: {hint}"));
        iter::once(error).chain(hint).collect()
    }

    pub(super) fn print(&self) {
        for line in self.lines() {
            output::say(&line);
        }
    }

    /// What account holders are told. What only root can mend, is said to root, in the helper's log.
    pub(super) fn told_to_holders(self) -> Self {
        if !self.is_for_root {
            return self;
        }
        self.print();
        let message = "app passwords cannot be reached at the moment";
        Self::new(Code::Unusable, message).hint("try again; if it stays so, tell the administrator")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let holder = match &error {
            Error::Busy(path) => holder(path),
            _ => None,
        };
        let failure = Self {
            may_want_room: error.may_want_room(),
            is_for_root: true,
            ..Self::new(Code::Unusable, error.to_string())
        };
        match holder.or_else(|| error.hint()) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        Error::from(error).into()
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        let failure = Self::new(Code::Usage, error.to_string());
        match error {
            NameError::NetworkHostBits(meant) => failure.hint(format!("did you mean {meant}?")),
            _ => failure,
        }
    }
}

/// Who holds a lock on the file, as the kernel lists it: `1: POSIX ADVISORY WRITE 4711
/// fe:00:131 ...`, the last three being the device, in hexadecimal, and the inode.
fn holder(path: &Path) -> Option<String> {
    let file = std::fs::metadata(path).ok()?;
    let (major, minor) = (rustix::fs::major(file.dev()), rustix::fs::minor(file.dev()));
    let file = format!("{major:02x}:{minor:02x}:{}", file.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        (*fields.get(5)? == file).then(|| fields.get(4).map(|pid| (*pid).to_owned()))?
    })?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(format!("it is held by process {pid} ({})", name.trim_end()))
}
