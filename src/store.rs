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
mod look;
mod reserve;
mod restore;
mod row;
mod snapshot;
mod whole;

use std::fs::{DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{ErrorCode, Transaction, TransactionBehavior, params};

use crate::clock::Timestamp;
use crate::credential::{Credential, CredentialId, UserName};
use crate::error::Error;
use crate::hash::{Hash, HashError, Key, Proof};
use crate::{random, trust};
pub use change::{Change, NewCredential};
use connection::{Database, schema_of};
pub use event::Event;
pub use look::Look;
pub use restore::{Replaced, Restore};
pub use snapshot::Snapshot;
pub use whole::{Contents, WholeEntry};

/// How long a login waits for a writer.
const LOGIN_PATIENCE: Duration = Duration::from_secs(3);
/// How long the tool waits.
const TOOL_PATIENCE: Duration = Duration::from_secs(10);

/// What leads from each schema to the next; the first from nothing.
///
/// A login reads whatever schema there is: what it needs stands in the first one, so that a new
/// module works before the tool has brought the store up to date.
const MIGRATIONS: &[&str] = &[
    include_str!("store/schema.sql"),
    include_str!("store/schema-2.sql"),
];

/// The number of the schema that this program writes.
fn newest_schema() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

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
    /// Opens the store as a login does: only to read, and patient for three seconds.
    pub fn open_for_login(state_dir: &Path) -> Result<Self, Error> {
        let Some(store) = Self::open_file(state_dir, LOGIN_PATIENCE)? else {
            return Err(Error::NoStore(path_in(state_dir)));
        };
        // PERSIST: who rolls back the journal of a killed writer keeps its room on the disk.
        store.batch("PRAGMA journal_mode = PERSIST; PRAGMA query_only = ON;")?;
        Ok(store)
    }

    /// Opens the store for the tool. `None`: there is none yet.
    pub fn open(state_dir: &Path) -> Result<Option<Self>, Error> {
        Self::open_to_write(state_dir, TOOL_PATIENCE)
    }

    /// The same for a change that a host waits for, with the patience of a login.
    pub fn open_impatiently(state_dir: &Path) -> Result<Option<Self>, Error> {
        Self::open_to_write(state_dir, LOGIN_PATIENCE)
    }

    fn open_to_write(state_dir: &Path, patience: Duration) -> Result<Option<Self>, Error> {
        let Some(mut store) = Self::open_file(state_dir, patience)? else {
            return Ok(None);
        };
        store.prepare_to_write()?;
        let version = store.version()?;
        check_schema(&store.path, version)?;
        if version == 0 {
            return Ok(None); // somebody's first `create` has not come further yet
        }
        store.migrate(None)?;
        Ok(Some(store))
    }

    /// Opens the store, and makes it if there is none. Two that do so at once make one store.
    pub fn open_or_create(state_dir: &Path, now: Timestamp) -> Result<Self, Error> {
        let path = make_place(state_dir)?;
        let Some(mut store) = Self::open_file(state_dir, TOOL_PATIENCE)? else {
            return Err(Error::NoStore(path));
        };
        store.prepare_to_write()?;
        store.migrate(Some(now))?;
        reserve::keep(state_dir);
        Ok(store)
    }

    fn open_file(state_dir: &Path, patience: Duration) -> Result<Option<Self>, Error> {
        require_own_rights()?;
        let path = path_in(state_dir);
        if !trust::state_directory(state_dir)? || !trust::state_file(&path)? {
            return Ok(None);
        }
        let connection = connection::open(&path, patience).map_err(|e| error(&path, e))?;
        Ok(Some(Self { path, connection }))
    }

    fn prepare_to_write(&self) -> Result<(), Error> {
        // cache_spill: the exclusive lock is taken for the commit only, so that a long change
        // keeps no login waiting.
        self.batch(
            "PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL;
             PRAGMA cache_spill = OFF; PRAGMA foreign_keys = ON;",
        )
    }

    /// Brings an older schema up to date. An empty file becomes a store if `first` says when.
    fn migrate(&mut self, first: Option<Timestamp>) -> Result<(), Error> {
        if self.version()? == newest_schema() {
            return Ok(());
        }
        let path = self.path.clone();
        let failed = |e| error(&path, e);
        let transaction = self.begin(TransactionBehavior::Immediate)?;
        let version = schema_of(&transaction).map_err(failed)?;
        check_schema(&path, version)?;
        let missing = usize::try_from(version).unwrap_or(usize::MAX);
        for migration in MIGRATIONS.iter().skip(missing) {
            transaction.execute_batch(migration).map_err(failed)?;
        }
        if let (0, Some(now)) = (version, first) {
            let secret = Key::new(random::bytes()?);
            transaction
                .execute(
                    "INSERT INTO key (secret, created) VALUES (?1, ?2)",
                    params![secret.bytes(), now.seconds()],
                )
                .map_err(failed)?;
        }
        transaction
            .pragma_update(None, "user_version", newest_schema())
            .map_err(failed)?;
        transaction.commit().map_err(failed)
    }

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
        let known = "SELECT EXISTS (SELECT 1 FROM credential WHERE user = ?1)";
        let known = transaction.query_row(known, [user.as_str()], |row| row.get(0));
        Ok((found, known.map_err(failed)?))
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

fn require_own_rights() -> Result<(), Error> {
    let (real, effective) = (rustix::process::getuid(), rustix::process::geteuid());
    if real == effective {
        return Ok(());
    }
    Err(Error::OtherRights {
        real: real.as_raw(),
        effective: effective.as_raw(),
    })
}

/// Where the store is.
pub fn path_in(state_dir: &Path) -> PathBuf {
    state_dir.join("store.db")
}

/// Makes the file of the store, and its directory, where there are none.
fn make_place(state_dir: &Path) -> Result<PathBuf, Error> {
    require_own_rights()?;
    if !trust::state_directory(state_dir)? {
        make_directory(state_dir)?;
    }
    let path = path_in(state_dir);
    connection::make_file(&path).map_err(|e| Error::io(&path, e))?;
    Ok(path)
}

fn make_directory(dir: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {
            // Whatever the umask.
            let mode = std::fs::set_permissions(dir, Permissions::from_mode(0o700));
            mode.map_err(|e| Error::io(dir, e))?;
            sync_parent(dir)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(Error::io(dir, e)),
    }
}

/// A new file or directory must survive a power cut as what is in it does.
fn sync_parent(dir: &Path) -> Result<(), Error> {
    let Some(parent) = dir.parent() else {
        return Ok(());
    };
    let synced = std::fs::File::open(parent).and_then(|file| file.sync_all());
    synced.map_err(|e| Error::io(parent, e))
}

fn check_schema(path: &Path, found: i64) -> Result<(), Error> {
    let known = newest_schema();
    if (0..=known).contains(&found) {
        return Ok(());
    }
    if found < 0 {
        let source = "not a store of app-passwd".into();
        return Err(Error::Store {
            path: path.to_owned(),
            source,
        });
    }
    Err(Error::NewerStore {
        path: path.to_owned(),
        found,
        known,
    })
}

fn error(path: &Path, source: rusqlite::Error) -> Error {
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy(path.to_owned()),
        Some(ErrorCode::DiskFull) => Error::Full(path.to_owned()),
        _ => Error::Store {
            path: path.to_owned(),
            source: Box::new(source),
        },
    }
}
