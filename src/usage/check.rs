// SPDX-License-Identifier: GPL-3.0-or-later
//! What there is to know about the notes as a whole. Nothing here changes them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AllNotes, SCHEMA, path_in};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::connection;
use crate::trust;

/// What is wrong with the file; nothing if it is sound. `None`: there is none.
pub fn damage(state_dir: &Path) -> Result<Option<Vec<String>>, Error> {
    let path = path_in(state_dir);
    if !trust::state_directory(state_dir)? || !trust::state_file(&path)? {
        return Ok(None);
    }
    let opened = connection::open(&path, Duration::from_secs(1));
    let damage = opened.and_then(|notes| {
        let mut damage = connection::problems(&notes, "quick_check(20)")?;
        let schema = connection::schema_of(&notes)?;
        if schema > SCHEMA {
            damage.push(format!("schema {schema} is newer than this program"));
        }
        Ok(damage)
    });
    damage.map(Some).map_err(|error| Error::Store {
        path,
        source: Box::new(error),
    })
}

/// A damaged file that a login has set aside; `None`: there is none.
pub fn set_aside_in(state_dir: &Path) -> Option<PathBuf> {
    let path = state_dir.join("usage.db.damaged");
    path.exists().then_some(path)
}

impl AllNotes {
    /// The latest time in them; `None`: there are none.
    pub fn latest(&self) -> Option<Timestamp> {
        let notes = self.entries.values();
        let used = notes
            .clone()
            .filter_map(|notes| Some(notes.used.as_ref()?.at));
        let refused = notes.filter_map(|notes| Some(notes.refused.as_ref()?.note.at));
        used.chain(refused).chain(self.birth).max()
    }
}
