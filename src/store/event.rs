// SPDX-License-Identifier: GPL-3.0-or-later
//! Who did what, read back. Events are written by [`super::Change`] only.

use rusqlite::{Row, params};

use super::{Store, connection};
use crate::clock::Timestamp;
use crate::credential::{CredentialId, UserName};
use crate::error::Error;

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
    pub fn events(&self, user: Option<&UserName>, last: Option<u32>) -> Result<Vec<Event>, Error> {
        let sql = "SELECT at, by, action, nullif(user, ''), nullif(entry, 0), detail FROM event
                   WHERE ?1 IS NULL OR user = ?1 ORDER BY id DESC LIMIT ifnull(?2, -1)";
        let values = params![user.map(UserName::as_str), last];
        let events = connection::raw(&self.connection, sql, values, event);
        let mut events = events.map_err(|e| self.error(e))?;
        events.reverse();
        Ok(events)
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
