// SPDX-License-Identifier: GPL-3.0-or-later
//! How the store is opened: to be read as it is, or to be changed, which makes it and brings it up to
//! date.

use std::fs::{DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{TransactionBehavior, params};

use super::connection::{self, schema_of};
use super::{Store, error, path_in, reserve, sync_parent};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::hash::Key;
use crate::{random, trust};

/// How long a login waits for a writer.
const LOGIN_PATIENCE: Duration = Duration::from_secs(3);
/// How long the tool waits.
const TOOL_PATIENCE: Duration = Duration::from_secs(10);

/// What leads from each schema to the next; the first from nothing.
///
/// Who only reads takes whatever schema there is, so that a new module works before the tool has
/// brought the store up to date, and the tool where nothing can be written.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("schema-2.sql")];

/// The number of the schema that this program writes.
fn newest_schema() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

impl Store {
    /// Opens the store as a login does: only to read, and patient for three seconds.
    pub fn open_for_login(state_dir: &Path) -> Result<Self, Error> {
        let store = Self::open_to_query(state_dir, LOGIN_PATIENCE)?;
        store.ok_or_else(|| Error::NoStore(path_in(state_dir)))
    }

    /// Opens the store for what only reads. `None`: there is none yet.
    pub fn open_to_read(state_dir: &Path) -> Result<Option<Self>, Error> {
        match Self::open_to_query(state_dir, TOOL_PATIENCE)? {
            Some(store) if store.has_begun()? => Ok(Some(store)),
            _ => Ok(None),
        }
    }

    fn open_to_query(state_dir: &Path, patience: Duration) -> Result<Option<Self>, Error> {
        let store = Self::open_file(state_dir, patience)?;
        if let Some(store) = &store {
            // No pragma that reads the schema: it would lock the file once more, before the look.
            store.batch("PRAGMA query_only = ON;")?;
        }
        Ok(store)
    }

    /// Opens the store for what changes it. `None`: there is none yet.
    pub fn open(state_dir: &Path) -> Result<Option<Self>, Error> {
        Self::open_to_write(state_dir, TOOL_PATIENCE)
    }

    /// The same for a host that waits for the change, with the patience of a login.
    pub fn open_impatiently(state_dir: &Path) -> Result<Option<Self>, Error> {
        Self::open_to_write(state_dir, LOGIN_PATIENCE)
    }

    fn open_to_write(state_dir: &Path, patience: Duration) -> Result<Option<Self>, Error> {
        let Some(mut store) = Self::open_file(state_dir, patience)? else {
            return Ok(None);
        };
        store.prepare_to_write()?;
        if !store.has_begun()? {
            return Ok(None);
        }
        store.migrate(None)?;
        Ok(Some(store))
    }

    /// `false`: somebody's first `create` has not come further yet.
    fn has_begun(&self) -> Result<bool, Error> {
        let version = self.version()?;
        check_schema(&self.path, version)?;
        Ok(version > 0)
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
    pub(super) fn migrate(&mut self, first: Option<Timestamp>) -> Result<(), Error> {
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
}

pub(super) fn check_schema(path: &Path, found: i64) -> Result<(), Error> {
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

pub(super) fn require_own_rights() -> Result<(), Error> {
    let (real, effective) = (rustix::process::getuid(), rustix::process::geteuid());
    if real == effective {
        return Ok(());
    }
    Err(Error::OtherRights {
        real: real.as_raw(),
        effective: effective.as_raw(),
    })
}

/// Makes the file of the store, and its directory, where there are none.
pub(super) fn make_place(state_dir: &Path) -> Result<PathBuf, Error> {
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
