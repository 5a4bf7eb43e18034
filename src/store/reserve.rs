// SPDX-License-Identifier: GPL-3.0-or-later
//! Revoking must work on a full disk. SQLite needs a little room for it, in the journal and for
//! the event, so a file beside the store keeps that room, and gives it up when it is needed.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::random;

/// Room for about a thousand revocations.
const SIZE: usize = 256 * 1024;
/// A disk that is smaller than that in free room is left alone: there the reserve would be what
/// fills it.
const AMPLE: u64 = 16;

/// Keeps room, if there is ample left and none is kept yet. Best effort.
pub(super) fn keep(state_dir: &Path) {
    if is_kept(state_dir) || !is_ample(state_dir) {
        return;
    }
    // Random, so that no file system compresses it away.
    let mut bytes = vec![0; SIZE];
    let options = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path_in(state_dir));
    if let (Ok(mut file), Ok(())) = (options, random::fill(&mut bytes)) {
        let _ = file.set_permissions(Permissions::from_mode(0o600)); // whatever the umask
        let _ = file.write_all(&bytes);
    }
}

/// Whether the room is there.
pub(super) fn is_kept(state_dir: &Path) -> bool {
    fs::metadata(path_in(state_dir)).is_ok_and(|file| file.len() >= SIZE as u64)
}

/// Gives the room up. `false`: there was none.
pub(super) fn spend(state_dir: &Path) -> bool {
    fs::remove_file(path_in(state_dir)).is_ok()
}

fn is_ample(state_dir: &Path) -> bool {
    rustix::fs::statvfs(state_dir)
        .is_ok_and(|disk| disk.f_bavail * disk.f_frsize >= AMPLE * SIZE as u64)
}

fn path_in(state_dir: &Path) -> PathBuf {
    state_dir.join("reserve")
}
