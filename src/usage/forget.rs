// SPDX-License-Identifier: GPL-3.0-or-later
//! The notes are about numbers. Where another store is put in place, the same numbers are other
//! people's.

use std::path::Path;
use std::time::Duration;

use rusqlite::TransactionBehavior;

use super::{is_damage, never_wait_for_the_disk, path_in, set_aside};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::store::connection::{self, schema_of};
use crate::trust;

/// How long notes that are being taken are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Begins the notes anew, so that nobody's entry has lain unused before now. `false`: there were none.
pub fn forget(state_dir: &Path, now: Timestamp) -> Result<bool, Error> {
    let path = path_in(state_dir);
    if !trust::state_file(&path)? {
        return Ok(false);
    }
    match begin_anew(&path, now) {
        Ok(()) => return Ok(true),
        Err(error) if is_damage(&error) => set_aside(&path),
        Err(error) => return Err(unforgotten(&path, error.to_string())),
    }
    match path.exists() {
        true => Err(unforgotten(&path, "damaged".to_owned())),
        false => Ok(true),
    }
}

fn begin_anew(path: &Path, now: Timestamp) -> rusqlite::Result<()> {
    let mut notes = connection::open(path, PATIENCE)?;
    never_wait_for_the_disk(&notes)?;
    let change = notes.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if schema_of(&change)? > 0 {
        change.execute_batch("DELETE FROM used; DELETE FROM refused;")?;
        change.execute("UPDATE birth SET at = ?1", [now.seconds()])?;
    }
    change.commit()
}

fn unforgotten(path: &Path, why: String) -> Error {
    Error::Store {
        path: path.to_owned(),
        source: why.into(),
    }
}
