// SPDX-License-Identifier: GPL-3.0-or-later
//! The old state that a restore keeps beside the store. It holds a key, like the store itself.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::connection::beside;
use super::snapshot::{PARTIAL, Snapshot};
use super::{connection, sync_parent};
use crate::clock::Timestamp;
use crate::error::Error;

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

/// `store.db.before-restore-20261120T090000Z`, and so on if there was one in the same second.
pub(super) fn free_name(path: &Path, now: Timestamp) -> PathBuf {
    let stamp = jiff::Timestamp::from_second(now.seconds()).unwrap_or_default();
    let stamp = format!(".{KEPT}{}", stamp.strftime("%Y%m%dT%H%M%SZ"));
    let first = beside(path, &stamp);
    let others = (2..).map(|count| beside(path, &format!("{stamp}-{count}")));
    let mut names = std::iter::once(first).chain(others);
    names.find(|name| !name.exists()).unwrap_or_default()
}

/// Keeps a state that was read. `false`: somebody else keeps another under that name.
pub(super) fn keep_snapshot(old: &mut Snapshot, kept: &Path) -> Result<bool, Error> {
    unless_taken(old.write_beside(kept))
}

/// Keeps the file at `path` as it is, with its journal. Only while this process has no database
/// open: to close any file gives up all locks on it. `false`: somebody else keeps another.
pub(super) fn keep_file(path: &Path, kept: &Path) -> Result<bool, Error> {
    if !unless_taken(copy_file(path, kept))? {
        return Ok(false);
    }
    let journal = copy_file(&journal_of(path), &journal_of(kept));
    if journal.is_err() {
        let _ = fs::remove_file(kept); // it is worth nothing without
    }
    journal.map(|()| true)
}

/// Whether what is kept of a file is what still stands in its place.
pub(super) fn is_same(path: &Path, kept: &Path) -> bool {
    let same = |one: &Path, other: &Path| match (fs::read(one), fs::read(other)) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => one.kind() == other.kind(),
        _ => false,
    };
    same(path, kept) && same(&journal_of(path), &journal_of(kept))
}

/// Removes what was kept in vain. What keeps us from removing it is no reason to fail.
pub(super) fn remove(kept: &Path) {
    let _ = fs::remove_file(kept);
    let _ = fs::remove_file(journal_of(kept));
}

fn unless_taken(kept: Result<(), Error>) -> Result<bool, Error> {
    match kept {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(false),
        kept => kept.map(|()| true),
    }
}

fn journal_of(path: &Path) -> PathBuf {
    beside(path, "-journal")
}

/// Copies a file, if there is one, to where there is none. A copy that fails does not stay.
fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    let mut from = match File::open(from) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io(from, e)),
    };
    let mut copy = connection::make_new_file(to).map_err(|e| Error::io(to, e))?;
    let copied = io::copy(&mut from, &mut copy).and_then(|_| copy.sync_all());
    let copied = copied.map_err(|e| Error::io(to, e));
    let durable = copied.and_then(|()| sync_parent(to));
    if durable.is_err() {
        let _ = fs::remove_file(to);
    }
    durable
}
