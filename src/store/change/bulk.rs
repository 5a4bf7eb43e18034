// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes of very many entries at once: statements are prepared once, and nothing is looked up for
//! each entry.

use std::collections::HashMap;

use rusqlite::{Statement, params};

use super::{Change, INSERT_EVENT, networks, said, services};
use crate::audit;
use crate::clock::Timestamp;
use crate::credential::CredentialId;
use crate::error::Error;
use crate::hash::Key;
use crate::store::{Look, NumberedKey, WholeEntry, error, row};

const INSERT_ENTRY: &str = "INSERT INTO credential
    (id, user, label, key, tag, hash, services, networks, created_at, created_by, expires, disabled,
     revoked_at, revoked_by, revoked_why, replaces, replaced_by, virtual)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

impl Change<'_> {
    /// The number that the next entry gets.
    pub fn next_id(&self) -> Result<CredentialId, Error> {
        let last = row::last_number(&self.transaction, "credential");
        Ok(CredentialId(last.map_err(|e| error(&self.path, e))? + 1))
    }

    /// The labels that are taken, each with its user: those of live entries without a successor.
    pub fn labels(&self) -> Result<Vec<(String, String)>, Error> {
        row::labels(&self.transaction).map_err(|e| error(&self.path, e))
    }

    /// Each hash as it is stored, and its entry. A hash is salted, so no two entries share one.
    pub fn hashes(&self) -> Result<HashMap<String, CredentialId>, Error> {
        let hashes = row::hashes(&self.transaction).map_err(|e| error(&self.path, e))?;
        Ok(hashes.into_iter().collect())
    }

    /// All keys, the store's own first.
    pub fn keys(&self) -> Result<Vec<NumberedKey>, Error> {
        row::keys(&self.transaction).map_err(|e| error(&self.path, e))
    }

    /// Whether the key still has its number. It was read before what is slow, and another store may
    /// have been restored meanwhile: what was made with it would open nothing.
    pub fn require_key(&self, made_with: &NumberedKey) -> Result<(), Error> {
        let is_there =
            |key: &NumberedKey| key.id == made_with.id && key.key.bytes() == made_with.key.bytes();
        match self.keys()?.iter().any(is_there) {
            true => Ok(()),
            false => Err(Error::StoreReplaced(self.path.clone())),
        }
    }

    /// Adds the key of another store, after those that are there, and returns its number.
    pub fn add_key(&mut self, key: &Key, created: Timestamp) -> Result<i64, Error> {
        let sql = "INSERT INTO key (secret, created) VALUES (?1, ?2)";
        let values = params![key.bytes(), created.seconds()];
        self.execute(sql, values)?;
        Ok(self.transaction.last_insert_rowid())
    }

    /// Adds entries with the numbers that they have. Each gets an event of `action`.
    pub fn add(
        &mut self,
        entries: &[WholeEntry],
        action: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let Look { transaction, path } = &self.look;
        let failed = |e| error(path, e);
        let mut insert = transaction.prepare(INSERT_ENTRY).map_err(failed)?;
        let mut note = transaction.prepare(INSERT_EVENT).map_err(failed)?;
        for whole in entries {
            let detail = insert_entry(&mut insert, whole).map_err(failed)?;
            let (user, id) = (whole.entry.user.as_str(), whole.entry.id);
            let event = params![at.seconds(), by, action, user, id.0, detail];
            note.execute(event).map_err(failed)?;
            let line = || audit::change(action, user, id, by, &detail);
            self.told.add(action, by, line);
        }
        Ok(())
    }
}

/// Returns what the event says about the entry.
fn insert_entry(insert: &mut Statement<'_>, whole: &WholeEntry) -> rusqlite::Result<String> {
    let entry = &whole.entry;
    let revoked = entry.revoked.as_ref();
    insert.execute(params![
        entry.id.0,
        entry.user.as_str(),
        entry.label.as_str(),
        whole.key,
        whole.tag,
        whole.hash.to_phc(),
        services(&entry.services),
        networks(&entry.networks),
        entry.created.seconds(),
        entry.created_by,
        entry.expires.map(Timestamp::seconds),
        entry.disabled,
        revoked.map(|revoked| revoked.at.seconds()),
        revoked.map(|revoked| revoked.by.as_str()),
        revoked.map(|revoked| revoked.why.as_str()),
        entry.replaces.map(|id| id.0),
        entry.replaced_by.map(|id| id.0),
        whole.is_virtual,
    ])?;
    let (services, networks) = (&entry.services, &entry.networks);
    Ok(said::limits(
        &entry.label,
        services,
        networks,
        entry.expires,
    ))
}
