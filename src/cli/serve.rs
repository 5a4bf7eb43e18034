// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd serve [--socket PATH]`: the helper, which answers hosts that may not open the store
//! themselves. One question and one answer for each connection; or one wish of an account holder, and a
//! talk (`own`).
//!
//! Who asks is what the kernel says (`SO_PEERCRED`), never what the peer says. Root may ask about
//! everybody; a system user of `[helper.callers]` about everybody, for the services named there;
//! any other uid about its own user only. That the password of an account has changed, or that a
//! session begins or ends, is believed of root only.
//!
//! A connection has a thread while it lasts, which is bounded, and so is their number: for each
//! uid, and for all uids together that are no configured callers. Whoever floods the socket fills
//! their own quota.

mod after;
mod own;
mod quota;
mod share;

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use pam_app_passwd::authenticate::judge;
use pam_app_passwd::clock;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{CredentialId, ServiceName};
use pam_app_passwd::error::Error;
use pam_app_passwd::helper::own::Wish;
use pam_app_passwd::helper::wire::{About, Answer, Question};
use pam_app_passwd::helper::{self, SOCKET, VERSIONS_DIFFER};
use pam_app_passwd::password_change::settle_here;
use pam_app_passwd::policy::Attempt;
use pam_app_passwd::session::{self, Process, Session};
use pam_app_passwd::syslog;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{SendFlags, UCred, listen, send};
use rustix::process::{DumpableBehavior, Uid, set_dumpable_behavior};

use super::change::Stamp;
use super::failure::{Code, Failure};
use super::signout::Asker;
use super::{Context, operator};
use after::{After, Revoked};
use own::Own;
use quota::{Place, Quotas};

/// How long a question may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a question waits for its turn: less than the module waits for the answer.
const TURN: Duration = Duration::from_secs(4);
/// How many connections wait to be admitted. The kernel lets others wait before the door, and a
/// connection of a flood is sent away in no time; but who comes after it waits for all that are in
/// here. So it is short.
const QUEUE: i32 = 32;
/// Enough for SQLite, argon2 (whose memory is elsewhere) and what looks users up.
const STACK: usize = 1024 * 1024;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Listen here, unless systemd hands over a socket
    #[arg(long, value_name = "PATH", default_value = SOCKET)]
    socket: PathBuf,
}

/// The configuration is read for each question. One that cannot be used keeps nobody from asking,
/// so that a service manager does not give up on us; the answer is then what is wrong with it.
pub(super) fn run(arguments: Arguments, config_path: PathBuf) -> Result<Code, Failure> {
    // What people typed, and the store's key, pass through here: no core dump holds them.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Failure::new(Code::Failed, format!("core dumps: {error}")))?;
    let listener = match inherited()? {
        Some(listener) => listener,
        None => bind(&arguments.socket)?,
    };
    // An inherited one is of whatever length.
    listen(&listener, QUEUE).map_err(|error| Error::io(&arguments.socket, error))?;
    let server = Server {
        config_path: config_path.as_path().into(),
        after: After::begin()?,
        own: Arc::new(Own::new()?),
    };
    let mut quotas = Quotas::new(config_path);
    for connection in listener.incoming() {
        if let Err(failure) = quotas.refresh() {
            failure.print();
        }
        match connection {
            Ok(connection) => server.admit(connection, &quotas),
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
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        fs::create_dir_all(parent).map_err(failed)?;
        // Whatever the umask, everybody has to get to the socket.
        fs::set_permissions(parent, Permissions::from_mode(0o755)).map_err(failed)?;
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

/// The helper, of which each connection's thread has a copy.
#[derive(Clone)]
struct Server {
    config_path: Arc<Path>,
    after: After,
    own: Arc<Own>,
}

impl Server {
    /// Gives a connection its thread, or sends it away.
    fn admit(&self, connection: UnixStream, quotas: &Quotas) {
        let Ok(peer) = socket_peercred(&connection) else {
            return;
        };
        let uid = peer.uid.as_raw();
        let connection = OwnedFd::from(connection);
        let Some(place) = Place::of(uid, quotas.of(uid)) else {
            return send_away(&connection, uid);
        };
        let server = self.clone();
        let serve = move || server.serve(connection, peer, place);
        // Without a thread there is no answer, and the peer sees that at once.
        let _ = std::thread::Builder::new().stack_size(STACK).spawn(serve);
    }

    /// Reads the question and writes the answer. A peer that stalls, or that hangs up, is left.
    fn serve(&self, connection: OwnedFd, peer: UCred, place: Place) {
        let Ok(frame) = helper::read_frame(&connection, Instant::now() + PATIENCE) else {
            return;
        };
        if let Some(wish) = Wish::decode(&frame) {
            let asker = (peer, place);
            return self.own.serve(&wish, connection, asker, &self.config_path);
        }
        let Reply { answer, revoked } = match Question::decode(&frame) {
            Some(question) => match place.turns().take(TURN) {
                Some(_turn) => self.reply(&question, peer),
                None => failed("it is busy", "try again").into(),
            },
            None => failed("it does not understand the question", VERSIONS_DIFFER).into(),
        };
        if let Some(bytes) = answer.encode() {
            // Who has hung up wants no answer.
            let _ = helper::write_all(&connection, &bytes, Instant::now() + PATIENCE);
        }
        // Not before: whoever has asked may be in a session that ends now.
        if let Some(revoked) = revoked {
            self.after.end(revoked);
        }
    }

    fn reply(&self, question: &Question, peer: UCred) -> Reply {
        let Question { attempt, about } = question;
        let judged = Config::load(&self.config_path)
            .map_err(Answer::from)
            .and_then(|config| {
                self.require_right_to_ask(attempt, peer.uid, &config)?;
                match about {
                    About::Opened(entry) => note_session(Some(*entry), attempt, peer),
                    About::Closed => note_session(None, attempt, peer),
                    About::NewPassword => return new_password(attempt, peer, config),
                    _ => Ok(judge(question, peer.uid.as_raw(), &config, clock::now())?),
                }
                .map(Reply::from)
            });
        judged.unwrap_or_else(Reply::from)
    }

    fn require_right_to_ask(
        &self,
        attempt: &Attempt,
        uid: Uid,
        config: &Config,
    ) -> Result<(), Answer> {
        if uid.is_root() {
            return Ok(());
        }
        // One look-up, and never of a name that the peer says.
        let peer = operator::known_name_of(uid.as_raw()).ok().flatten();
        let services = peer
            .as_ref()
            .and_then(|name| config.helper.callers.get(name));
        let Some(services) = services else {
            return match &attempt.user {
                Some(user) if Some(user.as_str()) == peer.as_deref() => Ok(()),
                _ => Err(self.no_caller(uid, peer, &attempt.service.pam)),
            };
        };
        let rules = config.rules();
        for service in [&attempt.service.pam, &attempt.service.name] {
            if !services.iter().any(|named| rules.includes(named, service)) {
                let (peer, service) = (peer.unwrap_or_default(), service.as_str());
                let message = format!("{peer} may not ask about service {service}");
                return Err(failed(
                    &message,
                    &format!("{} says who may", self.callers()),
                ));
            }
        }
        Ok(())
    }

    fn no_caller(&self, uid: Uid, peer: Option<String>, service: &ServiceName) -> Answer {
        let peer = peer.unwrap_or_else(|| format!("uid {uid}"));
        let message = format!("{peer} may ask about its own user only");
        let line = format!("{peer} = [\"{}\"]", service.as_str());
        let hint = format!("a daemon needs a line in {}: {line}", self.callers());
        failed(&message, &hint)
    }

    /// Where the configuration says who may ask about others.
    fn callers(&self) -> String {
        format!("[helper.callers] of {}", self.config_path.display())
    }
}

/// What a question brings about.
struct Reply {
    answer: Answer,
    /// What is to be ended once it is answered.
    revoked: Option<Revoked>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            revoked: None,
        }
    }
}

/// Tells a peer that has as many connections as it gets, without waiting for anything.
fn send_away(connection: &OwnedFd, uid: u32) {
    let answer = failed(
        &format!("it has too many connections of uid {uid} already"),
        "try again",
    );
    if let Some(bytes) = answer.encode() {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let _ = send(connection, &bytes, flags);
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
        None => session::close(process),
    }
    Ok(Answer::Noted)
}

/// The password of an account has changed, says a process of root's: passwd, or whatever else root
/// has change passwords.
fn new_password(attempt: &Attempt, peer: UCred, config: Config) -> Result<Reply, Answer> {
    let (Some(user), true) = (&attempt.user, peer.uid.is_root()) else {
        return Err(failed(
            "only root's processes change passwords",
            "nothing needs to be done",
        ));
    };
    let (pid, now) = (peer.pid.as_raw_nonzero().get(), clock::now());
    let by = operator::name_behind(pid);
    let settled = settle_here(user, &config, by.clone(), now)?;
    syslog::send(&settled.lines, "", now);
    let revoked = (!settled.revoked.is_empty()).then(|| Revoked {
        entries: settled.revoked,
        stamp: Stamp { at: now, by },
        context: Context {
            config,
            json: false,
            now,
            owner: None,
        },
        // Now, as long as it waits for the answer.
        asker: Asker::of(pid),
    });
    let answer = Answer::Fate(settled.fate);
    Ok(Reply { answer, revoked })
}

fn failed(message: &str, hint: &str) -> Answer {
    Answer::Failed {
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}
