// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes of the store. Each writes its event in the same transaction, or nothing at all, and is
//! told to the log once it is durable.

use std::path::PathBuf;

use rusqlite::{Transaction, params};

use super::{Entries, error, row};
use crate::audit::{self, Line};
use crate::clock::Timestamp;
use crate::credential::{
    Credential, CredentialId, Label, Network, Revocation, ServiceName, UserName,
};
use crate::error::Error;
use crate::hash::Hash;

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
}

/// A change that is under way. Dropped without [`Change::commit`], it has not happened.
pub struct Change<'store> {
    transaction: Transaction<'store>,
    path: PathBuf,
    lines: Vec<Line>,
}

impl<'store> Change<'store> {
    pub(super) fn new(transaction: Transaction<'store>, path: PathBuf) -> Self {
        Self {
            transaction,
            path,
            lines: Vec::new(),
        }
    }

    /// The user's entries that are not revoked.
    pub fn live(&self, user: &UserName) -> Result<Entries, Error> {
        row::live(&self.transaction, &self.path, user)
    }

    /// Makes an entry, and returns it as it is stored.
    pub fn create(&mut self, new: &NewCredential) -> Result<Credential, Error> {
        let (services, networks) = (
            joined(&new.services, ServiceName::as_str),
            networks(&new.networks),
        );
        let sql = "INSERT INTO credential
                     (user, label, key, tag, hash, services, networks, created_at, created_by, expires)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let values = params![
            new.user.as_str(),
            new.label.as_str(),
            new.key,
            new.tag,
            new.hash.to_phc(),
            services,
            networks,
            new.created.seconds(),
            new.created_by,
            new.expires.map(Timestamp::seconds),
        ];
        self.transaction
            .execute(sql, values)
            .map_err(|e| error(&self.path, e))?;
        let id = CredentialId(self.transaction.last_insert_rowid());
        let expires = new
            .expires
            .map_or("never".to_owned(), |at| at.seconds().to_string());
        let detail = format!(
            "label=\"{}\" services={services} networks={} expires={expires}",
            audit::quoted(new.label.as_str()),
            if networks.is_empty() {
                "any"
            } else {
                &networks
            },
        );
        self.record(
            new.created,
            &new.created_by,
            "created",
            &new.user,
            id,
            &detail,
        )?;
        let stored = row::select(&self.transaction, &self.path, "id = ?1", [id.0])?;
        let stored = stored.into_iter().next();
        stored.ok_or_else(|| error(&self.path, rusqlite::Error::QueryReturnedNoRows))
    }

    /// Revokes an entry, unless it is revoked already.
    pub fn revoke(&mut self, entry: &Credential, revocation: &Revocation) -> Result<(), Error> {
        let label = audit::quoted(entry.label.as_str());
        self.revoke_row(
            &entry.user,
            entry.id,
            &format!("label=\"{label}\" "),
            revocation,
        )
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
        let changed = self
            .transaction
            .execute(sql, values)
            .map_err(|e| error(&self.path, e))?;
        if changed == 0 {
            return Ok(()); // somebody else was faster
        }
        let detail = format!("{label}why=\"{}\"", why.as_str());
        self.record(*at, by, "revoked", user, id, &detail)
    }

    /// Makes it durable. The lines say in the log what has happened.
    pub fn commit(self) -> Result<Vec<Line>, Error> {
        self.transaction
            .commit()
            .map_err(|e| error(&self.path, e))?;
        Ok(self.lines)
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
        let sql = "INSERT INTO event (at, by, action, user, entry, detail)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![at.seconds(), by, action, user.as_str(), entry.0, detail];
        self.transaction
            .execute(sql, values)
            .map_err(|e| error(&self.path, e))?;
        self.lines
            .push(audit::change(action, user.as_str(), entry, by, detail));
        Ok(())
    }
}

fn joined<T>(items: &[T], text: impl Fn(&T) -> &str) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(",")
}

fn networks(networks: &[Network]) -> String {
    networks
        .iter()
        .map(Network::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
