// SPDX-License-Identifier: GPL-3.0-or-later
//! What keeps us from answering: with the path, and with the remedy where there is one. A wrong
//! password is not an error.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::credential::CredentialId;
use crate::hash::HashError;

/// The cause of an error, whatever crate it comes from.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What keeps us from answering.
#[derive(Debug, Error)]
pub enum Error {
    /// The configuration says what it must not.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong, in one line.
        message: String,
    },
    /// A file that others could have written or can read.
    #[error("{}: {problem}", path.display())]
    Untrusted {
        /// The step of the path that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do about it.
        remedy: String,
    },
    /// A file cannot be read or made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no store yet.
    #[error("{}: there is no store", .0.display())]
    NoStore(PathBuf),
    /// The store was written by a later version.
    #[error("{}: schema {found} is newer than this program, which knows up to {known}", path.display())]
    NewerStore {
        /// The store.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Another process holds the lock for too long.
    #[error("{}: the store is busy", .0.display())]
    Busy(PathBuf),
    /// Another store was restored since its key was read.
    #[error("{}: the store was replaced meanwhile", .0.display())]
    StoreReplaced(PathBuf),
    /// There is no room left for a change.
    #[error("{}: the disk is full", .0.display())]
    Full(PathBuf),
    /// Nothing can be written where the store is.
    #[error("{}: the store can only be read", .0.display())]
    ReadOnly(PathBuf),
    /// SQLite cannot read or write the store.
    #[error("{}: {source}", path.display())]
    Store {
        /// The store.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// A row says what no version of this program wrote.
    #[error("{}: entry {entry}: {what}", path.display())]
    DamagedEntry {
        /// The store.
        path: PathBuf,
        /// The entry.
        entry: CredentialId,
        /// What is wrong.
        what: String,
    },
    /// A hash cannot be computed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The system gives no random numbers.
    #[error("no random numbers: {0}")]
    Random(Cause),
    /// This process runs with somebody else's rights, as su, sudo and passwd do: the person who
    /// started it could stop it while it holds a lock.
    #[error("a process of uid {real} with the rights of uid {effective} does not open the store")]
    OtherRights {
        /// Who started it.
        real: u32,
        /// Whose rights it has.
        effective: u32,
    },
    /// The helper cannot be reached.
    #[error("{}: {source}", path.display())]
    NoHelper {
        /// Its socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The helper cannot answer.
    #[error("the helper says: {message}")]
    Helper {
        /// What keeps it from answering.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Error {
    /// A file cannot be read or made.
    pub fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io {
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// A row says what no version of this program wrote.
    pub fn damaged(path: &Path, entry: CredentialId, what: impl Display) -> Self {
        Self::DamagedEntry {
            path: path.to_owned(),
            entry,
            what: what.to_string(),
        }
    }

    /// Whether this process lacks a right that another may have.
    pub fn is_not_permitted(&self) -> bool {
        match self {
            Self::OtherRights { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Whether a change may have failed for want of room on the disk, of whatever kind.
    pub const fn may_want_room(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Store { .. })
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Untrusted { remedy, .. } => remedy.clone(),
            Self::NoStore(_) => "begin with 'app-passwd create USER --label LABEL'".to_owned(),
            Self::NewerStore { .. } => {
                "install the version of app-passwd that wrote it, and restart the daemons that use the module"
                    .to_owned()
            }
            Self::Busy(_) => "try again when the process that holds it is done".to_owned(),
            Self::Io { .. } | Self::OtherRights { .. } if self.is_not_permitted() => {
                "be root".to_owned()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "make the directory that holds it, owned by root".to_owned()
            }
            Self::Store { .. } | Self::DamagedEntry { .. } => {
                "if it goes on, put back a backup: app-passwd restore FILE".to_owned()
            }
            Self::Configuration { .. } => "mend that line; the manual of the configuration has every key".to_owned(),
            Self::ReadOnly(_) => {
                "its file system is read-only, the file is immutable, or may not grow (ulimit -f); nothing was changed"
                    .to_owned()
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                "mount it read-write; nothing was changed".to_owned()
            }
            Self::StoreReplaced(_) => "nothing was changed; do it again".to_owned(),
            Self::Full(_) => "free some space on it; nothing was changed".to_owned(),
            Self::NoHelper { .. } => {
                "a host that is not root needs the helper: systemctl enable --now app-passwd.socket, or run 'app-passwd serve'"
                    .to_owned()
            }
            Self::Helper { hint, .. } => return hint.clone(),
            _ => return None,
        };
        Some(hint)
    }
}
