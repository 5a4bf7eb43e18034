// SPDX-License-Identifier: GPL-3.0-or-later
//! What a restore takes over from the store that it replaces: what must not be undone.
//!
//! A store that is damaged is read row by row, since one page that is spoilt must not open again
//! what the others say is revoked.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::row::{self, Likeness, Tombstone};
use super::{NumberedKey, connection};
use crate::credential::RevokedWhy;
use crate::hash::Key;

/// The tables whose numbers are never given again.
const NUMBERED: [&str; 3] = ["key", "credential", "event"];
/// No sound number is that high. One that is, from a damaged page, would leave none to give.
const HIGHEST: i64 = 1 << 40;
/// So many numbers are tried, at most: a few seconds' work.
const MOST: i64 = 1 << 24;

/// What must not be undone.
#[derive(Default)]
pub(super) struct Remains {
    pub(super) revoked: Vec<Tombstone>,
    pub(super) disabled: Vec<Likeness>,
    /// The last number that was given in each table.
    pub(super) numbers: Vec<(String, i64)>,
    /// The store's own key, if it could be read.
    pub(super) own_key: Option<Key>,
    /// Something could not be read.
    pub(super) is_less: bool,
}

impl Remains {
    /// That of a sound store.
    pub(super) fn of(sound: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            revoked: row::tombstones(sound)?,
            disabled: row::disabled(sound)?,
            numbers: row::last_numbers(sound)?,
            own_key: first(row::keys(sound)?),
            is_less: false,
        })
    }

    /// What can be read of a damaged one, which may be nothing.
    pub(super) fn salvage(path: &Path, patience: Duration) -> Self {
        let mut remains = Self::default();
        let read = connection::open(path, patience).and_then(|mut damaged| {
            let look = damaged.transaction()?;
            remains.read_numbers(&look);
            remains.own_key = row::keys(&look).ok().and_then(first);
            remains.read_entries(&look)
        });
        remains.is_less |= read.is_err();
        remains
    }

    /// As far as the rows themselves go, if what SQLite has noted is less or cannot be read.
    fn read_numbers(&mut self, damaged: &Connection) {
        for table in NUMBERED {
            let noted = row::last_number(damaged, table);
            let highest = format!("SELECT ifnull(max(id), 0) FROM {table}");
            let highest = damaged.query_row(&highest, [], |row| row.get(0));
            self.is_less |= noted.is_err();
            let known = [noted, highest].into_iter().flatten();
            let last = known.filter(|number| (1..HIGHEST).contains(number)).max();
            self.numbers
                .extend(last.map(|last| (table.to_owned(), last)));
        }
    }

    /// By their numbers, without an index: each is found, or is lost, by itself.
    fn read_entries(&mut self, damaged: &Connection) -> rusqlite::Result<()> {
        let last = self.numbers.iter().find(|(table, _)| table == "credential");
        let last = last.map_or(0, |(_, number)| *number);
        self.is_less |= last > MOST;
        let mut entry = damaged.prepare("SELECT * FROM credential NOT INDEXED WHERE id = ?1")?;
        for id in 1..=last.min(MOST) {
            let read = entry.query_row([id], |row| self.take(row)).optional();
            self.is_less |= read.is_err();
        }
        Ok(())
    }

    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        if row.get::<_, Option<i64>>("revoked_at")?.is_some() {
            let mut stone = Tombstone::read(row)?;
            if RevokedWhy::parse(&stone.why).is_none() {
                stone.why = RevokedWhy::ByHand.as_str().to_owned(); // what it said is lost
            }
            self.revoked.push(stone);
        } else if row.get("disabled")? {
            self.disabled.push(Likeness::read(row)?);
        }
        Ok(())
    }
}

fn first(keys: Vec<NumberedKey>) -> Option<Key> {
    keys.into_iter().next().map(|own| own.key)
}
