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

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;

use super::connection::{self, schema_of};
use super::open::make_place;
use super::snapshot::{PARTIAL, Snapshot, step};
use super::{Contents, Store, error, path_in, reserve, row, sync_parent};
use crate::audit::Line;
use crate::clock::Timestamp;
use crate::error::Error;

/// How long the locks may be waited for. Logins wait behind us meanwhile, so it is less than they
/// have patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an old state has behind the name of the store, before the time.
const KEPT: &str = "before-restore-";

/// What restores have left beside the store. Each of these files holds a key.
pub struct LeftBehind {
    /// Old states, which they have kept.
    pub kept: Vec<PathBuf>,
    /// What one that was killed has not finished.
    pub unfinished: Vec<PathBuf>,
}

impl LeftBehind {
    /// Looks for it. A directory that cannot be read has nothing.
    pub fn find(state_dir: &Path) -> Self {
        let files = fs::read_dir(state_dir).into_iter().flatten().flatten();
        let ending = |path: &PathBuf| {
            path.extension()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let (unfinished, mut kept): (Vec<_>, Vec<_>) = files
            .map(|file| file.path())
            .partition(|path| ending(path) == PARTIAL);
        // Of one that could not be read, the journal is kept, too.
        kept.retain(|path| ending(path).starts_with(KEPT) && !ending(path).ends_with("-journal"));
        Self { kept, unfinished }
    }
}

/// What a restore replaces.
pub enum Replaced {
    /// There is no store.
    Nothing,
    /// A store.
    Store(Box<Snapshot>),
    /// Something that cannot be read, for this reason.
    Unreadable(Error),
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
        let old = Replaced::read(state_dir)?;
        let new = Snapshot::read(backup)?;
        let mut restore = Self {
            old,
            backup: new.contents()?,
            new,
            still_revoked: 0,
            still_disabled: 0,
            kept: None,
            lines: Vec::new(),
            state_dir: state_dir.to_owned(),
            path,
        };
        if !matches!(restore.old, Replaced::Nothing) {
            restore.kept = Some(free_name(&restore.path, now));
        }
        restore.adapt(by, now)?;
        Ok(restore)
    }

    /// Makes the backup what is to be put in place: with what must not be undone, and the event.
    fn adapt(&mut self, by: &str, now: Timestamp) -> Result<(), Error> {
        let mut change = self.new.change()?;
        if let Replaced::Store(old) = &self.old {
            let failed = |e| error(&old.path, e);
            // First, since the events that follow have numbers, too.
            let given = row::last_numbers(&old.connection).map_err(failed)?;
            change.never_give_again(&given)?;
            let revoked = row::tombstones(&old.connection).map_err(failed)?;
            self.still_revoked = change.revoke_again(&revoked, by, now)?;
            let disabled = row::disabled(&old.connection).map_err(failed)?;
            self.still_disabled = change.disable_again(&disabled, by, now)?;
        }
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

    /// Does it, and returns what is said in the log. `None`: somebody has changed the store since
    /// it was read, and nothing is done.
    pub fn finish(mut self) -> Result<Option<Vec<Line>>, Error> {
        make_place(&self.state_dir)?;
        self.keep_old()?;
        let done = self.put_in_place();
        if let (Ok(false) | Err(Error::Busy(_)), Some(kept)) = (&done, &self.kept) {
            let _ = fs::remove_file(kept); // it is still in its place
        }
        reserve::keep(&self.state_dir);
        Ok(done?.then_some(self.lines))
    }

    /// Keeps what is replaced, in a file beside it.
    fn keep_old(&mut self) -> Result<(), Error> {
        match (&mut self.old, &self.kept) {
            (Replaced::Store(old), Some(kept)) => old.write(kept),
            (Replaced::Unreadable(_), Some(kept)) => {
                copy_file(&self.path, kept)?;
                copy_file(&journal_of(&self.path), &journal_of(kept))
            }
            _ => Ok(()),
        }
    }

    /// `false`: somebody has changed the store since it was read.
    fn put_in_place(&self) -> Result<bool, Error> {
        let failed = |e| error(&self.path, e);
        let seen = match &self.old {
            Replaced::Nothing => Some(0),
            Replaced::Store(old) => Some(last_event(&old.connection).map_err(failed)?),
            Replaced::Unreadable(_) => None,
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
    fn read(state_dir: &Path) -> Result<Self, Error> {
        let store = match Store::open_to_read(state_dir) {
            Ok(None) => return Ok(Self::Nothing),
            Ok(Some(store)) => store.snapshot(),
            Err(error) => Err(error),
        };
        match store {
            Ok(old) => Ok(Self::Store(Box::new(old))),
            Err(error @ (Error::Store { .. } | Error::NewerStore { .. })) => {
                Ok(Self::Unreadable(error))
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
    let numbers = row::last_numbers(connection)?;
    let event = numbers.iter().find(|(table, _)| table == "event");
    Ok(event.map_or(0, |(_, number)| *number))
}

/// `store.db.before-restore-20261120T090000Z`, and so on if there was one in the same second.
fn free_name(path: &Path, now: Timestamp) -> PathBuf {
    let stamp = jiff::Timestamp::from_second(now.seconds()).unwrap_or_default();
    let stamp = format!(".{KEPT}{}", stamp.strftime("%Y%m%dT%H%M%SZ"));
    let first = with(path, &stamp);
    let others = (2..).map(|count| with(path, &format!("{stamp}-{count}")));
    let mut names = std::iter::once(first).chain(others);
    names.find(|name| !name.exists()).unwrap_or_default()
}

fn journal_of(path: &Path) -> PathBuf {
    with(path, "-journal")
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Copies a file as it is, if there is one. Only while this process has no database open: to close
/// any file gives up all locks on it.
fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    let mut from = match File::open(from) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io(from, e)),
    };
    let copied = connection::make_new_file(to).and_then(|mut copy| {
        io::copy(&mut from, &mut copy)?;
        copy.sync_all()
    });
    copied.map_err(|e| Error::io(to, e))?;
    sync_parent(to)
}
