// SPDX-License-Identifier: GPL-3.0-or-later
//! Puts a backup in the place of the store in use.
//!
//! The pages are written into the live file, by SQLite's backup API and in one step: a login sees
//! the old store or the new one, whatever kills us, and waits no longer than that takes. A rename
//! would destroy it, since the journal beside the file belongs to the old one.
//!
//! Four things are not as they were when the backup was taken. What was revoked since stays
//! revoked. What was disabled since stays disabled. Numbers that were given since are not given
//! again. And the restore is an event.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;

use super::connection::{self, schema_of};
use super::open::make_place;
use super::remains::Remains;
use super::snapshot::{Snapshot, step};
use super::{Contents, Store, error, kept, path_in, reserve, row};
use crate::audit::Line;
use crate::clock::Timestamp;
use crate::error::Error;

/// How long the locks may be waited for. Logins wait behind us meanwhile, so it is less than they
/// have patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a restore replaces.
pub enum Replaced {
    /// There is no store.
    Nothing,
    /// A store.
    Store(Box<Snapshot>),
    /// Something that is damaged or newer.
    Unreadable {
        /// Why it cannot be read.
        error: Error,
        /// Whether that concerns what was revoked or disabled, too.
        is_forgotten: bool,
    },
}

/// A restore that is prepared.
pub struct Restore {
    state_dir: PathBuf,
    path: PathBuf,
    /// What it replaces.
    pub old: Replaced,
    /// How much the backup holds.
    pub backup: Contents,
    new: Snapshot,
    /// How many entries of the backup have been revoked since, and stay so.
    pub still_revoked: usize,
    /// How many have been disabled since, and stay so.
    pub still_disabled: usize,
    /// Where the old state will be kept, if there is one.
    pub kept: Option<PathBuf>,
    remains: Remains,
    lines: Vec<Line>,
}

impl Restore {
    /// Reads both, and changes nothing yet.
    pub fn prepare(
        backup: &Path,
        state_dir: &Path,
        by: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let path = path_in(state_dir);
        let (old, remains) = Replaced::read(state_dir)?;
        let new = Snapshot::read(backup)?;
        let mut restore = Self {
            old,
            backup: new.contents()?,
            new,
            still_revoked: 0,
            still_disabled: 0,
            kept: None,
            remains,
            lines: Vec::new(),
            state_dir: state_dir.to_owned(),
            path,
        };
        if !matches!(restore.old, Replaced::Nothing) {
            restore.kept = Some(kept::free_name(&restore.path, now));
        }
        restore.adapt(by, now)?;
        Ok(restore)
    }

    /// Makes the backup what is to be put in place: with what must not be undone, and the event.
    fn adapt(&mut self, by: &str, now: Timestamp) -> Result<(), Error> {
        let mut change = self.new.change()?;
        // First, since the events that follow have numbers, too.
        change.never_give_again(&self.remains.numbers)?;
        self.still_revoked = change.revoke_again(&self.remains.revoked, by, now)?;
        self.still_disabled = change.disable_again(&self.remains.disabled, by, now)?;
        let kept = self.kept.as_deref().and_then(Path::file_name);
        let detail = format!(
            "entries={} still_revoked={} still_disabled={} old_state=\"{}\"",
            self.backup.entries,
            self.still_revoked,
            self.still_disabled,
            kept.unwrap_or_default().display(),
        );
        change.record_whole(now, by, "restored", &detail)?;
        self.lines = change.commit()?;
        Ok(())
    }

    /// Whether its entries are those of the store that it replaces, as far as it has them: the same
    /// numbers mean the same.
    pub fn is_of_same_store(&self) -> Result<bool, Error> {
        let old = self.remains.own_key.as_ref();
        let new = self.new.own_key()?.key;
        Ok(old.is_some_and(|old| old.bytes() == new.bytes()))
    }

    /// Does it, and returns what is said in the log. `None`: somebody has changed or restored the
    /// store since it was read, and nothing is done.
    pub fn finish(mut self) -> Result<Option<Vec<Line>>, Error> {
        make_place(&self.state_dir)?;
        if !self.keep_old()? {
            return Ok(None);
        }
        let done = self.put_in_place();
        if let Some(kept) = &self.kept
            && self.is_needless(kept, &done)
        {
            kept::remove(kept);
        }
        reserve::keep(&self.state_dir);
        Ok(done?.then_some(self.lines))
    }

    /// Keeps what is replaced, in a file beside it. `false`: another restore has taken the name.
    fn keep_old(&mut self) -> Result<bool, Error> {
        match (&mut self.old, &self.kept) {
            (Replaced::Store(old), Some(kept)) => kept::keep_snapshot(old, kept),
            (Replaced::Unreadable { .. }, Some(kept)) => kept::keep_file(&self.path, kept),
            _ => Ok(true),
        }
    }

    /// Whether what was to be replaced is in its place, or whoever was faster has kept it. After an
    /// error that has to be seen.
    fn is_needless(&self, kept: &Path, done: &Result<bool, Error>) -> bool {
        match (done, &self.old) {
            (Ok(true), _) | (_, Replaced::Nothing) => false,
            (Ok(false) | Err(Error::Busy(_)), _) => true,
            (_, Replaced::Unreadable { .. }) => kept::is_same(&self.path, kept),
            (_, Replaced::Store(old)) => match Store::open_to_read(&self.state_dir) {
                Ok(Some(live)) => {
                    let last = |store: &Store| last_event(&store.connection).ok();
                    last(&live) == last(old)
                }
                _ => false,
            },
        }
    }

    /// `false`: somebody has changed the store since it was read.
    fn put_in_place(&self) -> Result<bool, Error> {
        let failed = |e| error(&self.path, e);
        let seen = match &self.old {
            Replaced::Nothing => Some(0),
            Replaced::Store(old) => Some(last_event(&old.connection).map_err(failed)?),
            Replaced::Unreadable { .. } => None,
        };
        replace(&self.path, &self.new.connection, seen).map_err(failed)
    }
}

/// Every change has its event, so the number of the last one tells whether there was another.
fn replace(path: &Path, new: &Connection, seen: Option<i64>) -> rusqlite::Result<bool> {
    let mut live = connection::open(path, PATIENCE)?;
    if seen.is_none() {
        // What is there is no database. It is taken for an empty one.
        live.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    }
    live.execute_batch("PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL;")?;
    let backup = Backup::new(new, &mut live)?;
    step(&backup, 0)?; // takes the exclusive lock, and writes nothing
    if let Some(seen) = seen
        && last_event(&connection::read_behind_own_lock(path)?)? != seen
    {
        return Ok(false);
    }
    step(&backup, -1)?;
    Ok(true)
}

impl Replaced {
    /// What there is, and what of it must not be undone.
    fn read(state_dir: &Path) -> Result<(Self, Remains), Error> {
        let store = match Store::open_to_read(state_dir) {
            Ok(None) => return Ok((Self::Nothing, Remains::default())),
            Ok(Some(store)) => store.snapshot(),
            Err(error) => Err(error),
        };
        match store {
            Ok(old) => {
                let remains = Remains::of(&old.connection).map_err(|e| error(&old.path, e))?;
                Ok((Self::Store(Box::new(old)), remains))
            }
            Err(error @ (Error::Store { .. } | Error::NewerStore { .. })) => {
                let remains = Remains::salvage(&path_in(state_dir), PATIENCE);
                let is_forgotten = remains.is_less;
                Ok((
                    Self::Unreadable {
                        error,
                        is_forgotten,
                    },
                    remains,
                ))
            }
            Err(error) => Err(error),
        }
    }
}

/// The number of the last event; 0: there is no store, or nothing has happened in it.
fn last_event(connection: &Connection) -> rusqlite::Result<i64> {
    if schema_of(connection)? == 0 {
        return Ok(0);
    }
    row::last_number(connection, "event")
}
