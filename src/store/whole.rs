// SPDX-License-Identifier: GPL-3.0-or-later
//! All that a store holds, for those who carry it elsewhere.

use super::{Look, NumberedKey, Store, error, row};
use crate::clock::Timestamp;
use crate::credential::{Credential, UserName};
use crate::error::Error;
use crate::hash::Hash;

/// An entry, with what its password is found and proved by.
pub struct WholeEntry {
    /// The entry.
    pub entry: Credential,
    /// The number of the key that the tag and the hash are made with.
    pub key: i64,
    /// What the row is found by.
    pub tag: u16,
    /// What proves the password.
    pub hash: Hash,
    /// The system did not know the user.
    pub is_virtual: bool,
}

/// How much a store holds, and since when it has not changed.
pub struct Contents {
    /// All entries.
    pub entries: usize,
    /// Those that are revoked.
    pub revoked: usize,
    /// When the last event was.
    pub last_change: Option<Timestamp>,
}

impl Store {
    /// How much it holds.
    pub fn contents(&self) -> Result<Contents, Error> {
        row::contents(&self.connection).map_err(|e| self.error(e))
    }

    /// All keys and the entries of one user or of all, in one consistent look. An entry that is
    /// damaged is an error.
    pub fn whole(
        &mut self,
        user: Option<&UserName>,
    ) -> Result<(Vec<NumberedKey>, Vec<WholeEntry>), Error> {
        let Look { transaction, path } = self.look()?;
        let keys = row::keys(&transaction).map_err(|e| error(&path, e))?;
        Ok((keys, row::whole(&transaction, &path, user)?))
    }
}
