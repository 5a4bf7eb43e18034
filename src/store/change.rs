// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes of the store. Each writes its event in the same transaction, or nothing at all, and is
//! told to the log once it is durable.

mod bulk;
mod end;
mod life;
mod restored;
mod said;
mod told;

use std::ops::Deref;

use rusqlite::{Params, params};

use super::{Look, NumberedKey, error};
use crate::audit::{self, Line};
use crate::clock::Timestamp;
use crate::credential::{Credential, CredentialId, Label, Network, ServiceName, UserName};
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
    /// The key that the tag and the hash are made with.
    pub key: NumberedKey,
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
    look: Look<'store>,
    told: Told,
    /// Where it was asked for, if not on this machine.
    origin: Option<String>,
}

/// Nobody else can change what it sees.
impl<'store> Deref for Change<'store> {
    type Target = Look<'store>;

    fn deref(&self) -> &Look<'store> {
        &self.look
    }
}

impl<'store> Change<'store> {
    pub(super) fn new(look: Look<'store>) -> Self {
        Self {
            look,
            told: Told::default(),
            origin: None,
        }
    }

    /// From now on what is recorded says where it was asked for.
    pub fn asked_from(&mut self, origin: Option<String>) {
        self.origin = origin;
    }

    /// Makes an entry, and returns it as it is stored.
    pub fn create(&mut self, new: &NewCredential) -> Result<Credential, Error> {
        self.require_key(&new.key)?;
        let sql = "INSERT INTO credential
                     (user, label, key, tag, hash, services, networks, created_at, created_by, expires,
                      virtual)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let values = params![
            new.user.as_str(),
            new.label.as_str(),
            new.key.id,
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

    /// Makes it durable. The lines say in the log what has happened: where it is very much, how
    /// much; the events say each.
    pub fn commit(self) -> Result<Vec<Line>, Error> {
        let Look { transaction, path } = self.look;
        transaction.commit().map_err(|e| error(&path, e))?;
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
        let detail = &self.with_origin(detail);
        self.write_event(at, by, action, user.as_str(), entry.0, detail)?;
        let line = || audit::change(action, user.as_str(), entry, by, detail);
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
        let detail = &self.with_origin(detail);
        self.write_event(at, by, action, "", 0, detail)?;
        let line = || audit::change_of_all(action, by, detail);
        self.told.add(action, by, line);
        Ok(())
    }

    fn with_origin(&self, detail: &str) -> String {
        let origin = self.origin.as_deref().map(said::origin);
        let words = [detail].into_iter().chain(origin.as_deref());
        let words: Vec<_> = words.filter(|words| !words.is_empty()).collect();
        words.join(" ")
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
