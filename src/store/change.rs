// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes of the store. Each writes its event in the same transaction, or nothing at all, and is
//! told to the log once it is durable.

mod bulk;
mod life;
mod restored;
mod said;
mod told;

use std::path::PathBuf;

use rusqlite::{Params, Transaction, params};

use super::{Entries, error, row};
use crate::audit::{self, Line};
use crate::clock::Timestamp;
use crate::credential::{
    Credential, CredentialId, Label, Network, Revocation, RevokedWhy, ServiceName, UserName,
};
use crate::error::Error;
use crate::hash::Hash;
use told::Told;

const INSERT_EVENT: &str = "INSERT INTO event (at, by, action, user, entry, detail)
                            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// An entry that is about to be made.
pub struct NewCredential {
    /// Whose it is.
    pub user: UserName,
    /// What it is for.
    pub label: Label,
    /// The number of the key that the tag and the hash are made with.
    pub key: i64,
    /// What the row is found by.
    pub tag: u16,
    /// What proves the password.
    pub hash: Hash,
    /// PAM services and groups.
    pub services: Vec<ServiceName>,
    /// Where it may be used from.
    pub networks: Vec<Network>,
    /// When it is made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// The system does not know the user.
    pub is_virtual: bool,
}

/// A change that is under way. Dropped without [`Change::commit`], it has not happened.
pub struct Change<'store> {
    transaction: Transaction<'store>,
    path: PathBuf,
    told: Told,
}

impl<'store> Change<'store> {
    pub(super) fn new(transaction: Transaction<'store>, path: PathBuf) -> Self {
        Self {
            transaction,
            path,
            told: Told::default(),
        }
    }

    /// The entry of this number, which nobody else can change any more.
    pub fn entry(&self, id: CredentialId) -> Result<Option<Credential>, Error> {
        let entries = row::select(&self.transaction, &self.path, "id = ?1", [id.0])?;
        Ok(entries.into_iter().next())
    }

    /// The user's entries that are not revoked.
    pub fn live(&self, user: &UserName) -> Result<Entries, Error> {
        row::live(&self.transaction, &self.path, user)
    }

    /// Makes an entry, and returns it as it is stored.
    pub fn create(&mut self, new: &NewCredential) -> Result<Credential, Error> {
        let sql = "INSERT INTO credential
                     (user, label, key, tag, hash, services, networks, created_at, created_by, expires,
                      virtual)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let values = params![
            new.user.as_str(),
            new.label.as_str(),
            new.key,
            new.tag,
            new.hash.to_phc(),
            services(&new.services),
            networks(&new.networks),
            new.created.seconds(),
            new.created_by,
            new.expires.map(Timestamp::seconds),
            new.is_virtual,
        ];
        self.execute(sql, values)?;
        let id = CredentialId(self.transaction.last_insert_rowid());
        let detail = said::limits(&new.label, &new.services, &new.networks, new.expires);
        let by = &new.created_by;
        self.record(new.created, by, "created", &new.user, id, &detail)?;
        let stored = self.entry(id)?;
        stored.ok_or_else(|| error(&self.path, rusqlite::Error::QueryReturnedNoRows))
    }

    /// Revokes an entry, unless it is revoked already.
    pub fn revoke(&mut self, entry: &Credential, revocation: &Revocation) -> Result<(), Error> {
        let label = said::label(&entry.label) + " ";
        self.revoke_row(&entry.user, entry.id, &label, revocation)
    }

    /// Revokes whatever is left of the user's, also what is too damaged to be read.
    pub fn revoke_rest(&mut self, user: &UserName, revocation: &Revocation) -> Result<(), Error> {
        let left = row::live_ids(&self.transaction, user).map_err(|e| error(&self.path, e))?;
        left.into_iter()
            .try_for_each(|id| self.revoke_row(user, id, "", revocation))
    }

    fn revoke_row(
        &mut self,
        user: &UserName,
        id: CredentialId,
        label: &str,
        revocation: &Revocation,
    ) -> Result<(), Error> {
        let Revocation { at, by, why } = revocation;
        let sql = "UPDATE credential SET revoked_at = ?2, revoked_by = ?3, revoked_why = ?4
                   WHERE id = ?1 AND revoked_at IS NULL";
        let values = params![id.0, at.seconds(), by, why.as_str()];
        if self.execute(sql, values)? == 0 {
            return Ok(()); // somebody else was faster
        }
        if *why == RevokedWhy::NotShown {
            // Whom it was to replace is as before.
            self.execute(
                "UPDATE credential SET replaced_by = NULL WHERE replaced_by = ?1",
                [id.0],
            )?;
        }
        let detail = format!("{label}why=\"{}\"", why.as_str());
        self.record(*at, by, "revoked", user, id, &detail)
    }

    /// Forgets an entry that is revoked. Its id is never used again.
    pub fn purge(&mut self, entry: &Credential, at: Timestamp, by: &str) -> Result<(), Error> {
        let sql = "DELETE FROM credential WHERE id = ?1 AND revoked_at IS NOT NULL";
        let purged = self
            .transaction
            .execute(sql, [entry.id.0])
            .map_err(|e| error(&self.path, e))?;
        if purged == 0 {
            return Ok(()); // somebody else was faster
        }
        let detail = format!("label=\"{}\"", audit::quoted(entry.label.as_str()));
        self.record(at, by, "purged", &entry.user, entry.id, &detail)
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
        let purged = self
            .transaction
            .execute(sql, values)
            .map_err(|e| error(&self.path, e))?;
        if purged > 0 {
            let mut detail = format!("events={purged} before={}", limit.seconds());
            if let Some(user) = user {
                detail += &format!(" user=\"{}\"", audit::quoted(user.as_str()));
            }
            self.record_whole(at, by, "pruned", &detail)?;
        }
        Ok(purged)
    }

    /// Makes it durable. The lines say in the log what has happened: where it is very much, how
    /// much; the events say each.
    pub fn commit(self) -> Result<Vec<Line>, Error> {
        self.transaction
            .commit()
            .map_err(|e| error(&self.path, e))?;
        Ok(self.told.lines())
    }

    fn execute(&self, sql: &str, values: impl Params) -> Result<usize, Error> {
        let done = self.transaction.execute(sql, values);
        done.map_err(|e| error(&self.path, e))
    }

    fn record(
        &mut self,
        at: Timestamp,
        by: &str,
        action: &str,
        user: &UserName,
        entry: CredentialId,
        detail: &str,
    ) -> Result<(), Error> {
        self.write_event(at, by, action, user.as_str(), entry.0, detail)?;
        let line = audit::change(action, user.as_str(), entry, by, detail);
        self.told.add(action, by, line);
        Ok(())
    }

    /// Records what concerns the store as a whole: no user, no entry.
    pub fn record_whole(
        &mut self,
        at: Timestamp,
        by: &str,
        action: &str,
        detail: &str,
    ) -> Result<(), Error> {
        self.write_event(at, by, action, "", 0, detail)?;
        let line = audit::change_of_all(action, by, detail);
        self.told.add(action, by, line);
        Ok(())
    }

    fn write_event(
        &self,
        at: Timestamp,
        by: &str,
        action: &str,
        user: &str,
        entry: i64,
        detail: &str,
    ) -> Result<(), Error> {
        let values = params![at.seconds(), by, action, user, entry, detail];
        self.execute(INSERT_EVENT, values).map(|_| ())
    }
}

/// Names, as they are stored.
fn services(services: &[ServiceName]) -> String {
    let names: Vec<_> = services.iter().map(ServiceName::as_str).collect();
    names.join(",")
}

/// Networks, as they are stored.
fn networks(networks: &[Network]) -> String {
    let networks: Vec<_> = networks.iter().map(Network::to_string).collect();
    networks.join(",")
}
