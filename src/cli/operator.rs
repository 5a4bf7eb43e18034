// SPDX-License-Identifier: GPL-3.0-or-later
//! Who runs the tool, and whom the system knows.

use nix::unistd::{Uid, User};
use pam_app_passwd::credential::UserName;
use pam_app_passwd::session::{self, Process};

use super::failure::{Code, Failure};

/// Who runs the tool: the one who logged in, also behind sudo and su; else who called sudo; else
/// the uid.
pub(super) fn name() -> String {
    let login = Process::current().and_then(|process| session::login_uid(process.pid));
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

/// Who is behind a process of root's: the one who logged in, else the one who started it.
pub(super) fn name_behind(pid: i32) -> String {
    session::uid_behind(pid).map_or_else(|| "root".to_owned(), name_of)
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
