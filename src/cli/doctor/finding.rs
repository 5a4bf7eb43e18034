// SPDX-License-Identifier: GPL-3.0-or-later
//! What a check has found.

use serde::{Serialize, Serializer};

use crate::cli::failure::Failure;

/// What is looked at: a closed list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Configuration,
    Commands,
    Files,
    Store,
    Usage,
    Clock,
    Accounts,
    Disk,
    Protected,
    Helper,
    SelfService,
    Stack,
    Module,
    Cache,
}

impl Check {
    /// Its word, which scripts rely on.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Commands => "commands",
            Self::Files => "files",
            Self::Store => "store",
            Self::Usage => "usage",
            Self::Clock => "clock",
            Self::Accounts => "accounts",
            Self::Disk => "disk",
            Self::Protected => "protected",
            Self::Helper => "helper",
            Self::SelfService => "self-service",
            Self::Stack => "stack",
            Self::Module => "module",
            Self::Cache => "cache",
        }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a check has found. Names and order are a promise.
#[derive(Serialize)]
pub(super) struct Finding {
    pub(super) check: Check,
    pub(super) ok: bool,
    pub(super) what: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    /// Something that was looked at and is as it should be.
    pub(super) fn ok(check: Check, what: impl Into<String>) -> Self {
        Self {
            check,
            ok: true,
            what: what.into(),
            hint: None,
        }
    }

    /// Something that is wrong, and what to do about it.
    pub(super) fn wrong(check: Check, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            check,
            ok: false,
            what: what.into(),
            hint: Some(hint.into()),
        }
    }

    /// What keeps us from answering, as any verb would say it.
    pub(super) fn error(check: Check, error: impl Into<Failure>) -> Self {
        let Failure { message, hint, .. } = error.into();
        let hint = hint.unwrap_or_else(|| "look there, and into the log of the system".to_owned());
        Self::wrong(check, message, hint)
    }
}
