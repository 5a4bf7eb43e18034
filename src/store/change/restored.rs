// SPDX-License-Identifier: GPL-3.0-or-later
//! What a restore must not undo.

use rusqlite::{OptionalExtension, Row, params};

use super::Change;
use crate::audit;
use crate::clock::Timestamp;
use crate::credential::{CredentialId, UserName};
use crate::error::Error;
use crate::store::error;
use crate::store::row::Tombstone;

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
                   RETURNING id, label, replaces IS NOT NULL";
        let mut count = 0;
        for stone in revoked {
            let values = params![
                stone.user, stone.tag, stone.hash, stone.at, stone.by, stone.why
            ];
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?));
            let changed = self.transaction.query_row(sql, values, read).optional();
            let changed = changed.map_err(|e| error(&self.path, e))?;
            let (Some((id, label, is_successor)), Ok(user)) =
                (changed, UserName::parse(&stone.user))
            else {
                continue;
            };
            if is_successor {
                self.let_predecessors_stand(&user)?;
            }
            let (label, why) = (audit::quoted(&label), &stone.why);
            let detail = format!("label=\"{label}\" why=\"{why}\" again=\"after a restore\"");
            self.record(at, by, "revoked", &user, CredentialId(id), &detail)?;
            count += 1;
        }
        Ok(count)
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
