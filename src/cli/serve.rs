// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd serve [--socket PATH]`: the helper, which answers hosts that may not open the store
//! themselves. One question and one answer for each connection.
//!
//! Who asks is what the kernel says (`SO_PEERCRED`), never what the peer says. Root may ask about
//! everybody; a system user of `[helper.callers]` about everybody, for the services named there;
//! any other uid about its own user only.
//!
//! A connection has a thread while it lasts, which is bounded, and so is their number: for each
//! uid, and for all uids together that are no configured callers. Whoever floods the socket fills
//! their own share.

mod share;

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use nix::unistd::User;
use pam_app_passwd::authenticate::judge;
use pam_app_passwd::clock;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{CredentialId, ServiceName};
use pam_app_passwd::error::Error;
use pam_app_passwd::helper::wire::{About, Answer, Question};
use pam_app_passwd::helper::{self, SOCKET};
use pam_app_passwd::policy::{Attempt, Rules};
use pam_app_passwd::session::{self, Process, Session};
use rustix::net::UCred;
use rustix::net::sockopt::socket_peercred;
use rustix::process::Uid;

use super::Context;
use super::failure::{Code, Failure};
use share::{Share, Turns};

/// How long a question may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a question waits for its turn. With the store's three seconds it stays below what the
/// module waits for.
const TURN: Duration = Duration::from_millis(1_500);
/// Enough for SQLite, argon2 (whose memory is elsewhere) and what looks users up.
const STACK: usize = 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Listen here, unless systemd hands over a socket
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let listener = match inherited()? {
        Some(listener) => listener,
        None => bind(&arguments.socket)?,
    };
    let server = Arc::new(Server::new(context));
    for connection in listener.incoming() {
        match connection {
            Ok(connection) => server.clone().admit(connection),
            // Out of descriptors, most likely: to try again at once would only spin.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Ok(Code::Done)
}

/// The socket that systemd, or whatever speaks its protocol, has opened.
fn inherited() -> Result<Option<UnixListener>, Failure> {
    ListenFd::from_env().take_unix_listener(0).map_err(|error| {
        let message = format!("the inherited socket cannot be used: {error}");
        Failure::new(Code::Failed, message).hint("it must be a listening Unix stream socket")
    })
}

fn bind(path: &Path) -> Result<UnixListener, Failure> {
    let failed = |error: io::Error| Failure::from(Error::io(path, error));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    if UnixStream::connect(path).is_ok() {
        let message = format!("{}: somebody listens there already", path.display());
        return Err(Failure::new(Code::Failed, message).hint("stop that helper first"));
    }
    if fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
        fs::remove_file(path).map_err(failed)?; // of a helper that is gone
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // Everybody may ask; what is answered depends on who asks.
    fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
    Ok(listener)
}

/// The helper.
struct Server {
    config_path: PathBuf,
    /// The configured callers and root: uid and services; none: all.
    callers: HashMap<u32, Option<Vec<ServiceName>>>,
    /// Connections of configured callers and of root.
    callers_share: Share,
    /// Connections of everybody else.
    others_share: Share,
    /// Questions of configured callers and of root that are answered at once.
    callers_turns: Turns,
    /// The same of everybody else.
    others_turns: Turns,
}

impl Server {
    fn new(context: &Context) -> Self {
        let mut callers = HashMap::from([(0, None)]);
        for (name, services) in &context.config.helper.callers {
            // A caller that is not installed asks nothing.
            if let Ok(Some(user)) = User::from_name(name) {
                callers
                    .entry(user.uid.as_raw())
                    .or_insert_with(|| Some(services.clone()));
            }
        }
        Self {
            config_path: context.config_path.clone(),
            callers,
            callers_share: Share::new(64, usize::MAX),
            others_share: Share::new(8, 64),
            callers_turns: Turns::new(4),
            others_turns: Turns::new(2),
        }
    }

    /// Gives a connection its thread, or closes it.
    fn admit(self: Arc<Self>, connection: UnixStream) {
        let Ok(peer) = socket_peercred(&connection) else {
            return;
        };
        let uid = peer.uid.as_raw();
        if !self.share(uid).enter(uid) {
            return;
        }
        let server = self.clone();
        let serve = move || {
            server.serve(&OwnedFd::from(connection), peer);
            server.share(uid).leave(uid);
        };
        if std::thread::Builder::new()
            .stack_size(STACK)
            .spawn(serve)
            .is_err()
        {
            self.share(uid).leave(uid);
        }
    }

    fn share(&self, uid: u32) -> &Share {
        if self.callers.contains_key(&uid) {
            &self.callers_share
        } else {
            &self.others_share
        }
    }

    fn turns(&self, uid: u32) -> &Turns {
        if self.callers.contains_key(&uid) {
            &self.callers_turns
        } else {
            &self.others_turns
        }
    }

    /// Reads the question and writes the answer. A peer that stalls, or that hangs up, is left.
    fn serve(&self, connection: &OwnedFd, peer: UCred) {
        let Ok(frame) = helper::read_frame(connection, Instant::now() + PATIENCE) else {
            return;
        };
        let answer = match Question::decode(&frame) {
            Some(question) => self.answer(&question, peer),
            None => failed(
                "it does not understand the question",
                "restart the helper and the daemons that use the module: their versions differ",
            ),
        };
        if let Some(bytes) = answer.encode() {
            // Who has hung up wants no answer.
            let _ = helper::write_all(connection, &bytes, Instant::now() + PATIENCE);
        }
    }

    fn answer(&self, question: &Question, peer: UCred) -> Answer {
        let Some(_turn) = self.turns(peer.uid.as_raw()).take(TURN) else {
            return failed("it is busy", "try again");
        };
        let judged = Config::load(&self.config_path)
            .map_err(Answer::from)
            .and_then(|config| {
                self.require_right_to_ask(&question.attempt, peer.uid, &config.rules())?;
                match question.about {
                    About::Opened(entry) => note_session(Some(entry), &question.attempt, peer),
                    About::Closed => note_session(None, &question.attempt, peer),
                    _ => Ok(judge(question, peer.uid.as_raw(), &config, clock::now())?),
                }
            });
        judged.unwrap_or_else(|failed| failed)
    }

    fn require_right_to_ask(
        &self,
        attempt: &Attempt,
        uid: Uid,
        rules: &Rules,
    ) -> Result<(), Answer> {
        let uid = uid.as_raw();
        let services = match self.callers.get(&uid) {
            Some(None) => return Ok(()),
            Some(Some(services)) => services,
            None if is_own_user(attempt, uid) => return Ok(()),
            None => {
                let message = format!("uid {uid} may ask about its own user only");
                let hint = "a daemon that asks about others is named in [helper.callers]";
                return Err(failed(&message, hint));
            }
        };
        for service in [&attempt.service.pam, &attempt.service.name] {
            if !services.iter().any(|named| rules.includes(named, service)) {
                let message = format!("uid {uid} may not ask about service {}", service.as_str());
                return Err(failed(
                    &message,
                    "[helper.callers] says who may ask about which",
                ));
            }
        }
        Ok(())
    }
}

/// Notes or forgets the session of a host that runs as root, though somebody else has started it:
/// su, sudo. Others have none that could be ended.
fn note_session(
    entry: Option<CredentialId>,
    attempt: &Attempt,
    peer: UCred,
) -> Result<Answer, Answer> {
    let process = Process::of(peer.pid.as_raw_nonzero().get());
    let (Some(process), Some(user), true) = (process, &attempt.user, peer.uid.is_root()) else {
        return Err(failed(
            "only root's processes open sessions",
            "nothing needs to be done",
        ));
    };
    match entry {
        Some(_) => session::note(process, &Session::of(attempt, user, entry))?,
        None => session::forget(process),
    }
    Ok(Answer::Noted)
}

fn is_own_user(attempt: &Attempt, uid: u32) -> bool {
    let user = attempt
        .user
        .as_ref()
        .and_then(|user| User::from_name(user.as_str()).ok().flatten());
    user.is_some_and(|user| user.uid.as_raw() == uid)
}

fn failed(message: &str, hint: &str) -> Answer {
    Answer::Failed {
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}
