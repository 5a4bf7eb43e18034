// SPDX-License-Identifier: GPL-3.0-or-later
//! libpam's side: what it hands over is read once into plain values, and every answer becomes a
//! PAM code. Only this file and those in `pam/` name `pamsm`: `new_password` is the line of type
//! `password`, and `items` and `message` do what that crate cannot.
//!
//! We are a guest in somebody else's process. A panic must not end it: every entry point is
//! guarded. Nothing is written to standard output or error, which may be the connection to the
//! client. Nothing outlives a call but what libpam keeps for us on its handle: which entry was
//! accepted, its ticket, and the fingerprint of the account's field.

mod items;
mod message;
mod new_password;

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once};

use pamsm::{Pam, PamError, PamFlags, PamLibExt, PamServiceModule, pam_module};

use crate::arguments::Arguments;
use crate::audit::{self, Caller, Line};
use crate::authenticate::{authenticate, look_again, read_ticket};
use crate::clock::{self, Timestamp};
use crate::config;
use crate::credential::{CredentialId, ServiceName, UserName};
use crate::error::Error;
use crate::helper;
use crate::helper::wire::{About, Question};
use crate::policy::{Attempt, Outcome, Service};
use crate::session::{self, Process, Session};
use crate::{syslog, ticket};

/// The name of our data on the handle. It holds the version: pamsm's layout of it is Rust's, so
/// two versions of this module in one stack must not read each other's.
const ACCEPTED: &str = concat!("pam_app_passwd-", env!("CARGO_PKG_VERSION"));
/// The same for a ticket that has been taken out of the PAM environment.
const TICKET: &str = concat!("pam_app_passwd-", env!("CARGO_PKG_VERSION"), "-ticket");
/// Longer items are cut. No user, service or address that could match anything is that long.
const LONGEST_ITEM: usize = 512;

struct AppPasswd;

pam_module!(AppPasswd);

impl PamServiceModule for AppPasswd {
    fn authenticate(pam: Pam, _: PamFlags, arguments: Vec<String>) -> PamError {
        guard(|| Call::begin(&pam, arguments, "auth").authenticate())
    }

    /// There are no credentials to set. Always success: after a login by another way the chain
    /// runs through us all the same. It does so before anything of the user's is let into the PAM
    /// environment, so that the ticket is put away here.
    fn setcred(pam: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        guard(|| {
            if let Some(ticket) = take_ticket(&pam) {
                keep_ticket(&pam, ticket);
            }
            PamError::SUCCESS
        })
    }

    fn acct_mgmt(pam: Pam, _: PamFlags, arguments: Vec<String>) -> PamError {
        guard(|| Call::begin(&pam, arguments, "account").account())
    }

    fn open_session(pam: Pam, _: PamFlags, arguments: Vec<String>) -> PamError {
        guard(|| Call::begin(&pam, arguments, "session").open_session())
    }

    fn close_session(pam: Pam, _: PamFlags, arguments: Vec<String>) -> PamError {
        guard(|| Call::begin(&pam, arguments, "session").close_session())
    }

    fn chauthtok(pam: Pam, flags: PamFlags, arguments: Vec<String>) -> PamError {
        guard(|| Call::begin(&pam, arguments, "chauthtok").chauthtok(flags))
    }
}

/// What this module accepted on a handle, and by what it judged.
struct Accepted {
    entry: CredentialId,
    user: UserName,
    /// The name that scope and last use went by.
    service: ServiceName,
    conf: PathBuf,
}

/// One call of libpam.
struct Call<'a> {
    pam: &'a Pam,
    arguments: Arguments,
    caller: Caller,
    attempt: Attempt,
    prefix: String,
    now: Timestamp,
}

impl<'a> Call<'a> {
    /// Reads each item once.
    fn begin(pam: &'a Pam, arguments: Vec<String>, kind: &str) -> Self {
        let arguments = Arguments::parse(arguments);
        let pam_service = copied(pam.get_service().ok().flatten());
        let caller = Caller {
            user: copied(pam.get_cached_user().ok().flatten()),
            rhost: copied(pam.get_rhost().ok().flatten()),
            tty: copied(items::tty(pam)),
            uid: rustix::process::getuid().as_raw(),
            euid: rustix::process::geteuid().as_raw(),
        };
        let attempt = attempt(&caller, &pam_service, &arguments);
        let prefix = audit::prefix(&pam_service, kind);
        let call = Self {
            pam,
            arguments,
            caller,
            attempt,
            prefix,
            now: clock::now(),
        };
        let unknown: Vec<_> = call
            .arguments
            .unknown
            .iter()
            .map(|word| audit::unknown_argument(word))
            .collect();
        call.log(&unknown);
        call
    }

    fn authenticate(&self) -> PamError {
        // sshd and sudo try several times on one handle: what an earlier try left counts no more.
        self.remember(None);
        take_ticket(self.pam);
        let Some(typed) = self.typed() else {
            return PamError::AUTH_ERR;
        };
        let result = self.judge(typed);
        if let Ok(Outcome::Accepted { entry, ticket, .. }) = &result {
            self.remember(Some(entry.id));
            self.give_ticket(ticket.as_deref());
        }
        self.log(&audit::authentication(
            &self.caller,
            &result,
            &self.arguments,
        ));
        match result {
            Ok(Outcome::Accepted { .. }) => PamError::SUCCESS,
            Ok(Outcome::Refused { .. }) => PamError::PERM_DENIED,
            Ok(Outcome::Unknown { .. } | Outcome::NotOurs) => PamError::AUTH_ERR,
            Err(_) => PamError::AUTHINFO_UNAVAIL,
        }
    }

    /// What was typed in the place of a password. `None`: nothing, since the conversation failed or
    /// the host has not asked for a name (and neither do we); that is nobody's failure.
    fn typed(&self) -> Option<&[u8]> {
        let typed = match (self.caller.user.is_empty(), self.arguments.use_first_pass) {
            (true, _) => return None,
            (false, true) => self.pam.get_cached_authtok(),
            (false, false) => self.pam.get_authtok(self.arguments.prompt.as_deref()),
        };
        typed.ok().flatten().map(CStr::to_bytes)
    }

    fn judge(&self, typed: &[u8]) -> Result<Outcome, Error> {
        let outcome = authenticate(self.attempt.clone(), typed, self.conf(), self.now)?;
        if let (Some(conf), false) = (&self.arguments.conf, outcome == Outcome::NotOurs)
            && !conf.exists()
        {
            self.log(&[audit::no_configuration(conf)]);
        }
        Ok(outcome)
    }

    /// Ours is only what we accepted on this very handle. For a login by key or by another
    /// module there is nothing to say. What the line of the other phase had configured counts
    /// here, too: the two must not judge by different stores or names.
    fn account(&self) -> PamError {
        let Some(accepted) = self.accepted() else {
            return PamError::IGNORE;
        };
        let mut attempt = self.attempt.clone();
        attempt.service.name = accepted.service;
        match look_again(accepted.entry, attempt, &accepted.conf, self.now) {
            Ok(Some(Outcome::Accepted { .. })) => PamError::SUCCESS,
            Ok(Some(Outcome::Refused { entry, why })) => {
                self.log(&[audit::refused(&self.caller, &entry, why.as_str())]);
                PamError::PERM_DENIED
            }
            Ok(_) => {
                self.log(&[audit::gone(&self.caller, accepted.entry)]);
                PamError::PERM_DENIED
            }
            Err(error) => {
                self.log(&[audit::failed(&error)]);
                PamError::AUTHINFO_UNAVAIL
            }
        }
    }

    /// Notes the session, so that it can be ended when its app password is revoked. A login by
    /// another way has no entry, and nothing is noted. Not to be able to note it is no reason to
    /// keep anybody out.
    fn open_session(&self) -> PamError {
        if !rustix::process::geteuid().is_root() {
            return PamError::IGNORE; // a screen locker's, say, which nobody could end from outside
        }
        let noted = match self.opened_by() {
            Ok(Some(session)) => self.note(session),
            Ok(None) => return PamError::IGNORE,
            Err(error) => Err(error),
        };
        match noted {
            Ok(()) => PamError::SUCCESS,
            Err(error) => {
                self.log(&[audit::failed(&error)]);
                PamError::IGNORE
            }
        }
    }

    fn close_session(&self) -> PamError {
        if self.runs_with_other_rights() {
            if let Some(accepted) = self.accepted() {
                // The note goes with its process in any case.
                let _ = self.ask_about_session(accepted.user, About::Closed);
            }
        } else if let Some(process) = Process::current() {
            session::close(process);
        }
        PamError::IGNORE
    }

    /// Whose session it is, and which entry opened it: as this handle remembers it, or as a ticket
    /// says it that another process has put into the PAM environment. One that is forged counts as
    /// any entry of the user's.
    fn opened_by(&self) -> Result<Option<Session>, Error> {
        let ticket = take_ticket(self.pam);
        if let Some(accepted) = self.accepted() {
            let Accepted { entry, user, .. } = accepted;
            return Ok(Some(Session::of(&self.attempt, &user, Some(entry))));
        }
        // su and sudo are one process from beginning to end: what they have not accepted themselves
        // was not accepted.
        if self.runs_with_other_rights() {
            return Ok(None);
        }
        let (Some(ticket), Some(user)) = (ticket, &self.attempt.user) else {
            return Ok(None);
        };
        let ticket = String::from_utf8_lossy(&ticket);
        let entry = read_ticket(&ticket, user, self.conf(), self.now)?;
        Ok(Some(Session::of(&self.attempt, user, entry)))
    }

    fn note(&self, session: Session) -> Result<(), Error> {
        if self.runs_with_other_rights() {
            let Some(entry) = session.entry else {
                return Ok(());
            };
            return self.ask_about_session(session.user, About::Opened(entry));
        }
        Process::current().map_or(Ok(()), |process| session::note(process, &session))
    }

    /// sudo has changed `PAM_USER` by now; the session is that of the user who was let in.
    fn ask_about_session(&self, user: UserName, about: About) -> Result<(), Error> {
        let attempt = Attempt {
            user: Some(user),
            ..self.attempt.clone()
        };
        helper::ask(&Question { attempt, about }).map(|_| ())
    }

    /// Puts the ticket into the PAM environment, which is all that sshd hands on to the process
    /// that opens the session.
    fn give_ticket(&self, ticket: Option<&str>) {
        if let Some(ticket) = ticket {
            // Should libpam have no memory left for it, the session is not noted.
            let _ = self.pam.putenv(&format!("{}={ticket}", ticket::VARIABLE));
        }
    }

    /// Whether the real and the effective uid differ, as in su, sudo and passwd.
    fn runs_with_other_rights(&self) -> bool {
        self.caller.uid != self.caller.euid
    }

    fn conf(&self) -> &Path {
        let conf = self.arguments.conf.as_deref();
        conf.unwrap_or(Path::new(config::PATH))
    }

    /// Keeps on the handle what was accepted, or forgets it.
    fn remember(&self, entry: Option<CredentialId>) {
        let accepted = entry.map(|entry| {
            let conf = self.conf().as_os_str().as_bytes();
            let service = self.attempt.service.name.as_str().as_bytes();
            // None of them holds a NUL: they were C strings.
            [
                &entry.0.to_ne_bytes(),
                self.caller.user.as_slice(),
                b"\0",
                service,
                b"\0",
                conf,
            ]
            .concat()
        });
        // Should libpam have no memory left for it, the account phase ignores the login.
        let _ = self
            .pam
            .send_bytes(ACCEPTED, accepted.unwrap_or_default(), None);
    }

    fn accepted(&self) -> Option<Accepted> {
        let bytes = self.pam.retrieve_bytes(ACCEPTED).ok()?;
        let (entry, texts) = bytes.split_first_chunk()?;
        let mut texts = texts.splitn(3, |&byte| byte == 0);
        let mut name = || str::from_utf8(texts.next()?).ok();
        Some(Accepted {
            entry: CredentialId(i64::from_ne_bytes(*entry)),
            user: UserName::parse(name()?).ok()?,
            service: ServiceName::parse(name()?).ok()?,
            conf: name()?.into(),
        })
    }

    fn log_debug(&self, line: Line) {
        if self.arguments.debug {
            self.log(&[line]);
        }
    }

    fn log(&self, lines: &[Line]) {
        syslog::send(lines, &self.prefix, self.now);
    }
}

/// Takes the ticket, so that no process of the user's ever sees it: from the handle, or else from the
/// PAM environment.
fn take_ticket(pam: &Pam) -> Option<Vec<u8>> {
    let kept = pam.retrieve_bytes(TICKET).ok();
    if kept.is_some() {
        keep_ticket(pam, Vec::new());
    }
    let given = pam.getenv(ticket::VARIABLE).ok().flatten();
    let given = given.map(|ticket| ticket.to_bytes().to_vec());
    if given.is_some() {
        // Without a value the variable is removed. libpam would log it if it were not there.
        let _ = pam.putenv(ticket::VARIABLE);
    }
    kept.filter(|ticket| !ticket.is_empty()).or(given)
}

/// Keeps the ticket on the handle; an empty one is none.
fn keep_ticket(pam: &Pam, ticket: Vec<u8>) {
    // Should libpam have no memory left for it, the session is not noted.
    let _ = pam.send_bytes(TICKET, ticket, None);
}

fn attempt(caller: &Caller, pam_service: &[u8], arguments: &Arguments) -> Attempt {
    let name = |bytes: &[u8]| str::from_utf8(bytes).ok().map(str::to_owned);
    let service = name(pam_service).and_then(|service| ServiceName::parse(&service).ok());
    // What has no sound name is what libpam takes the stack `other` for.
    let pam = service.unwrap_or_else(ServiceName::other);
    Attempt {
        user: name(&caller.user).and_then(|user| UserName::parse(&user).ok()),
        service: Service {
            name: arguments.service.clone().unwrap_or_else(|| pam.clone()),
            pam,
        },
        rhost: name(&caller.rhost),
    }
}

/// A copy of an item, since libpam may free what it lends at the next call.
fn copied(item: Option<&CStr>) -> Vec<u8> {
    let bytes = item.map(CStr::to_bytes).unwrap_or_default();
    bytes.get(..LONGEST_ITEM).unwrap_or(bytes).to_vec()
}

#[cfg(panic = "abort")]
compile_error!(
    "a panic must become PAM_ABORT, not the end of the host: build with panic = \"unwind\""
);

/// Where the last panic was.
static PANICKED: Mutex<String> = Mutex::new(String::new());

/// Runs an entry point so that a panic ends the call and not the process.
fn guard(entry_point: impl FnOnce() -> PamError) -> PamError {
    static HOOK: Once = Once::new();
    // This library has a copy of std, and so a panic hook, of its own: the host's is untouched.
    HOOK.call_once(|| set_hook(Box::new(note_panic)));
    let guarded = || {
        #[cfg(planted_panic)]
        #[expect(clippy::panic, reason = "built by a test only")]
        {
            panic!("planted");
        }
        #[cfg(not(planted_panic))]
        entry_point()
    };
    caught(guarded).unwrap_or_else(|| {
        // Should this panic too, then without a word.
        caught(|| {
            let place = PANICKED
                .lock()
                .map(|place| place.clone())
                .unwrap_or_default();
            syslog::send(&[audit::panicked(&place)], "pam_app_passwd: ", clock::now());
        });
        PamError::ABORT
    })
}

/// The value, unless there was a panic.
fn caught<T>(act: impl FnOnce() -> T) -> Option<T> {
    // What a panic leaves behind is not forwarded, and to drop it could panic again.
    catch_unwind(AssertUnwindSafe(act))
        .map_err(std::mem::forget)
        .ok()
}

/// Instead of std's, which writes to standard error. The words of a panic may hold a secret, so only
/// its place is kept.
fn note_panic(info: &PanicHookInfo<'_>) {
    if let (Ok(mut place), Some(location)) = (PANICKED.try_lock(), info.location()) {
        *place = location.to_string();
    }
}
