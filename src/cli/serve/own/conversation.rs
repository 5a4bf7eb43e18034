// SPDX-License-Identifier: GPL-3.0-or-later
//! A conversation with PAM, in a process of its own (`app-passwd converse`), relayed to the program of
//! the account holder. It ends, and is killed, when it takes too long or nobody listens any more.
//!
//! Who it is, that process says, and with its end that it was not somebody else who said so.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::{Reply, Said, Wish};
use pam_app_passwd::helper::{TALK, read_frame, write_all};
use pam_app_passwd::policy::SELF_SERVICE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, kill_process_group, waitid,
    waitpid,
};
use zeroize::Zeroizing;

use super::super::STACK;
use crate::cli::client::Client;
use crate::cli::doctor::STACKS;
use crate::cli::failure::{Code, Failure};
use crate::cli::signout::kill_with_descendants;
use crate::cli::terminal;

/// This program, also when another version was installed in its place meanwhile.
const OURSELVES: &str = "/proc/self/exe";
/// How long one that was killed may take to be gone, before it is left to a thread of its own.
const LAST_BREATH: Duration = Duration::from_secs(1);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Whom PAM is asked about.
pub(super) struct Account<'a> {
    pub(super) user: &'a UserName,
    /// The account that asks, if it is on this machine.
    pub(super) ruser: Option<&'a str>,
    /// The machine that asks, if it is another one.
    pub(super) rhost: Option<&'a str>,
}

impl Account<'_> {
    /// What that process reads first.
    fn told(&self) -> Option<Zeroizing<Vec<u8>>> {
        let wish = Wish {
            user: Some(self.user.clone()),
            origin: self.rhost.map(str::to_owned),
            ..Wish::of(self.ruser.as_slice())
        };
        wish.encode()
    }
}

/// What came of it.
pub(super) enum End {
    /// It is this account, PAM says.
    Vouched(String),
    /// PAM says that it is not, or may not be used now.
    Refused,
    /// PAM has not come to an end. If nobody had answered anything, nothing was tried.
    Unfinished { tried: bool, why: Failure },
}

/// Has PAM talk to whoever is at `client`. Without a stack of its own, the service would have that of
/// `other`, which was made for whatever is unknown.
pub(super) fn hold(account: &Account<'_>, client: &Client) -> Result<End, Failure> {
    let has_stack = |directory| Path::new(directory).join(SELF_SERVICE).exists();
    if !STACKS.into_iter().any(has_stack) {
        let message =
            format!("there is no /etc/pam.d/{SELF_SERVICE}, so nobody can prove who they are");
        return Err(
            Failure::new(Code::Unusable, message).hint("the administrator has to put one there")
        );
    }
    let failed =
        |error: io::Error| Failure::new(Code::Unusable, format!("PAM cannot be asked: {error}"));
    let mut conversation = Conversation::begin(account).map_err(failed)?;
    Ok(match conversation.relay(client) {
        Some(Some(user)) if conversation.has_succeeded(client) => End::Vouched(user),
        Some(_) => End::Refused,
        None => End::Unfinished {
            tried: conversation.tried,
            why: conversation.why_unfinished(client),
        },
    })
}

struct Conversation {
    child: Child,
    channel: OwnedFd,
    /// Something was answered.
    tried: bool,
    /// Whoever was asked has given up, or has gone.
    is_alone: bool,
}

impl Conversation {
    fn begin(account: &Account<'_>) -> io::Result<Self> {
        let (ours, its) = UnixStream::pair()?;
        let told = account.told().ok_or(io::ErrorKind::InvalidInput)?;
        let ours = OwnedFd::from(ours);
        // The channel takes it whole before anybody reads.
        write_all(&ours, &told, Instant::now() + TALK)?;
        let child = Command::new(OURSELVES)
            .arg0("app-passwd")
            .arg("converse")
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(its)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            // What a terminal has to say to the helper is not meant for it.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            child,
            channel: ours,
            tried: false,
            is_alone: false,
        })
    }

    /// Who it is, or that it is nobody. `None`: it has said neither.
    fn relay(&mut self, client: &Client) -> Option<Option<String>> {
        let mut user = None;
        loop {
            self.wait(client)?;
            let frame = read_frame(&self.channel, client.deadline).ok()?;
            match Said::decode(&frame)? {
                Said::Ask { prompt, hidden } => self.ask(client, &prompt, hidden)?,
                said @ (Said::Tell(_) | Said::Warn(_)) => {
                    let told = client.say(&said);
                    self.with_somebody(told.ok())?;
                }
                Said::Out(name) => user = String::from_utf8(name.to_vec()).ok(),
                Said::End { code: 0 } => return Some(user),
                Said::End { .. } => return Some(None),
                Said::Say(_) | Said::Secret(_) => return None,
            }
        }
    }

    fn ask(&mut self, client: &Client, prompt: &str, hidden: bool) -> Option<()> {
        let asked = client.ask(prompt, hidden).ok();
        let answer = self.with_somebody(asked.flatten())?;
        self.tried = true;
        let reply = Reply(Some(answer)).encode()?;
        write_all(&self.channel, &reply, client.deadline).ok()
    }

    /// Whether the process ends as one does that PAM has said yes to. It hears nothing any more: if it is
    /// still about to ask, it was not it that has said the end.
    fn has_succeeded(&mut self, client: &Client) -> bool {
        let _ = shutdown(&self.channel, Shutdown::Both);
        let status = ended(&self.child, client.deadline);
        status.is_some_and(|status| status.exit_status() == Some(0))
    }

    fn why_unfinished(&self, client: &Client) -> Failure {
        match (client.is_late(), self.is_alone) {
            (true, _) => {
                let message = "it took longer than two minutes; nothing was changed";
                Failure::new(Code::Usage, message)
            }
            (false, true) => terminal::cancelled(),
            (false, false) => {
                let message = "PAM has not come to an end; nothing was changed";
                Failure::new(Code::Unusable, message)
                    .hint("tell the administrator, who has the log")
            }
        }
    }

    /// Notes whether somebody is there.
    fn with_somebody<T>(&mut self, said: Option<T>) -> Option<T> {
        self.is_alone = said.is_none();
        said
    }

    /// Until the process says something. Meanwhile the client has nothing to say, so it can only go.
    fn wait(&mut self, client: &Client) -> Option<()> {
        let left = client.deadline.saturating_duration_since(Instant::now());
        let patience = Timespec::try_from(left).ok();
        let mut ready = [
            PollFd::new(&self.channel, PollFlags::IN),
            PollFd::new(&client.connection, PollFlags::IN),
        ];
        poll(&mut ready, patience.as_ref()).ok()?;
        let [says, goes] = ready.map(|descriptor| !descriptor.revents().is_empty());
        let there = says || !goes;
        self.with_somebody(there.then_some(()))?;
        says.then_some(())
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Modules start programs, and some of these begin a session of their own.
        if let Ok(pid) = i32::try_from(self.child.id()) {
            kill_with_descendants(pid);
        }
        let pid = Pid::from_child(&self.child);
        let _ = kill_process_group(pid, Signal::KILL);
        if ended(&self.child, Instant::now() + LAST_BREATH).is_some() {
            let _ = self.child.wait();
            return;
        }
        // The kernel does not let go of it, where a file of a home does not answer, say. Whoever was asked
        // does not wait for that.
        let wait = move || waitpid(Some(pid), WaitOptions::empty());
        let _ = thread::Builder::new().stack_size(STACK).spawn(wait);
    }
}

/// How it has ended, if it does by then. It keeps its number, which no other process gets meanwhile.
fn ended(child: &Child, deadline: Instant) -> Option<WaitIdStatus> {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(Pid::from_child(child)), look) {
            Ok(None) if Instant::now() < deadline => thread::sleep(LOOK),
            ended => return ended.ok().flatten(),
        }
    }
}
