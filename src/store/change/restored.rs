// SPDX-License-Identifier: GPL-3.0-or-later
//! What a restore must not undo.

use rusqlite::{OptionalExtension, Params, Row, params};

use super::Change;
use crate::audit;
use crate::clock::Timestamp;
use crate::credential::{CredentialId, UserName};
use crate::error::Error;
use crate::store::error;
use crate::store::row::{Likeness, Tombstone};

/// What an event says besides its entry.
const AGAIN: &str = "again=\"after a restore\"";

impl Change<'_> {
    /// Revokes the entries that another state of this store remembers as revoked, as they were.
    /// Returns how many that changed.
    pub(in crate::store) fn revoke_again(
        &mut self,
        revoked: &[Tombstone],
        by: &str,
        at: Timestamp,
    ) -> Result<usize, Error> {
        let sql = "UPDATE credential SET revoked_at = ?4, revoked_by = ?5, revoked_why = ?6
                   WHERE user = ?1 AND tag = ?2 AND hash = ?3 AND revoked_at IS NULL
                   RETURNING id, user, label";
        let mut count = 0;
        for stone in revoked {
            let Likeness { user, tag, hash } = &stone.entry;
            let values = params![user, tag, hash, stone.at, stone.by, stone.why];
            let why = format!("why=\"{}\" {AGAIN}", stone.why);
            let changed = self.set_again(sql, values, "revoked", &why, by, at)?;
            if let (1.., Ok(user)) = (changed, UserName::parse(user)) {
                self.let_predecessors_stand(&user)?;
            }
            count += changed;
        }
        Ok(count)
    }

    /// Disables the entries that another state of this store has as disabled. Returns how many that
    /// changed.
    pub(in crate::store) fn disable_again(
        &mut self,
        disabled: &[Likeness],
        by: &str,
        at: Timestamp,
    ) -> Result<usize, Error> {
        let sql = "UPDATE credential SET disabled = 1
                   WHERE user = ?1 AND tag = ?2 AND hash = ?3 AND NOT disabled AND revoked_at IS NULL
                   RETURNING id, user, label";
        let mut count = 0;
        for Likeness { user, tag, hash } in disabled {
            count += self.set_again(sql, params![user, tag, hash], "disabled", AGAIN, by, at)?;
        }
        Ok(count)
    }

    /// Changes the one entry that `sql` means, if it is there and not so already. Returns how many
    /// changed.
    fn set_again(
        &mut self,
        sql: &str,
        values: impl Params,
        action: &str,
        said: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<usize, Error> {
        let read = |row: &Row<'_>| {
            let (user, label): (String, String) = (row.get(1)?, row.get(2)?);
            Ok((CredentialId(row.get(0)?), user, label))
        };
        let changed = self.transaction.query_row(sql, values, read).optional();
        let changed = changed.map_err(|e| error(&self.path, e))?;
        let Some((id, user, label)) = changed else {
            return Ok(0);
        };
        let Ok(user) = UserName::parse(&user) else {
            return Ok(1); // a name that no event can have is no reason to leave it open
        };
        let detail = format!("label=\"{}\" {said}", audit::quoted(&label));
        self.record(at, by, action, &user, id, &detail)?;
        Ok(1)
    }

    /// Gives no number that another state of this store has given.
    pub(in crate::store) fn never_give_again(&self, given: &[(String, i64)]) -> Result<(), Error> {
        let higher = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
        let first = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
        for last in given {
            if self.execute(higher, params![last.0, last.1])? == 0 {
                self.execute(first, params![last.0, last.1])?;
            }
        }
        Ok(())
    }
}
