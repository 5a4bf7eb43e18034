// SPDX-License-Identifier: GPL-3.0-or-later
//! Who runs the tool, and whom the system knows.

use nix::unistd::{Uid, User};
use pam_app_passwd::credential::UserName;

use super::failure::{Code, Failure};

/// What the kernel writes for a process that no login has begun.
const NO_LOGIN: u32 = u32::MAX;

/// Who runs the tool: the one who logged in, also behind sudo and su; else who called sudo; else
/// the uid.
pub(super) fn name() -> String {
    let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let login = login.trim().parse().ok().filter(|&uid| uid != NO_LOGIN);
    let sudo = || {
        std::env::var("SUDO_USER")
            .ok()
            .filter(|name| UserName::parse(name).is_ok())
    };
    login
        .map(name_of)
        .or_else(sudo)
        .unwrap_or_else(|| Uid::current().to_string())
}

/// The name of a uid; the number if it has none.
pub(super) fn name_of(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

/// Whether the system knows a user of this name.
pub(super) fn knows(user: &UserName) -> Result<bool, Failure> {
    match User::from_name(user.as_str()) {
        Ok(found) => Ok(found.is_some()),
        Err(error) => {
            let message = format!("cannot ask the system for user {}: {error}", user.as_str());
            Err(Failure::new(Code::Unusable, message))
        }
    }
}
