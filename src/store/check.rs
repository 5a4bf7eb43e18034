// SPDX-License-Identifier: GPL-3.0-or-later
//! What there is to know about the store as a whole. Nothing here changes it.

use std::path::Path;

use super::{Store, connection};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::hash::{Cost, Hash};

impl Store {
    /// What is wrong with the file, in SQLite's words; nothing if it is sound. Logins go on
    /// meanwhile; a change waits.
    pub fn damage(&self) -> Result<Vec<String>, Error> {
        let damage = connection::problems(&self.connection, "integrity_check(20)");
        damage.map_err(|e| self.error(e))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of its schema.
    pub fn schema(&self) -> Result<i64, Error> {
        self.version()
    }

    /// The latest time in it; `None`: nothing has happened yet.
    pub fn latest(&self) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT max(at) FROM (SELECT at FROM event
                                        UNION ALL SELECT created_at FROM credential
                                        UNION ALL SELECT revoked_at FROM credential)";
        let latest = self.connection.query_row(sql, [], |row| row.get(0));
        let latest: Option<i64> = latest.map_err(|e| self.error(e))?;
        Ok(latest.map(Timestamp::from_seconds))
    }

    /// What the hash of each live entry costs. One that is damaged is passed over: it opens nothing.
    pub fn costs(&self) -> Result<Vec<Cost>, Error> {
        let sql = "SELECT hash FROM credential WHERE revoked_at IS NULL";
        let hashes = connection::raw(&self.connection, sql, [], |row| row.get::<_, String>(0));
        let hashes = hashes.map_err(|e| self.error(e))?;
        let hashes = hashes.iter().filter_map(|hash| Hash::parse(hash).ok());
        Ok(hashes.filter_map(|hash| hash.cost().ok()).collect())
    }
}
