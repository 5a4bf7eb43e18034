// SPDX-License-Identifier: GPL-3.0-or-later
//! The one way in which a database of ours is opened: no links, no URIs, no code in the schema, no
//! memory beyond what a row needs, and a file of its owner only.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, Params, Row};
use rustix::fs::{Mode, OFlags};
use rustix::process::Resource;

/// No database of ours is near that large.
pub(super) const LARGEST_FILE: u64 = 1 << 30;
/// Longer values are refused by SQLite itself.
const LONGEST_VALUE: i32 = 64 * 1024;

/// An open database.
pub(crate) struct Database {
    connection: Connection,
    // After the connection, since it is dropped in this order.
    _standard_streams: Vec<OwnedFd>,
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Opens an existing database. Where the file system is read-only, so is the connection.
///
/// Read-write even for those who only read: the journal of a writer that was killed is rolled
/// back by whoever opens the file next, and a read-only connection cannot.
pub(crate) fn open(path: &Path, patience: Duration) -> rusqlite::Result<Database> {
    let standard_streams = occupy_standard_streams();
    let access = match may_write() {
        true => OpenFlags::SQLITE_OPEN_READ_WRITE,
        false => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let flags = access
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    harden(&connection)?;
    Ok(Database {
        connection,
        _standard_streams: standard_streams,
    })
}

/// An empty database that is never written to a disk.
pub(crate) fn in_memory() -> rusqlite::Result<Database> {
    let connection = Connection::open_in_memory()?;
    harden(&connection)?;
    Ok(Database {
        connection,
        _standard_streams: Vec::new(),
    })
}

/// Reads a database on which this process holds the exclusive lock through another connection,
/// and to which nothing has been written since. No lock is asked for, which would be refused.
pub(crate) fn read_behind_own_lock(path: &Path) -> rusqlite::Result<Connection> {
    let escaped = path.as_os_str().as_bytes().iter().map(|byte| match byte {
        b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
            char::from(*byte).to_string()
        }
        byte => format!("%{byte:02x}"),
    });
    let name = format!("file:{}?immutable=1", escaped.collect::<String>());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(name, flags)?;
    harden(&connection)?;
    Ok(connection)
}

fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch("PRAGMA cell_size_check = ON")
}

/// Where a host has closed its standard streams, SQLite would put `/dev/null` in their place and
/// leave it there. Ours are closed with the connection, and not inherited.
fn occupy_standard_streams() -> Vec<OwnedFd> {
    let null = || rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    std::iter::from_fn(|| null().ok().filter(|fd| fd.as_raw_fd() < 3)).collect()
}

/// A host whose files may not grow gets a signal, which kills it, instead of an error.
fn may_write() -> bool {
    let limit = rustix::process::getrlimit(Resource::Fsize).current;
    limit.is_none_or(|limit| limit >= LARGEST_FILE)
}

/// The number of the schema that a database has.
pub(crate) fn schema_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// What `sql` selects, read to its end, so that no statement stays open.
pub(super) fn raw<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map(params, read)?.collect()
}

/// What SQLite finds wrong with a database, by one of its pragmas for that: nothing if it is sound.
pub(crate) fn problems(connection: &Connection, pragma: &str) -> rusqlite::Result<Vec<String>> {
    let sql = format!("PRAGMA {pragma}");
    let mut problems = raw(connection, &sql, [], |row| row.get::<_, String>(0))?;
    problems.retain(|line| line != "ok");
    Ok(problems)
}

/// The path of a file beside another, whose name goes on: `store.db-journal`.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Makes an empty file for a database, if there is none.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    match make_new_file(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Makes a file that is not there yet: mode 0600, whatever the umask.
pub(crate) fn make_new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_is_compiled_with_the_flags_of_cargo_config() {
        let connection = in_memory().unwrap();
        let options: Vec<String> =
            raw(&connection, "PRAGMA compile_options", [], |row| row.get(0)).unwrap();
        let has = |option: &str| options.iter().any(|has| has == option);
        // Each of them stands on another line there.
        for option in [
            "DEFAULT_LOOKASIDE=128,120",
            "MAX_MMAP_SIZE=0",
            "OMIT_LOAD_EXTENSION",
            "TEMP_STORE=3",
        ] {
            assert!(has(option), "{option} is not in {options:?}");
        }
        for option in [
            "ENABLE_COLUMN_METADATA",
            "ENABLE_FTS5",
            "ENABLE_RTREE",
            "ENABLE_STAT4",
        ] {
            assert!(!has(option), "{option}");
        }
    }
}
