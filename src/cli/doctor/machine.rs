// SPDX-License-Identifier: GPL-3.0-or-later
//! The machine: its clock, and the room on its disk.

use std::path::Path;

use pam_app_passwd::clock::{Span, Timestamp};
use pam_app_passwd::error::Error;
use pam_app_passwd::store::Store;
use pam_app_passwd::usage::AllNotes;

use super::finding::{Check, Finding};
use crate::cli::when;

/// A clock that is set may go back a little.
const TOLERANCE: Span = Span::minutes(5);
/// Less free room than this is nearly none, for SQLite's journal and for the log beside it.
const NEARLY_FULL: u64 = 16 * 1024 * 1024;

/// What has been written down lies in the past, unless the clock has jumped.
pub(super) fn clock(store: &Store, state_dir: &Path, now: Timestamp) -> Finding {
    let changed = match store.latest() {
        Ok(changed) => changed,
        Err(error) => return Finding::error(Check::Clock, error),
    };
    let latest = changed.max(AllNotes::read(state_dir).latest());
    match latest.filter(|latest| *latest > now.plus(TOLERANCE)) {
        None => Finding::ok(Check::Clock, format!("it is {}", when::local(now))),
        Some(latest) => {
            let (latest, now) = (when::local(latest), when::local(now));
            let what =
                format!("something was noted at {latest}, but it is {now}: the clock has jumped");
            let hint = "set the clock, and let it follow a time server: expiry goes by it";
            Finding::wrong(Check::Clock, what, hint)
        }
    }
}

/// Room for the next change.
pub(super) fn disk(store: Option<&Store>, state_dir: &Path) -> Finding {
    let there = state_dir.ancestors().find(|dir| dir.exists());
    let there = there.unwrap_or(Path::new("/"));
    let disk = match rustix::fs::statvfs(there) {
        Ok(disk) => disk,
        Err(error) => return Finding::error(Check::Disk, Error::io(there, error)),
    };
    let free = disk.f_bavail * disk.f_frsize;
    // Some file systems do not count files.
    let no_files = disk.f_files > 0 && disk.f_favail == 0;
    let is_kept = store.is_none_or(Store::has_reserve);
    let there = there.display();
    if free < NEARLY_FULL || no_files {
        let kept = if is_kept { "room" } else { "no room" };
        let free = free / 1024;
        let what =
            format!("{there}: nearly full: {free} KiB are free; {kept} is kept for revoking");
        return Finding::wrong(Check::Disk, what, "free some space on it");
    }
    let kept = match is_kept {
        true => "",
        false => "; the next 'create' keeps room for revoking",
    };
    let free = free / 1024 / 1024;
    Finding::ok(Check::Disk, format!("{there}: {free} MiB are free{kept}"))
}
