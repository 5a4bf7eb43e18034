// SPDX-License-Identifier: GPL-3.0-or-later
//! Who runs the tool, and whom the system knows.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Group, Uid, User, getgrouplist};
use pam_app_passwd::credential::UserName;
use pam_app_passwd::session::{self, Process};

use super::failure::{Code, Failure};
use super::person;

/// Who runs the tool: the one who logged in, also behind sudo and su; else who called sudo; else
/// the uid. In a thread of the helper that serves somebody, they.
pub(super) fn name() -> String {
    if let Some(person) = person::current() {
        return person.user.as_str().to_owned();
    }
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

/// Where the person is, if not at this machine.
pub(super) fn origin() -> Option<String> {
    person::current()?.origin.clone()
}

/// Who is behind a process of root's: the one who logged in, else the one who started it.
pub(super) fn name_behind(pid: i32) -> String {
    session::uid_behind(pid).map_or_else(|| "root".to_owned(), name_of)
}

/// The name of a uid; the number if it has none.
pub(super) fn name_of(uid: u32) -> String {
    let known = known_name_of(uid).ok().flatten();
    known.unwrap_or_else(|| uid.to_string())
}

/// The name of a uid, if the system knows one.
pub(super) fn known_name_of(uid: u32) -> Result<Option<String>, Failure> {
    let user = User::from_uid(Uid::from_raw(uid));
    let user = user.map_err(|error| cannot_ask(&uid.to_string(), error))?;
    Ok(user.map(|user| user.name))
}

/// Whether the system knows a user of this name.
pub(super) fn knows(user: &UserName) -> Result<bool, Failure> {
    account(user).map(|account| account.is_some())
}

/// A user as the system spells the name, if it knows it: directories know some by several spellings.
pub(super) fn spelled(user: &UserName) -> Result<UserName, Failure> {
    let known = account(user)?.and_then(|account| UserName::parse(&account.name).ok());
    Ok(known.unwrap_or_else(|| user.clone()))
}

/// Whether this is a name of root's.
pub(super) fn is_root(user: &UserName) -> Result<bool, Failure> {
    let account = account(user)?;
    Ok(account.is_some_and(|account| account.uid.is_root()))
}

/// Whether this user is a member of any of these groups, also by the account's own one.
pub(super) fn is_in_any(user: &UserName, groups: &[String]) -> Result<bool, Failure> {
    if groups.is_empty() {
        return Ok(false);
    }
    let Some(account) = account(user)? else {
        return Ok(false);
    };
    let name = CString::new(account.name).unwrap_or_default();
    let own = getgrouplist(&name, account.gid).map_err(|error| cannot_ask(user.as_str(), error))?;
    for name in groups {
        let group = Group::from_name(name).map_err(|error| cannot_ask(user.as_str(), error))?;
        if group.is_some_and(|group| own.contains(&group.gid)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn account(user: &UserName) -> Result<Option<User>, Failure> {
    User::from_name(user.as_str()).map_err(|error| cannot_ask(user.as_str(), error))
}

fn cannot_ask(user: &str, error: Errno) -> Failure {
    let message = format!("cannot ask the system for user {user}: {error}");
    Failure::new(Code::Unusable, message)
}
