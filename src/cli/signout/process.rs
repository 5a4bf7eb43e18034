// SPDX-License-Identifier: GPL-3.0-or-later
//! Ends the processes of a session: by logind where it runs, and by signal. They are what descends
//! from the process that opened it, and what has the number of the session, if it has one of its
//! own. Where it has none, whatever has left the tree is not reached.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use pam_app_passwd::session::{Open, Process, number_of, parent_of, pids};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::cli::{person, program};

/// How long a session may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a process that was answered may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long what it has said may take from its terminal to the other side.
const ON_THE_WAY: Duration = Duration::from_millis(300);

/// Ends a session. `false`: it goes on.
pub(super) fn end(session: &Open) -> bool {
    let mut members = Members::default();
    members.gather(session.opener, session.number);
    if members.holds(session.opener) {
        terminate_by_logind(session.opener.pid);
    }
    for (signal, patience) in [
        (Signal::HUP, PATIENCE / 4),
        (Signal::TERM, PATIENCE),
        (Signal::KILL, PATIENCE),
        // Once more, for what was begun in between.
        (Signal::KILL, PATIENCE),
    ] {
        members.send(signal);
        members.wait(patience);
        members.gather(session.opener, session.number);
        if members.0.is_empty() {
            return true;
        }
    }
    false
}

/// Kills a process and whatever it has started, also what has left its group. It waits for nobody.
pub(in crate::cli) fn kill_with_descendants(pid: i32) {
    let Some(root) = Process::of(pid) else {
        return;
    };
    let mut members = Members::default();
    // Stopped first, so that nothing is begun in between.
    for signal in [Signal::STOP, Signal::KILL] {
        members.gather(root, None);
        members.send(signal);
    }
}

/// Who has had app passwords revoked, and where that process runs, as long as it can be seen: as one
/// whom an app password has let in, perhaps in a session that is to end. Thousands may be kept, so it
/// holds no descriptor.
#[derive(Clone)]
pub(in crate::cli) struct Asker {
    /// `None`: ourselves.
    other: Option<Process>,
    /// Its pid, and those that it descends from.
    line: Vec<i32>,
    number: Option<u32>,
}

impl Asker {
    /// Who is served by this thread; else this process.
    pub(super) fn current() -> Self {
        person::current().map_or_else(Self::ourselves, |person| Self::of(person.pid))
    }

    fn ourselves() -> Self {
        Self {
            other: None,
            ..Self::of(own_pid())
        }
    }

    /// The process with this pid, which waits for our answer.
    pub(in crate::cli) fn of(pid: i32) -> Self {
        Self {
            other: Process::of(pid),
            line: std::iter::successors(Some(pid), |&pid| parent_of(pid)).collect(),
            number: number_of(pid),
        }
    }

    /// Whether it runs, or ran, in this session.
    pub(super) fn is_in(&self, session: &Open) -> bool {
        let has_number = session.number.is_some() && self.number == session.number;
        has_number || self.line.contains(&session.opener.pid)
    }

    /// Lets another process say what it has to say before its session ends.
    pub(super) fn let_finish(&self) {
        let Some(other) = self.other else {
            return;
        };
        if let Some(member) = Member::open(other.pid).filter(|member| member.process == other) {
            member.ends_within(LAST_WORDS);
        }
        std::thread::sleep(ON_THE_WAY);
    }
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// The processes of a session that have not ended yet, by their pids.
#[derive(Default)]
struct Members(BTreeMap<i32, Member>);

impl Members {
    /// Takes in what belongs by now to the session that `opener` has opened and that may have this number,
    /// and leaves out what has ended.
    fn gather(&mut self, opener: Process, number: Option<u32>) {
        let belongs = |members: &Self, pid| members.includes(pid, opener, number);
        self.0
            .retain(|_, member| !member.ends_within(Duration::ZERO));
        loop {
            let before = self.0.len();
            for pid in pids() {
                // Not ourselves: somebody has to see it through.
                if self.0.contains_key(&pid) || pid == own_pid() || !belongs(self, pid) {
                    continue;
                }
                // Asked again of what the descriptor holds, which may be another by now.
                if let Some(member) = Member::open(pid).filter(|_| belongs(self, pid)) {
                    self.0.insert(pid, member);
                }
            }
            if self.0.len() == before {
                return;
            }
        }
    }

    fn includes(&self, pid: i32, opener: Process, number: Option<u32>) -> bool {
        if number.is_some() && number_of(pid) == number {
            return true;
        }
        if pid == opener.pid {
            return Process::of(pid) == Some(opener);
        }
        // The parent is held and has not ended, or its pid may be another's.
        let parent = parent_of(pid).and_then(|parent| self.0.get(&parent));
        parent.is_some_and(|parent| !parent.ends_within(Duration::ZERO))
    }

    fn holds(&self, process: Process) -> bool {
        self.0.values().any(|member| member.process == process)
    }

    fn send(&self, signal: Signal) {
        for member in self.0.values() {
            // It may have ended in the meantime.
            let _ = pidfd_send_signal(&member.descriptor, signal);
        }
    }

    /// Waits until all have ended, but no longer than that.
    fn wait(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        for member in self.0.values() {
            member.ends_within(deadline.saturating_duration_since(Instant::now()));
        }
    }
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

    /// A descriptor of a process is readable once it has ended.
    fn ends_within(&self, patience: Duration) -> bool {
        let mut descriptor = [PollFd::new(&self.descriptor, PollFlags::IN)];
        let patience = Timespec::try_from(patience).ok();
        poll(&mut descriptor, patience.as_ref()).is_ok_and(|ready| ready == 1)
    }
}

/// Asks logind to end the session, if there is a logind and the process belongs to a session.
fn terminate_by_logind(pid: i32) {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let Some(session) = logind_session(&groups) else {
        return;
    };
    if Path::new("/run/systemd/sessions").join(session).exists() {
        // Whether it was of use is seen by whether the processes end.
        let words = ["loginctl", "terminate-session", session].map(str::to_owned);
        let _ = program::ask(&words, Instant::now() + PATIENCE);
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
    use std::process::{Command, Stdio};

    use pam_app_passwd::credential::UserName;
    use pam_app_passwd::session::Session;

    use super::*;

    #[test]
    fn the_session_of_logind_is_read_from_the_control_group() {
        let one = "0::/user.slice/user-1000.slice/session-12.scope\n";
        assert_eq!(logind_session(one), Some("12"));
        let mixed = "1:name=systemd:/user.slice/user-0.slice/session-c3.scope\n0::/\n";
        assert_eq!(logind_session(mixed), Some("c3"));
        assert_eq!(logind_session("0::/system.slice/ssh.service\n"), None);
    }

    /// A session without a number.
    fn opened_by(opener: Process) -> Open {
        Open {
            session: Session {
                entry: None,
                user: UserName::parse("alice").unwrap(),
                service: "sshd".to_owned(),
                origin: None,
            },
            opener,
            number: None,
        }
    }

    #[test]
    fn a_process_ends_with_all_that_descend_from_it() {
        // The middle one ends at once, the innermost ignores what is said before it is killed.
        let line = "sh -c \"trap '' HUP TERM; sleep 600 & echo; wait\" & wait";
        let mut shell = Command::new("sh")
            .args(["-c", line])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut line).unwrap();
        let session = opened_by(Process::of(i32::try_from(shell.id()).unwrap()).unwrap());
        let mut members = Members::default();
        members.gather(session.opener, session.number);
        assert_eq!(members.0.len(), 3);
        let reaper = std::thread::spawn(move || shell.wait());
        assert!(end(&session));
        reaper.join().unwrap().unwrap();
        members.gather(session.opener, session.number);
        assert!(members.0.is_empty());
    }

    #[test]
    fn a_process_that_has_the_pid_of_another_is_left_alone() {
        let mut other = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = i32::try_from(other.id()).unwrap();
        let start = Process::of(pid).unwrap().start + 1;
        assert!(end(&opened_by(Process { pid, start })));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
