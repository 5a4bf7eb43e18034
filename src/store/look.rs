// SPDX-License-Identifier: GPL-3.0-or-later
//! One consistent look at the entries. A change looks in the same way, and what it sees stays so until
//! it is done.

use std::path::PathBuf;

use rusqlite::Transaction;

use super::{Entries, row};
use crate::credential::{Credential, CredentialId, Label, UserName};
use crate::error::Error;

/// A look that is under way.
pub struct Look<'store> {
    pub(super) transaction: Transaction<'store>,
    pub(super) path: PathBuf,
}

impl Look<'_> {
    /// The entry of this number.
    pub fn entry(&self, id: CredentialId) -> Result<Option<Credential>, Error> {
        let entries = row::select(&self.transaction, &self.path, "id = ?1", [id.0])?;
        Ok(entries.into_iter().next())
    }

    /// The entries of one user or of all, in the order in which they were made.
    pub fn entries(&self, user: Option<&UserName>) -> Result<Entries, Error> {
        row::entries(&self.transaction, &self.path, user)
    }

    /// The user's entries that are not revoked.
    pub fn live(&self, user: &UserName) -> Result<Entries, Error> {
        let condition = "user = ?1 AND revoked_at IS NULL";
        row::select_sound(&self.transaction, &self.path, condition, [user.as_str()])
    }

    /// The user's live entries that were made while the system knew the user.
    pub fn entries_of_account(&self, user: &UserName) -> Result<Entries, Error> {
        let condition = "user = ?1 AND revoked_at IS NULL AND NOT virtual";
        row::select_sound(&self.transaction, &self.path, condition, [user.as_str()])
    }

    /// The user's entries of this label: live ones first, the one without a successor before a
    /// predecessor; then revoked ones.
    pub fn labelled(&self, user: &UserName, label: &Label) -> Result<Vec<Credential>, Error> {
        let condition = "user = ?1 AND label = ?2";
        let named = [user.as_str(), label.as_str()];
        let mut entries = row::select(&self.transaction, &self.path, condition, named)?;
        entries.sort_by_key(|entry| {
            (
                entry.revoked.is_some(),
                entry.replaced_by.is_some(),
                -entry.id.0,
            )
        });
        Ok(entries)
    }
}
