// SPDX-License-Identifier: GPL-3.0-or-later
//! The sessions that app passwords have opened, noted below `/run/app-passwd/sessions` so that the
//! tool can end them when the password is revoked: one file for each process that opened one, named
//! after its pid and its start time. A pid alone would soon be somebody else's.
//!
//! Where pam_loginuid stands before us, the kernel's audit has given the session a number that all
//! its processes inherit, none can change, and no other session gets until the next boot. It is
//! noted too: it finds what has left the tree of processes, or has lost its root.
//!
//! Only root's processes note sessions. The notes go with the boot, and with their process.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::audit::quoted;
use crate::credential::{CredentialId, UserName};
use crate::error::Error;
use crate::policy::Attempt;
use crate::trust;

/// What is kept while the machine runs.
const RUN: &str = "/run/app-passwd";
const NOTES: &str = "/run/app-passwd/sessions";
/// A note has five short lines.
const LONGEST_NOTE: u64 = 4_096;

/// A process, told apart from whatever had its pid before or will have it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// When it began, in clock ticks since boot.
    pub start: u64,
}

/// A session that is open, and how to find its processes.
#[derive(Debug, PartialEq, Eq)]
pub struct Open {
    /// What was noted of it.
    pub session: Session,
    /// The process that opened it, and perhaps has ended since.
    pub opener: Process,
    /// What the kernel's audit calls it, if that is this session's alone.
    pub number: Option<u32>,
}

/// A session that an app password has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The entry; `None`: the ticket was forged, so any of the user's may have opened it.
    pub entry: Option<CredentialId>,
    /// The user whose app password it was.
    pub user: UserName,
    /// The PAM service.
    pub service: String,
    /// From where, if the host said.
    pub origin: Option<String>,
}

impl Process {
    /// The process that has this pid now. One that has ended counts no more, also while nobody has
    /// asked for its exit status.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self {
            pid,
            start: start_time(&stat)?,
        })
    }

    /// This process.
    pub fn current() -> Option<Self> {
        Self::of(i32::try_from(std::process::id()).ok()?)
    }

    /// The number of the session that it opens. One that its parent has as well is that of a session
    /// which began before, as in su and sudo.
    fn number(self) -> Option<u32> {
        let parent = parent_of(self.pid)?;
        number_of(self.pid).filter(|number| number_of(parent) != Some(*number))
    }

    fn note(self) -> PathBuf {
        Path::new(NOTES).join(format!("{}-{}", self.pid, self.start))
    }
}

impl Session {
    /// The session of this user that `attempt` leads to.
    pub fn of(attempt: &Attempt, user: &UserName, entry: Option<CredentialId>) -> Self {
        Self {
            entry,
            user: user.clone(),
            service: attempt.service.name.as_str().to_owned(),
            origin: attempt.origin_text(),
        }
    }
}

/// The parent of the process that has this pid now.
pub fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The fourth field (proc_pid_stat(5)), the second behind the name.
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// The uid of whoever logged in and began, also behind su and sudo, the process with this pid.
/// `None`: no login did.
pub fn login_uid(pid: i32) -> Option<u32> {
    let uid = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    // The highest uid says that there was none.
    uid.trim_end().parse().ok().filter(|&uid| uid != u32::MAX)
}

/// The uid of whoever is behind the process with this pid: who logged in, else who started it.
pub fn uid_behind(pid: i32) -> Option<u32> {
    login_uid(pid).or_else(|| real_uid(pid))
}

/// The real uid of the process with this pid: also of a program that has the rights of its owner,
/// that of whoever started it.
pub fn real_uid(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // The first of four is the real one.
    uids.split_whitespace().next()?.parse().ok()
}

/// The number of the session that the process with this pid belongs to now.
pub fn number_of(pid: i32) -> Option<u32> {
    let number = fs::read_to_string(format!("/proc/{pid}/sessionid")).ok()?;
    // The highest number says that there is none.
    number
        .trim_end()
        .parse()
        .ok()
        .filter(|&number| number != u32::MAX)
}

/// The pids of the processes that the session with this number still has.
fn pids_of(number: u32) -> impl Iterator<Item = i32> {
    let pids = pids().into_iter();
    pids.filter(move |&pid| number_of(pid) == Some(number) && Process::of(pid).is_some())
}

/// The pids of all processes.
pub fn pids() -> Vec<i32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The 22nd field of `/proc/PID/stat` (proc_pid_stat(5)), unless the third says that the process has
/// ended. The second, the name, may hold anything, also blanks and parentheses.
fn start_time(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    fields.nth(18)?.parse().ok().filter(|_| !ended)
}

/// Notes the session that `process` opens.
pub fn note(process: Process, session: &Session) -> Result<(), Error> {
    for (dir, mode) in [(RUN, 0o755), (NOTES, 0o700)] {
        make(Path::new(dir), mode).map_err(|e| Error::io(Path::new(dir), e))?;
    }
    trust::state_directory(Path::new(NOTES))?;
    let path = process.note();
    let new = path.with_extension("new");
    write(&new, &text(session, process.number()))
        .and_then(|()| fs::rename(&new, &path))
        .map_err(|e| Error::io(&path, e))
}

/// Forgets the session that `process` closes, unless something of it goes on in the background: that
/// is still to be ended with its app password. A child of the process is about to end; sshd closes the
/// session before it waits for that.
pub fn close(process: Process) {
    let is_about_to_end = |pid| pid == process.pid || parent_of(pid) == Some(process.pid);
    let goes_on = |number| pids_of(number).any(|pid| !is_about_to_end(pid));
    // None was noted if it was not ours.
    if process.note().exists() && !process.number().is_some_and(goes_on) {
        forget(process);
    }
}

/// Forgets the session that `process` has opened.
pub fn forget(process: Process) {
    // Somebody else may have done so.
    let _ = fs::remove_file(process.note());
}

/// Every session that is still open. Notes of others are removed.
pub fn all() -> Vec<Open> {
    let Ok(notes) = fs::read_dir(NOTES) else {
        return Vec::new();
    };
    let mut sessions = Vec::new();
    for note in notes.flatten() {
        let name = note.file_name();
        let Some(process) = name.to_str().and_then(parse_name) else {
            continue;
        };
        let text = trust::read(&note.path(), LONGEST_NOTE)
            .ok()
            .flatten()
            .unwrap_or_default();
        let open = str::from_utf8(&text)
            .ok()
            .and_then(|text| parse(process, text));
        match open.filter(Open::has_processes) {
            Some(open) => sessions.push(open),
            None => forget(process),
        }
    }
    sessions
}

impl Open {
    fn has_processes(&self) -> bool {
        let opener_goes_on = Process::of(self.opener.pid) == Some(self.opener);
        let go_on = |number| pids_of(number).next().is_some();
        opener_goes_on || self.number.is_some_and(go_on)
    }
}

fn make(dir: &Path, mode: u32) -> std::io::Result<()> {
    match DirBuilder::new().mode(mode).create(dir) {
        // Whatever the umask of the host.
        Ok(()) => fs::set_permissions(dir, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

fn text(session: &Session, number: Option<u32>) -> String {
    let entry = session
        .entry
        .map_or_else(|| "unknown".to_owned(), |entry| entry.to_string());
    let (service, origin) = (
        quoted(&session.service),
        session.origin.as_deref().map(quoted),
    );
    let origin = origin.unwrap_or_default();
    let number = number.map_or_else(String::new, |number| number.to_string());
    let user = session.user.as_str();
    format!("{entry}\n{user}\n{service}\n{origin}\n{number}\n")
}

fn parse(opener: Process, text: &str) -> Option<Open> {
    let mut lines = text.lines();
    let entry = match lines.next()? {
        "unknown" => None,
        entry => Some(CredentialId(entry.parse().ok()?)),
    };
    let session = Session {
        entry,
        user: UserName::parse(lines.next()?).ok()?,
        service: lines.next()?.to_owned(),
        origin: lines
            .next()
            .filter(|origin| !origin.is_empty())
            .map(str::to_owned),
    };
    Some(Open {
        session,
        opener,
        number: lines.next().and_then(|number| number.parse().ok()),
    })
}

fn parse_name(name: &str) -> Option<Process> {
    let (pid, start) = name.split_once('-')?;
    Some(Process {
        pid: pid.parse().ok()?,
        start: start.parse().ok()?,
    })
}

/// What tells one boot of this machine from another.
pub fn boot_id() -> Option<String> {
    let id = trust::read_unjudged(Path::new("/proc/sys/kernel/random/boot_id"), 64).ok()?;
    Some(String::from_utf8(id).ok()?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back() {
        for (entry, origin) in [(Some(CredentialId(12)), Some("192.0.2.7")), (None, None)] {
            let session = Session {
                entry,
                user: UserName::parse("alice").unwrap(),
                service: "sshd".to_owned(),
                origin: origin.map(str::to_owned),
            };
            let opener = Process { pid: 1, start: 2 };
            for number in [None, Some(3)] {
                let open = parse(opener, &text(&session, number));
                let session = session.clone();
                assert_eq!(
                    open,
                    Some(Open {
                        session,
                        opener,
                        number
                    })
                );
            }
        }
    }

    #[test]
    fn no_value_of_a_note_can_forge_a_line() {
        let session = Session {
            entry: None,
            user: UserName::parse("alice").unwrap(),
            service: "sshd\n13".to_owned(),
            origin: Some("192.0.2.7\nroot".to_owned()),
        };
        assert_eq!(text(&session, None).lines().count(), 5);
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let numbers = (4..=22)
            .map(|field| field.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        for name in ["sshd", "a b", "a) 1 2 (b"] {
            assert_eq!(
                start_time(&format!("4711 ({name}) S {numbers} 23 24\n")),
                Some(22)
            );
        }
        let current = Process::current().unwrap();
        assert_eq!(Process::of(current.pid), Some(current));
    }

    #[test]
    fn behind_a_process_is_who_logged_in_or_who_started_it() {
        let pid = Process::current().unwrap().pid;
        let started = rustix::process::getuid().as_raw();
        assert_eq!(uid_behind(pid), login_uid(pid).or(Some(started)));
    }
}
