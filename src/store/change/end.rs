// SPDX-License-Identifier: GPL-3.0-or-later
//! The end of entries: they are revoked and, long after, forgotten.

use rusqlite::{OptionalExtension, Row, params};

use super::{Change, said};
use crate::audit;
use crate::clock::Timestamp;
use crate::credential::{Credential, CredentialId, Revocation, UserName};
use crate::error::Error;
use crate::store::{error, row};

impl Change<'_> {
    /// Revokes an entry. `false`: it is revoked already.
    pub fn revoke(&mut self, entry: &Credential, revocation: &Revocation) -> Result<bool, Error> {
        let label = said::label(&entry.label) + " ";
        self.revoke_row(&entry.user, entry.id, &label, revocation)
    }

    /// Revokes whatever is left of the user's, also what is too damaged to be read. Returns how many.
    pub fn revoke_rest(
        &mut self,
        user: &UserName,
        revocation: &Revocation,
    ) -> Result<usize, Error> {
        let left = row::live_ids(&self.transaction, user).map_err(|e| error(&self.path, e))?;
        for id in &left {
            self.revoke_row(user, *id, "", revocation)?;
        }
        Ok(left.len())
    }

    fn revoke_row(
        &mut self,
        user: &UserName,
        id: CredentialId,
        label: &str,
        revocation: &Revocation,
    ) -> Result<bool, Error> {
        let Revocation { at, by, why } = revocation;
        let sql = "UPDATE credential SET revoked_at = ?2, revoked_by = ?3, revoked_why = ?4
                   WHERE id = ?1 AND revoked_at IS NULL
                   RETURNING replaces IS NOT NULL";
        let values = params![id.0, at.seconds(), by, why.as_str()];
        let read = |row: &Row<'_>| row.get(0);
        let changed = self.transaction.query_row(sql, values, read).optional();
        let Some(is_successor) = changed.map_err(|e| error(&self.path, e))? else {
            return Ok(false);
        };
        if is_successor {
            self.let_predecessors_stand(user)?;
        }
        let detail = format!("{label}why=\"{}\"", why.as_str());
        self.record(*at, by, "revoked", user, id, &detail)?;
        Ok(true)
    }

    /// A live entry whose successor is gone stands for itself again: its label is its own and it counts,
    /// unless another has its label by now.
    pub(super) fn let_predecessors_stand(&self, user: &UserName) -> Result<(), Error> {
        let sql = "UPDATE OR IGNORE credential SET replaced_by = NULL
                   WHERE user = ?1 AND revoked_at IS NULL AND replaced_by IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM credential AS successor
                                     WHERE successor.id = credential.replaced_by
                                       AND successor.revoked_at IS NULL)";
        self.execute(sql, [user.as_str()]).map(|_| ())
    }

    /// Forgets an entry that is revoked, unless it is forgotten already. Its id is never used again.
    pub fn purge(&mut self, entry: &Credential, at: Timestamp, by: &str) -> Result<(), Error> {
        let sql = "DELETE FROM credential WHERE id = ?1 AND revoked_at IS NOT NULL";
        if self.execute(sql, [entry.id.0])? == 0 {
            return Ok(());
        }
        let label = said::label(&entry.label);
        self.record(at, by, "purged", &entry.user, entry.id, &label)
    }

    /// Forgets the events before `limit`, of one user or of all. Returns how many there were.
    pub fn purge_events(
        &mut self,
        user: Option<&UserName>,
        limit: Timestamp,
        at: Timestamp,
        by: &str,
    ) -> Result<usize, Error> {
        let sql = "DELETE FROM event WHERE at < ?1 AND (?2 IS NULL OR user = ?2)";
        let values = params![limit.seconds(), user.map(UserName::as_str)];
        let purged = self.execute(sql, values)?;
        if purged > 0 {
            let mut detail = format!("events={purged} before={}", limit.seconds());
            if let Some(user) = user {
                detail += &format!(" user=\"{}\"", audit::quoted(user.as_str()));
            }
            self.record_whole(at, by, "pruned", &detail)?;
        }
        Ok(purged)
    }
}
