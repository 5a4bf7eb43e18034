// SPDX-License-Identifier: GPL-3.0-or-later
//! Everybody's entries, some at a time, for who prints very many of them: it needs the memory of a
//! page, and between two of them nothing is open that a writer would have to wait for.
//!
//! Each page is one consistent look, and each entry is seen once, as it was then. Who is there
//! all the while is seen; what is changed meanwhile is seen before that or after it.

use std::path::Path;

use rusqlite::Statement;

use super::{Entries, Store, error, row};
use crate::credential::CredentialId;
use crate::error::Error;

/// How many entries a page has: few to hold, and many beside what it costs to lock the store.
const PAGE: usize = 1_000;

/// What is not seen yet of all entries.
pub struct Pages<'store> {
    statement: Statement<'store>,
    path: &'store Path,
    /// The last one that was seen; `None`: there are no more.
    last: Option<CredentialId>,
}

impl Store {
    /// Everybody's entries, in the order in which they were made.
    pub fn pages(&self) -> Result<Pages<'_>, Error> {
        let statement = row::prepare_page(&self.connection).map_err(|e| self.error(e))?;
        Ok(Pages {
            statement,
            path: &self.path,
            last: Some(CredentialId(i64::MIN)),
        })
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Entries, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self {
            statement,
            path,
            last,
        } = self;
        let CredentialId(after) = last.take()?;
        let page = row::gather(statement, path, (after, PAGE as i64));
        let page = page.map_err(|e| error(path, e));
        Some(page.map(|(entries, last_seen)| {
            let is_full = entries.sound.len() + entries.damaged.len() == PAGE;
            *last = last_seen.filter(|_| is_full);
            entries
        }))
    }
}
