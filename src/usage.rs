// SPDX-License-Identifier: GPL-3.0-or-later
//! When and from where each entry was last used: `usage.db`, apart from the store so that a login
//! never takes the store's write lock, and never waits for the disk (`synchronous=OFF`).
//!
//! Best effort, always: nothing here fails a login or keeps it waiting. Notes are skipped when the
//! file is busy, read-only or of a newer version, and when the real uid is not 0: whoever started
//! such a process could stop it while it holds the lock. A damaged file is set aside and begun
//! anew.

mod all;
mod check;
mod forget;

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, MAIN_DB, OptionalExtension, TransactionBehavior, params};

use rustix::fs::OFlags;

use crate::clock::Timestamp;
use crate::credential::{Credential, CredentialId, ServiceName};
use crate::policy::Refusal;
use crate::store::connection::{self, Database, schema_of};
use crate::trust;
pub use all::AllNotes;
pub use check::{damage, set_aside_in};
pub use forget::forget;

/// A row is written at most this often, in seconds.
const EVERY: i64 = 60;
/// What leads from each schema to the next; the first from nothing.
const MIGRATIONS: [&str; 2] = [
    include_str!("usage/schema.sql"),
    include_str!("usage/schema-2.sql"),
];
const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// The notes, as a login takes them.
pub struct Usage {
    path: PathBuf,
    connection: Option<Database>,
    can_note: bool,
}

/// Something that happened to an entry: by which service and from where.
pub struct Occasion<'a> {
    /// The entry.
    pub entry: CredentialId,
    /// The service.
    pub service: &'a ServiceName,
    /// The address, or what the host said instead; `None`: it said nothing.
    pub origin: Option<String>,
    /// The uid of the host that asked.
    pub uid: u32,
    /// When.
    pub at: Timestamp,
}

/// What is noted about one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Its last use by whatever service; counted over all of them.
    pub used: Option<Note>,
    /// Its last refusal.
    pub refused: Option<Refused>,
}

/// The last refusal of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When, where and how often.
    pub note: Note,
    /// Why.
    pub reason: String,
    /// Since when it is refused for this reason.
    pub since: Timestamp,
}

/// When, where and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The last time.
    pub at: Timestamp,
    /// The service of the last time.
    pub service: String,
    /// The address of the last time.
    pub origin: Option<String>,
    /// The uid of the host that asked the last time.
    pub uid: u32,
    /// How many times were noted.
    pub count: i64,
}

impl Usage {
    /// Opens the notes, and begins them if there are none.
    pub fn open_for_login(state_dir: &Path, now: Timestamp) -> Self {
        let path = path_in(state_dir);
        let connection = open_or_repair(&path, now);
        let can_note = connection.as_ref().is_some_and(|notes| {
            rustix::process::getuid().is_root() && notes.is_readonly(MAIN_DB) == Ok(false)
        });
        Self {
            path,
            connection,
            can_note,
        }
    }

    /// Since when the entry has lain unused: the latest of its making, its last use and the
    /// beginning of the notes, so that lost notes expire nobody. `None`: there are no notes.
    pub fn unused_since(&mut self, entry: &Credential) -> Option<Timestamp> {
        let sql = "SELECT max((SELECT at FROM birth),
                              ifnull((SELECT max(at) FROM used WHERE entry = ?1), 0))";
        let noted = self.attempt(|notes| notes.query_row(sql, [entry.id.0], |row| row.get(0)))?;
        Some(Timestamp::from_seconds(noted).max(entry.created))
    }

    /// Notes a use.
    pub fn note_use(&mut self, occasion: Occasion<'_>) {
        let Occasion {
            entry,
            service,
            origin,
            uid,
            at,
        } = occasion;
        let last = "SELECT at FROM used WHERE entry = ?1 AND service = ?2";
        let write =
            "INSERT INTO used (entry, service, at, origin, uid, count) VALUES (?1, ?2, ?3, ?4, ?5, 1)
                     ON CONFLICT DO UPDATE
                     SET at = excluded.at, origin = excluded.origin, uid = excluded.uid,
                         count = count + 1";
        let values = params![entry.0, service.as_str(), at.seconds(), origin, uid];
        self.note(
            at,
            |notes| notes.query_row(last, params![entry.0, service.as_str()], |row| row.get(0)),
            |notes| notes.execute(write, values),
        );
    }

    /// Notes a refusal. `false`: it could not be noted, so neither could a use have been.
    pub fn note_refusal(&mut self, occasion: Occasion<'_>, why: Refusal) -> bool {
        let Occasion {
            entry,
            service,
            origin,
            uid,
            at,
        } = occasion;
        let last = "SELECT at FROM refused WHERE entry = ?1";
        let write = "INSERT INTO refused (entry, service, at, origin, uid, reason, count, since)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?3)
                     ON CONFLICT DO UPDATE
                     SET service = excluded.service, at = excluded.at, origin = excluded.origin,
                         uid = excluded.uid, reason = excluded.reason, count = count + 1,
                         since = iif(reason = excluded.reason, since, excluded.at)";
        let (service, why) = (service.as_str(), why.as_str());
        let values = params![entry.0, service, at.seconds(), origin, uid, why];
        self.note(
            at,
            |notes| notes.query_row(last, [entry.0], |row| row.get(0)),
            |notes| notes.execute(write, values),
        )
    }

    /// Writes a row, unless `last` says that it was written lately.
    fn note(
        &mut self,
        at: Timestamp,
        last: impl FnOnce(&Connection) -> rusqlite::Result<i64>,
        write: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> bool {
        let write_if_due = |notes: &Connection| {
            if !due(last(notes).optional()?, at) {
                return Ok(());
            }
            end_look(notes)?;
            never_wait_for_the_disk(notes)?;
            write(notes).map(drop)
        };
        self.can_note && self.attempt(write_if_due).is_some()
    }

    /// Whatever goes wrong here goes no further. Damage is repaired for the next login.
    fn attempt<T>(&mut self, act: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        match act(self.connection.as_ref()?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.connection = None;
                if is_damage(&error) {
                    set_aside(&self.path);
                }
                None
            }
        }
    }
}

/// Where the notes are.
pub fn path_in(state_dir: &Path) -> PathBuf {
    state_dir.join("usage.db")
}

/// Whether a row of that age is written again. A clock that went back counts as long ago.
fn due(last: Option<i64>, now: Timestamp) -> bool {
    last.is_none_or(|last| !(0..EVERY).contains(&now.since(Timestamp::from_seconds(last))))
}

fn open_or_repair(path: &Path, now: Timestamp) -> Option<Database> {
    match open(path, now) {
        Err(error) if is_damage(&error) => {
            set_aside(path);
            open(path, now).ok().flatten()
        }
        opened => opened.ok().flatten(),
    }
}

fn open(path: &Path, now: Timestamp) -> rusqlite::Result<Option<Database>> {
    let may_begin = rustix::process::getuid().is_root();
    let sound = match trust::state_file(path) {
        Ok(true) => true,
        Ok(false) => may_begin && connection::make_file(path).is_ok(),
        Err(_) => false,
    };
    if !sound {
        return Ok(None);
    }
    let mut connection = connection::open(path, Duration::ZERO)?;
    // One look from here until something is written or all is told: each one more would lock the
    // file and search for a journal anew.
    connection.execute_batch("BEGIN")?;
    match schema_of(&connection)? {
        SCHEMA => Ok(Some(connection)),
        0..SCHEMA if may_begin => {
            end_look(&connection)?;
            migrate(&mut connection, now)?;
            Ok(Some(connection))
        }
        _ => Ok(None),
    }
}

fn end_look(connection: &Connection) -> rusqlite::Result<()> {
    match connection.is_autocommit() {
        true => Ok(()),
        false => connection.execute_batch("COMMIT"),
    }
}

/// To be said before something is written, outside of a transaction.
fn never_wait_for_the_disk(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA journal_mode = PERSIST; PRAGMA synchronous = OFF")
}

/// Begins the notes in an empty file, or brings older ones up to date, unless somebody else just did.
fn migrate(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    never_wait_for_the_disk(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = schema_of(&transaction)?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    if version == 0 {
        transaction.execute("INSERT INTO birth (at) VALUES (?1)", [now.seconds()])?;
    }
    transaction.pragma_update(None, "user_version", version.max(SCHEMA))?;
    transaction.commit()
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Renames a damaged file away, its journal first: a journal that is left behind would be rolled
/// back into the next file of that name and destroy it. One process at a time; who comes second
/// leaves it to the first.
fn set_aside(path: &Path) {
    let lock = path.with_extension("lock");
    // What stands there may be anything that root has made, also a FIFO that nobody reads.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let Ok(lock) = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(lock)
    else {
        return;
    };
    if lock.try_lock().is_err() || !is_damaged(path) {
        return;
    }
    let with = |ending| connection::beside(path, ending);
    // No journal: nothing to rename. The file itself is renamed whatever became of it.
    let _ = std::fs::rename(with("-journal"), with(".damaged-journal"));
    let _ = std::fs::rename(path, with(".damaged"));
}

/// Looks again, now that nobody else repairs it: the file may be a new one by now.
fn is_damaged(path: &Path) -> bool {
    let problems = connection::open(path, Duration::ZERO)
        .and_then(|notes| connection::problems(&notes, "quick_check(1)"));
    match problems {
        Ok(problems) => !problems.is_empty(),
        Err(error) => is_damage(&error),
    }
}
