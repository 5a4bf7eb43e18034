// SPDX-License-Identifier: GPL-3.0-or-later
//! Ends the processes of a session: by logind where it runs, since then all of them are in one
//! scope; else by signal, from the process that opened the session down. Whatever has left that
//! tree is not reached.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pam_app_passwd::session::Process;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a session may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends the session that `opener` has opened. `false`: it goes on.
pub(super) fn end(opener: Process) -> bool {
    let members: Vec<_> = tree(opener.pid)
        .into_iter()
        .filter_map(Member::open)
        .collect();
    if !members.iter().any(|member| member.process == opener) {
        return true; // it has ended by itself
    }
    terminate_by_logind(opener.pid);
    for (signal, patience) in [
        (Signal::HUP, PATIENCE / 4),
        (Signal::TERM, PATIENCE),
        (Signal::KILL, PATIENCE),
    ] {
        members.iter().for_each(|member| member.send(signal));
        if all_end_within(&members, patience) {
            return true;
        }
    }
    false
}

/// The pids of the session that we run in, if an app password has opened it: ours and those above.
pub(super) fn tree_of_own_session() -> BTreeSet<i32> {
    let parents = parents();
    let own = i32::try_from(std::process::id()).ok();
    std::iter::successors(own, |pid| parents.get(pid).copied()).collect()
}

/// A process, held by a descriptor: no signal reaches another that gets its pid.
struct Member {
    process: Process,
    descriptor: OwnedFd,
}

impl Member {
    fn open(pid: i32) -> Option<Self> {
        let descriptor = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // Read after opening, so that both are of the same process.
        Some(Self {
            process: Process::of(pid)?,
            descriptor,
        })
    }

    fn send(&self, signal: Signal) {
        // It may have ended in the meantime.
        let _ = pidfd_send_signal(&self.descriptor, signal);
    }

    /// A descriptor of a process is readable once it has ended.
    fn ends_within(&self, patience: Duration) -> bool {
        let mut descriptor = [PollFd::new(&self.descriptor, PollFlags::IN)];
        let patience = Timespec::try_from(patience).ok();
        poll(&mut descriptor, patience.as_ref()).is_ok_and(|ready| ready == 1)
    }
}

fn all_end_within(members: &[Member], patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    members
        .iter()
        .all(|member| member.ends_within(deadline.saturating_duration_since(Instant::now())))
}

/// A process and all that descend from it.
fn tree(root: i32) -> BTreeSet<i32> {
    let parents = parents();
    let mut members = BTreeSet::from([root]);
    loop {
        let before = members.len();
        let children = parents
            .iter()
            .filter(|(_, parent)| members.contains(parent))
            .map(|(pid, _)| *pid);
        members.extend(children.collect::<Vec<_>>());
        if members.len() == before {
            return members;
        }
    }
}

/// The parent of every process.
fn parents() -> BTreeMap<i32, i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let pids = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The fourth field (proc_pid_stat(5)), the second behind the name.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        Some((pid, parent.parse().ok()?))
    })
    .collect()
}

/// Asks logind to end the session, if there is a logind and the process belongs to a session.
fn terminate_by_logind(pid: i32) {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let Some(session) = logind_session(&groups) else {
        return;
    };
    if Path::new("/run/systemd/sessions").join(session).exists() {
        // Whether it was of use is seen by whether the processes end.
        let _ = Command::new("loginctl")
            .args(["terminate-session", session])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// The session in `0::/user.slice/user-1000.slice/session-12.scope`.
fn logind_session(groups: &str) -> Option<&str> {
    let scope = groups.lines().filter_map(|line| line.rsplit('/').next());
    scope
        .filter_map(|scope| scope.strip_prefix("session-")?.strip_suffix(".scope"))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_logind_is_read_from_the_control_group() {
        let one = "0::/user.slice/user-1000.slice/session-12.scope\n";
        assert_eq!(logind_session(one), Some("12"));
        let mixed = "1:name=systemd:/user.slice/user-0.slice/session-c3.scope\n0::/\n";
        assert_eq!(logind_session(mixed), Some("c3"));
        assert_eq!(logind_session("0::/system.slice/ssh.service\n"), None);
    }

    #[test]
    fn a_process_ends_with_all_that_descend_from_it() {
        let mut shell = Command::new("sh")
            .args(["-c", "trap '' HUP; sleep 600 & echo; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut line).unwrap();
        let pid = i32::try_from(shell.id()).unwrap();
        let members = tree(pid);
        assert_eq!(members.len(), 2);
        let reaper = std::thread::spawn(move || shell.wait());
        assert!(end(Process::of(pid).unwrap()));
        reaper.join().unwrap().unwrap();
        assert!(members.iter().all(|pid| Process::of(*pid).is_none()));
    }

    #[test]
    fn a_process_that_has_the_pid_of_another_is_left_alone() {
        let mut other = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = i32::try_from(other.id()).unwrap();
        let start = Process::of(pid).unwrap().start + 1;
        assert!(end(Process { pid, start }));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
