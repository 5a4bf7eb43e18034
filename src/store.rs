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
mod open;
mod reserve;
mod restore;
mod row;
mod snapshot;
mod whole;

use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, Transaction, TransactionBehavior};

use crate::audit::Line;
use crate::credential::{Credential, CredentialId, Label, Revocation, UserName};
use crate::error::Error;
use crate::hash::{Hash, HashError, Key, Proof};
pub use change::{Change, NewCredential};
use connection::{Database, schema_of};
pub use event::Event;
use open::check_schema;
pub use restore::{LeftBehind, Replaced, Restore};
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
    /// One error for each entry that no version of this program wrote.
    pub damaged: Vec<Error>,
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
        let path = self.path.clone();
        let failed = |e| error(&path, e);
        let transaction = self.look()?;
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
        Ok(self.entries_of_numbers([id])?.into_iter().next())
    }

    /// The entries of these numbers, as far as there are any.
    pub fn entries_of_numbers(
        &mut self,
        ids: impl IntoIterator<Item = CredentialId>,
    ) -> Result<Vec<Credential>, Error> {
        let path = self.path.clone();
        let look = self.look()?;
        let mut entries = Vec::new();
        for id in ids {
            entries.extend(row::select(&look, &path, "id = ?1", [id.0])?);
        }
        Ok(entries)
    }

    /// The entries of one user or of all, in the order in which they were made.
    pub fn entries(&self, user: Option<&UserName>) -> Result<Entries, Error> {
        // Two conditions, since one for both could not use the index.
        let condition = match user {
            Some(_) => "user = ?1",
            None => "?1 IS NULL",
        };
        let user = user.map(UserName::as_str);
        row::select_sound(&self.connection, &self.path, condition, [user])
    }

    /// The user's entries that are not revoked.
    pub fn live(&self, user: &UserName) -> Result<Entries, Error> {
        row::live(&self.connection, &self.path, user)
    }

    /// The users with live entries whom the system knew when these were made.
    pub fn accounts(&self) -> Result<Vec<UserName>, Error> {
        row::accounts(&self.connection, &self.path)
    }

    /// The user's live entries that were made while the system knew the user.
    pub fn entries_of_account(&self, user: &UserName) -> Result<Entries, Error> {
        let condition = "user = ?1 AND revoked_at IS NULL AND NOT virtual";
        row::select_sound(&self.connection, &self.path, condition, [user.as_str()])
    }

    /// The user's entries of this label: live ones first, the one without a successor before a
    /// predecessor; then revoked ones.
    pub fn labelled(&self, user: &UserName, label: &Label) -> Result<Vec<Credential>, Error> {
        let mut entries = row::select(
            &self.connection,
            &self.path,
            "user = ?1 AND label = ?2",
            [user.as_str(), label.as_str()],
        )?;
        entries.sort_by_key(|entry| {
            (
                entry.revoked.is_some(),
                entry.replaced_by.is_some(),
                -entry.id.0,
            )
        });
        Ok(entries)
    }

    /// Begins a change. Nobody else changes anything until it is committed or dropped.
    pub fn change(&mut self) -> Result<Change<'_>, Error> {
        let path = self.path.clone();
        Ok(Change::new(
            self.begin(TransactionBehavior::Immediate)?,
            path,
        ))
    }

    /// Whether room is kept for revoking on a full disk.
    pub fn has_reserve(&self) -> bool {
        self.path.parent().is_some_and(reserve::is_kept)
    }

    /// Revokes what is not revoked yet, and whatever else is left of `whole`, in one transaction. The
    /// lines say in the log what has happened.
    pub fn revoke(
        &mut self,
        entries: &[Credential],
        whole: Option<&UserName>,
        revocation: &Revocation,
    ) -> Result<Vec<Line>, Error> {
        self.even_on_a_full_disk(|store| store.try_revoke(entries, whole, revocation))
    }

    fn try_revoke(
        &mut self,
        entries: &[Credential],
        whole: Option<&UserName>,
        revocation: &Revocation,
    ) -> Result<Vec<Line>, Error> {
        let mut change = self.change()?;
        for entry in entries.iter().filter(|entry| entry.revoked.is_none()) {
            change.revoke(entry, revocation)?;
        }
        if let Some(user) = whole {
            change.revoke_rest(user, revocation)?;
        }
        change.commit()
    }

    /// Makes a change that revokes. On a disk that has no room left, of whatever kind, in the room that
    /// is kept for it.
    pub fn even_on_a_full_disk<T>(
        &mut self,
        change: impl Fn(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match change(self) {
            Err(Error::Full(_) | Error::Store { .. }) if self.spend_reserve() => change(self),
            tried => tried,
        }
    }

    fn spend_reserve(&self) -> bool {
        self.path.parent().is_some_and(reserve::spend)
    }

    /// One consistent look at a store whose schema is known. It waits for a writer once, at most.
    fn look(&mut self) -> Result<Transaction<'_>, Error> {
        let path = self.path.clone();
        let transaction = self.begin(TransactionBehavior::Deferred)?;
        let version = schema_of(&transaction).map_err(|e| error(&path, e))?;
        check_schema(&path, version)?;
        if version == 0 {
            Err(Error::NoStore(path))
        } else {
            Ok(transaction)
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
