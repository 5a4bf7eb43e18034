// SPDX-License-Identifier: GPL-3.0-or-later
//! The credentials: `store.db`, an SQLite file that only root opens. One file is the whole truth
//! to protect and to back up.
//!
//! Rollback journal with `journal_mode=PERSIST` and `synchronous=FULL`: what was acknowledged
//! survives a power cut, a read-only mount can be read, and the journal's room on the disk is there
//! before the disk is full. The store decides nothing: no policy, no clock.
//!
//! SQLite is named in this file, its submodules, and `usage.rs`.

mod change;
mod check;
pub(crate) mod connection;
mod event;
mod kept;
mod look;
mod open;
mod pages;
mod remains;
mod reserve;
mod restore;
mod row;
mod snapshot;
mod whole;

use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, Transaction, TransactionBehavior};

use crate::credential::{Credential, CredentialId, UserName};
use crate::error::Error;
use crate::hash::{Hash, HashError, Key, Proof};
pub use change::{Change, NewCredential};
use connection::{Database, schema_of};
pub use event::Event;
pub use kept::LeftBehind;
pub use look::Look;
use open::check_schema;
pub use pages::Pages;
pub use restore::{Replaced, Restore};
pub use snapshot::Snapshot;
pub use whole::{Contents, WholeEntry};

/// An open store.
pub struct Store {
    path: PathBuf,
    connection: Database,
}

/// A key and its number.
pub struct NumberedKey {
    /// Its number.
    pub id: i64,
    /// The key.
    pub key: Key,
}

/// Entries, and what is wrong with those that cannot be read.
#[derive(Default)]
pub struct Entries {
    /// In the order in which they were made.
    pub sound: Vec<Credential>,
    /// Those that no version of this program wrote.
    pub damaged: Vec<Damaged>,
}

/// An entry that cannot be read.
pub struct Damaged {
    /// Why.
    pub error: Error,
    /// It is not revoked.
    pub is_live: bool,
}

/// The rows of a user that a password might belong to, under one key.
pub struct Candidates {
    /// The key.
    pub key: Key,
    /// What it makes of the password.
    pub proof: Proof,
    /// The entries with its tag: usually none or one.
    pub rows: Vec<(Credential, Hash)>,
}

impl Store {
    /// The user's rows with the password's tag, for each key. One consistent look, and the lock is
    /// given back before anything is hashed. The second value says whether the user has, or had,
    /// any entry.
    pub fn find(
        &mut self,
        user: &UserName,
        proof_of: impl Fn(&Key) -> Result<Proof, HashError>,
    ) -> Result<(Vec<Candidates>, bool), Error> {
        let Look { transaction, path } = self.look()?;
        let failed = |e| error(&path, e);
        let mut found = Vec::new();
        for NumberedKey { id, key } in row::keys(&transaction).map_err(failed)? {
            let proof = proof_of(&key)?;
            let rows = row::with_tag(&transaction, &path, user, id, proof.tag())?;
            found.push(Candidates { key, proof, rows });
        }
        let is_known = found.iter().any(|candidates| !candidates.rows.is_empty())
            || row::is_known(&transaction, user).map_err(failed)?;
        Ok((found, is_known))
    }

    /// All keys, the store's own first.
    pub fn keys(&self) -> Result<Vec<NumberedKey>, Error> {
        row::keys(&self.connection).map_err(|e| self.error(e))
    }

    /// The key that new entries are made with: the store's own.
    pub fn own_key(&self) -> Result<NumberedKey, Error> {
        let mut keys = self.keys()?;
        if keys.is_empty() {
            return Err(self.error(rusqlite::Error::QueryReturnedNoRows));
        }
        Ok(keys.swap_remove(0))
    }

    /// The entry of this number.
    pub fn entry(&mut self, id: CredentialId) -> Result<Option<Credential>, Error> {
        self.look()?.entry(id)
    }

    /// The entries of one user or of all, in the order in which they were made.
    pub fn entries(&self, user: Option<&UserName>) -> Result<Entries, Error> {
        row::entries(&self.connection, &self.path, user)
    }

    /// The users with live entries whom the system knew when these were made.
    pub fn accounts(&self) -> Result<Vec<UserName>, Error> {
        row::accounts(&self.connection, &self.path)
    }

    /// Begins a change. Nobody else changes anything until it is committed or dropped.
    pub fn change(&mut self) -> Result<Change<'_>, Error> {
        let path = self.path.clone();
        let transaction = self.begin(TransactionBehavior::Immediate)?;
        Ok(Change::new(Look { transaction, path }))
    }

    /// Whether room is kept for revoking on a full disk.
    pub fn has_reserve(&self) -> bool {
        self.path.parent().is_some_and(reserve::is_kept)
    }

    /// Gives up the room that is kept for revoking, so that it can be tried again. `false`: there was
    /// none.
    pub fn make_room(&self) -> bool {
        self.path.parent().is_some_and(reserve::spend)
    }

    /// One consistent look at a store whose schema is known. It waits for a writer once, at most.
    pub fn look(&mut self) -> Result<Look<'_>, Error> {
        let path = self.path.clone();
        let transaction = self.begin(TransactionBehavior::Deferred)?;
        let version = schema_of(&transaction).map_err(|e| error(&path, e))?;
        check_schema(&path, version)?;
        if version == 0 {
            Err(Error::NoStore(path))
        } else {
            Ok(Look { transaction, path })
        }
    }

    fn begin(&mut self, behavior: TransactionBehavior) -> Result<Transaction<'_>, Error> {
        let path = &self.path;
        self.connection
            .transaction_with_behavior(behavior)
            .map_err(|e| error(path, e))
    }

    fn version(&self) -> Result<i64, Error> {
        schema_of(&self.connection).map_err(|e| self.error(e))
    }

    fn batch(&self, sql: &str) -> Result<(), Error> {
        self.connection
            .execute_batch(sql)
            .map_err(|e| self.error(e))
    }

    fn error(&self, source: rusqlite::Error) -> Error {
        error(&self.path, source)
    }
}

/// Where the store is.
pub fn path_in(state_dir: &Path) -> PathBuf {
    state_dir.join("store.db")
}

/// A new file or directory must survive a power cut as what is in it does.
fn sync_parent(dir: &Path) -> Result<(), Error> {
    let Some(parent) = dir.parent() else {
        return Ok(());
    };
    let synced = std::fs::File::open(parent).and_then(|file| file.sync_all());
    synced.map_err(|e| Error::io(parent, e))
}

fn error(path: &Path, source: rusqlite::Error) -> Error {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(path.to_owned()),
        Some(ErrorCode::DiskFull) => Error::Full(path.to_owned()),
        Some(ErrorCode::ReadOnly) => Error::ReadOnly(path.to_owned()),
        _ => Error::Store {
            path: path.to_owned(),
            source: Box::new(source),
        },
    }
}
