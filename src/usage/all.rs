// SPDX-License-Identifier: GPL-3.0-or-later
//! What is noted about entries, as the tool shows it. Who goes through very many entries turns from
//! some of them to the next; and for a few nothing is read of the others.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Note, Notes, Refused, path_in};
use crate::clock::Timestamp;
use crate::credential::{Credential, CredentialId};
use crate::store::connection::{self, Database, schema_of};
use crate::trust;

/// What was read of the notes, and why not all.
#[derive(Default)]
pub struct AllNotes {
    path: PathBuf,
    file: Option<Database>,
    pub(super) entries: HashMap<CredentialId, Notes>,
    uses: HashMap<CredentialId, Vec<Note>>,
    pub(super) birth: Option<Timestamp>,
    problems: Vec<String>,
}

/// The numbers of entries that follow each other, from the one to the other.
type Run = RangeInclusive<i64>;

static NOTHING: Notes = Notes {
    used: None,
    refused: None,
};

impl AllNotes {
    /// Reads the notes. What cannot be read is not known, and named as a problem.
    pub fn read(state_dir: &Path) -> Self {
        let mut notes = Self::open(state_dir);
        notes.turn_to_runs(&[i64::MIN..=i64::MAX]);
        notes.file = None;
        notes
    }

    /// The same for these entries alone.
    pub fn about(state_dir: &Path, entries: &[Credential]) -> Self {
        let mut notes = Self::open(state_dir);
        notes.turn_to(entries.iter().map(|entry| entry.id));
        notes
    }

    /// The same, but nothing is known of any entry before they are turned to it.
    pub fn open(state_dir: &Path) -> Self {
        let mut notes = Self {
            path: path_in(state_dir),
            ..Self::default()
        };
        let sound = trust::state_directory(state_dir).and_then(|_| trust::state_file(&notes.path));
        match sound {
            Ok(true) => notes.open_file(),
            Ok(false) => {}
            Err(error) => notes.problems.push(error.to_string()),
        }
        notes
    }

    fn open_file(&mut self) {
        let opened = connection::open(&self.path, Duration::from_secs(1));
        let Some(file) = self.known(opened) else {
            return;
        };
        self.birth = self.known(read_birth(&file)).flatten();
        self.file = Some(file);
    }

    /// Reads what is noted about these entries, in the place of what was read before.
    pub fn turn_to(&mut self, entries: impl Iterator<Item = CredentialId>) {
        self.turn_to_runs(&runs(entries));
    }

    /// Each table by itself: damage in one does not hide the other.
    fn turn_to_runs(&mut self, runs: &[Run]) {
        self.entries.clear();
        self.uses.clear();
        let Some(file) = self.file.take() else {
            return;
        };
        let used = self.read_used(&file, runs);
        self.known(used);
        let refused = self.read_refused(&file, runs);
        self.known(refused);
        self.file = Some(file);
    }

    /// What was read. A problem is named once, however often it is met.
    fn known<T>(&mut self, read: rusqlite::Result<T>) -> Option<T> {
        let problem = match read {
            Ok(known) => return Some(known),
            Err(error) => format!("{}: {error}", self.path.display()),
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
        None
    }

    fn read_used(&mut self, file: &Connection, runs: &[Run]) -> rusqlite::Result<()> {
        let used = "SELECT entry, at, service, origin, uid, count FROM used
                    WHERE entry BETWEEN ?1 AND ?2 ORDER BY at";
        let mut statement = file.prepare(used)?;
        for run in runs {
            let mut rows = statement.query((run.start(), run.end()))?;
            while let Some(row) = rows.next()? {
                let uses = self.uses.entry(CredentialId(row.get(0)?)).or_default();
                uses.push(note(row)?);
            }
        }
        for (entry, uses) in &self.uses {
            let count = uses.iter().map(|used| used.count).sum();
            let last = uses.last().map(|last| Note {
                count,
                ..last.clone()
            });
            self.entries.entry(*entry).or_default().used = last;
        }
        Ok(())
    }

    fn read_refused(&mut self, file: &Connection, runs: &[Run]) -> rusqlite::Result<()> {
        // The tool changes no notes, so those of the first schema stay so until the next login.
        let since = if schema_of(file)? < 2 { "at" } else { "since" };
        let refused = format!(
            "SELECT entry, at, service, origin, uid, count, reason, {since} FROM refused
             WHERE entry BETWEEN ?1 AND ?2"
        );
        let mut statement = file.prepare(&refused)?;
        for run in runs {
            let mut rows = statement.query((run.start(), run.end()))?;
            while let Some(row) = rows.next()? {
                let noted = self.entries.entry(CredentialId(row.get(0)?)).or_default();
                noted.refused = Some(Refused {
                    note: note(row)?,
                    reason: row.get(6)?,
                    since: Timestamp::from_seconds(row.get(7)?),
                });
            }
        }
        Ok(())
    }

    /// What could not be read, and why.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Since when there are notes; `None`: there are none.
    pub fn begin(&self) -> Option<Timestamp> {
        self.birth
    }

    /// What is noted about an entry.
    pub fn of(&self, entry: CredentialId) -> &Notes {
        self.entries.get(&entry).unwrap_or(&NOTHING)
    }

    /// The last use of an entry by each service, the latest last.
    pub fn uses_of(&self, entry: CredentialId) -> Vec<Note> {
        self.uses.get(&entry).cloned().unwrap_or_default()
    }

    /// Since when the entry has lain unused; `None`: there are no notes.
    pub fn unused_since(&self, entry: &Credential) -> Option<Timestamp> {
        let birth = self.birth?;
        let used = self.of(entry.id).used.as_ref();
        let used = used.map_or(entry.created, |note| note.at);
        Some(birth.max(entry.created).max(used))
    }
}

/// Entries of one user lie far apart, those of everybody next to each other.
fn runs(entries: impl Iterator<Item = CredentialId>) -> Vec<Run> {
    let numbers: BTreeSet<i64> = entries.map(|entry| entry.0).collect();
    let mut runs: Vec<Run> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(last) if last.end().saturating_add(1) == number => *last = *last.start()..=number,
            _ => runs.push(number..=number),
        }
    }
    runs
}

fn read_birth(file: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let birth = file.query_row("SELECT at FROM birth", [], |row| row.get(0));
    Ok(birth.optional()?.map(Timestamp::from_seconds))
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(Note {
        at: Timestamp::from_seconds(row.get(1)?),
        service: row.get(2)?,
        origin: row.get(3)?,
        uid: row.get(4)?,
        count: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_about_others_is_not_read() {
        let of = |numbers: &[i64]| runs(numbers.iter().copied().map(CredentialId));
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[1, 1_000_000]), [1..=1, 1_000_000..=1_000_000]);
        assert_eq!(
            of(&[7, 3, 1, 2, 2, i64::MAX]),
            [1..=3, 7..=7, i64::MAX..=i64::MAX]
        );
    }
}
