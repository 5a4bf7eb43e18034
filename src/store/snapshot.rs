// SPDX-License-Identifier: GPL-3.0-or-later
//! A whole store in memory: what a backup is written from, and what a restore puts in place.
//!
//! It is copied from the store in use by SQLite's backup API, in one step: a consistent look like any
//! other, which keeps no login waiting.
//!
//! Backups are read and written as bytes, and never opened as databases: in a directory like `/tmp`
//! somebody else could have put a journal beside one, which SQLite would roll back into it.

use std::fs;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, MAIN_DB, ffi};
use rustix::io::Errno;

use super::connection::{self, LARGEST_FILE};
use super::open::{check_schema, require_own_rights};
use super::{Store, error, sync_parent};
use crate::error::Error;
use crate::trust;

/// What the name of a file ends with that is not complete yet.
pub(super) const PARTIAL: &str = "partial";

/// A whole store in memory. Changes of it stay there.
pub struct Snapshot(Store);

impl Deref for Snapshot {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut Store {
        &mut self.0
    }
}

impl Store {
    /// A copy of all that the store holds, if its file is sound.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Snapshot::copied(&self.connection, &self.path)
    }
}

impl Snapshot {
    /// Reads a backup, and brings it up to date. What is damaged in the least is refused: what is
    /// restored has to be worth more than what it replaces.
    pub fn read(file: &Path) -> Result<Self, Error> {
        require_own_rights()?;
        let mut snapshot = Self::of_file(file)?;
        let version = snapshot.version()?;
        check_schema(file, version)?;
        if version == 0 {
            return Err(unsound(file, "not a store of app-passwd"));
        }
        snapshot.migrate(None)?;
        snapshot.check_rows()?;
        Ok(snapshot)
    }

    fn of_file(file: &Path) -> Result<Self, Error> {
        let bytes = trust::read(file, LARGEST_FILE)?;
        let bytes = bytes.ok_or_else(|| Error::io(file, Errno::NOENT))?;
        let failed = |e| error(file, e);
        let mut backup = connection::in_memory().map_err(failed)?;
        let read = backup.deserialize_read_exact(MAIN_DB, bytes.as_slice(), bytes.len(), true);
        read.map_err(failed)?;
        Self::copied(&backup, file)
    }

    /// Writes it into a file. Under that name stands what was there before, or all of it.
    pub fn write(&mut self, file: &Path) -> Result<(), Error> {
        self.write_by(file, |partial| fs::rename(partial, file))?;
        sync_parent(file)
    }

    /// The same, where there is no file of that name. One that is there stays, and is the error; one
    /// that fails does not.
    pub(super) fn write_beside(&mut self, file: &Path) -> Result<(), Error> {
        self.write_by(file, |partial| fs::hard_link(partial, file))?;
        let durable = sync_parent(file);
        if durable.is_err() {
            let _ = fs::remove_file(file);
        }
        durable
    }

    /// Written under another name, it is complete when `place` gives it its own.
    fn write_by(
        &mut self,
        file: &Path,
        place: impl Fn(&Path) -> io::Result<()>,
    ) -> Result<(), Error> {
        let partial = connection::beside(file, &format!(".{}.{PARTIAL}", std::process::id()));
        self.write_new(&partial)?;
        let placed = place(&partial);
        let _ = fs::remove_file(&partial); // it holds a key; a rename has left none
        placed.map_err(|e| Error::io(file, e))
    }

    /// Writes it into a file that is not there yet, and reads it back. One that fails does not stay.
    fn write_new(&mut self, file: &Path) -> Result<(), Error> {
        let failed = |e| error(file, e);
        let bytes = self.0.connection.serialize(MAIN_DB).map_err(failed)?;
        let mut made = connection::make_new_file(file).map_err(|e| Error::io(file, e))?;
        let written = made.write_all(&bytes).and_then(|()| made.sync_all());
        let written = written.map_err(|e| Error::io(file, e));
        let sound = written.and_then(|()| Self::of_file(file));
        if sound.is_err() {
            // What keeps us from writing may keep us from removing, and the error says it all.
            let _ = fs::remove_file(file);
        }
        sound.map(drop)
    }

    /// Whether every row is one that a version of this program wrote.
    pub fn check_rows(&mut self) -> Result<(), Error> {
        self.0.whole(None).map(drop)
    }

    fn copied(from: &Connection, path: &Path) -> Result<Self, Error> {
        let failed = |e| error(path, e);
        let mut memory = connection::in_memory().map_err(failed)?;
        copy(from, &mut memory).map_err(failed)?;
        check_pages(&memory, path)?;
        memory
            .execute_batch("PRAGMA foreign_keys = ON;")
            .map_err(failed)?;
        Ok(Self(Store {
            path: path.to_owned(),
            connection: memory,
        }))
    }
}

/// What SQLite itself finds wrong with the file.
fn check_pages(database: &Connection, path: &Path) -> Result<(), Error> {
    let problems = |pragma| connection::problems(database, pragma).map_err(|e| error(path, e));
    if let Some(found) = problems("integrity_check(1)")?.first() {
        return Err(unsound(path, found.lines().last().unwrap_or_default()));
    }
    match problems("foreign_key_check")?.is_empty() {
        true => Ok(()),
        false => Err(unsound(path, "an entry names a key that is not there")),
    }
}

fn unsound(path: &Path, what: &str) -> Error {
    Error::Store {
        path: path.to_owned(),
        source: what.into(),
    }
}

fn copy(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    step(&Backup::new(from, to)?, -1)
}

/// Copies so many pages; all, if it is -1.
pub(super) fn step(backup: &Backup<'_, '_>, pages: i32) -> rusqlite::Result<()> {
    match backup.step(pages)? {
        StepResult::Done | StepResult::More => Ok(()),
        _ => {
            let busy = ffi::Error {
                code: ErrorCode::DatabaseBusy,
                extended_code: ffi::SQLITE_BUSY,
            };
            Err(rusqlite::Error::SqliteFailure(busy, None))
        }
    }
}
