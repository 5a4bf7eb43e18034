// SPDX-License-Identifier: GPL-3.0-or-later
//! Who did what, read back. Events are written by [`super::Change`] only.

use std::ops::RangeInclusive;

use rusqlite::{Row, params};

use super::{Store, connection};
use crate::clock::Timestamp;
use crate::credential::{CredentialId, UserName};
use crate::error::Error;

/// How many are looked through at once: many beside what it costs to lock the store, and few to wait for.
const PIECE: i64 = 5_000;

/// What somebody did, as it was recorded.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub action: String,
    /// Whose entry it was; `None`: it was about the store as a whole.
    pub user: Option<String>,
    /// The entry; `None`: it was about the store as a whole.
    pub entry: Option<CredentialId>,
    /// More about it: `label="phone" why="by hand"`.
    pub detail: String,
}

impl Store {
    /// The events of one user, or all, in the order in which they happened; of many the `last` ones.
    ///
    /// They are looked for backwards, some at a time: a change waits for no more than that.
    pub fn events(&self, user: Option<&UserName>, last: Option<u32>) -> Result<Vec<Event>, Error> {
        let wanted = last.map_or(i64::MAX, i64::from);
        let mut events = Vec::new();
        let mut seen = i64::MAX;
        while let Some(newest) = self.newest_event_before(seen)? {
            let missing = wanted - events.len() as i64;
            if missing <= 0 {
                break;
            }
            seen = newest.saturating_sub(PIECE);
            events.extend(self.events_within(seen..=newest, user, missing)?);
        }
        events.reverse();
        Ok(events)
    }

    fn newest_event_before(&self, id: i64) -> Result<Option<i64>, Error> {
        let sql = "SELECT max(id) FROM event WHERE id < ?1";
        let newest = self.connection.query_row(sql, [id], |row| row.get(0));
        newest.map_err(|e| self.error(e))
    }

    /// The newest first.
    fn events_within(
        &self,
        ids: RangeInclusive<i64>,
        user: Option<&UserName>,
        most: i64,
    ) -> Result<Vec<Event>, Error> {
        let sql = "SELECT at, by, action, nullif(user, ''), nullif(entry, 0), detail FROM event
                   WHERE id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR user = ?3)
                   ORDER BY id DESC LIMIT ?4";
        let user = user.map(UserName::as_str);
        let values = params![ids.start(), ids.end(), user, most];
        let events = connection::raw(&self.connection, sql, values, event);
        events.map_err(|e| self.error(e))
    }

    /// How many events of one user, or of all, are older than `limit`.
    pub fn count_events(&self, user: Option<&UserName>, limit: Timestamp) -> Result<usize, Error> {
        let sql = "SELECT count(*) FROM event WHERE at < ?1 AND (?2 IS NULL OR user = ?2)";
        let values = params![limit.seconds(), user.map(UserName::as_str)];
        let count = self.connection.query_row(sql, values, |row| row.get(0));
        let count: i64 = count.map_err(|e| self.error(e))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        at: Timestamp::from_seconds(row.get(0)?),
        by: row.get(1)?,
        action: row.get(2)?,
        user: row.get(3)?,
        entry: row.get::<_, Option<_>>(4)?.map(CredentialId),
        detail: row.get(5)?,
    })
}
