// SPDX-License-Identifier: GPL-3.0-or-later
//! Changes of an entry between its making and its end.

use rusqlite::params;

use super::{Change, NewCredential, networks, said, services};
use crate::clock::Timestamp;
use crate::credential::Credential;
use crate::error::Error;

impl Change<'_> {
    /// Makes the label and the limits of an entry what they are in `after`. `false`: they are so
    /// already, and there is no event.
    pub fn edit(
        &mut self,
        before: &Credential,
        after: &Credential,
        at: Timestamp,
        by: &str,
    ) -> Result<bool, Error> {
        let difference = difference(before, after);
        if difference.is_empty() {
            return Ok(false);
        }
        let sql = "UPDATE credential SET label = ?2, services = ?3, networks = ?4, expires = ?5
                   WHERE id = ?1";
        let values = params![
            before.id.0,
            after.label.as_str(),
            services(&after.services),
            networks(&after.networks),
            after.expires.map(Timestamp::seconds),
        ];
        self.execute(sql, values)?;
        let detail = format!("{} {}", said::label(&before.label), difference.join(" "));
        self.record(at, by, "edited", &before.user, before.id, &detail)?;
        Ok(true)
    }

    /// Disables an entry. `false`: it is disabled or revoked already.
    pub fn disable(&mut self, entry: &Credential, at: Timestamp, by: &str) -> Result<bool, Error> {
        let sql = "UPDATE credential SET disabled = 1
                   WHERE id = ?1 AND disabled = 0 AND revoked_at IS NULL";
        self.switch(sql, "disabled", entry, at, by)
    }

    /// Enables an entry. `false`: it is enabled already.
    pub fn enable(&mut self, entry: &Credential, at: Timestamp, by: &str) -> Result<bool, Error> {
        let sql = "UPDATE credential SET disabled = 0 WHERE id = ?1 AND disabled = 1";
        self.switch(sql, "enabled", entry, at, by)
    }

    fn switch(
        &mut self,
        sql: &str,
        action: &str,
        entry: &Credential,
        at: Timestamp,
        by: &str,
    ) -> Result<bool, Error> {
        if self.execute(sql, [entry.id.0])? == 0 {
            return Ok(false);
        }
        let label = said::label(&entry.label);
        self.record(at, by, action, &entry.user, entry.id, &label)?;
        Ok(true)
    }

    /// Makes an entry that is the successor of `old`, which keeps its label beside it. Whether the
    /// user is a virtual one is as it was.
    pub fn replace(&mut self, old: &Credential, new: &NewCredential) -> Result<Credential, Error> {
        // The label has to be free first. What number the successor gets is known later.
        let replaced = "UPDATE credential SET replaced_by = ?2 WHERE id = ?1";
        self.execute(replaced, [old.id.0, 0])?;
        let successor = self.create(new)?;
        self.execute(replaced, [old.id.0, successor.id.0])?;
        let replaces = "UPDATE credential
                        SET replaces = ?2, virtual = (SELECT virtual FROM credential WHERE id = ?2)
                        WHERE id = ?1";
        self.execute(replaces, [successor.id.0, old.id.0])?;
        let detail = format!("{} replaced_by={}", said::label(&old.label), successor.id);
        let (at, by) = (new.created, &new.created_by);
        self.record(at, by, "rotated", &old.user, old.id, &detail)?;
        Ok(Credential {
            replaces: Some(old.id),
            ..successor
        })
    }
}

/// What is different, in the words of an event.
fn difference(before: &Credential, after: &Credential) -> Vec<String> {
    let mut words = Vec::new();
    if after.label != before.label {
        words.push(format!("new_{}", said::label(&after.label)));
    }
    if after.services != before.services {
        words.push(said::services(&after.services));
    }
    if after.networks != before.networks {
        words.push(said::networks(&after.networks));
    }
    if after.expires != before.expires {
        words.push(said::expires(after.expires));
    }
    words
}
