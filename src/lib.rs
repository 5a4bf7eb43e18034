// SPDX-License-Identifier: GPL-3.0-or-later
//! App-specific passwords for Linux accounts: what the PAM module and the tool share.
//!
//! A login, from libpam's call to the PAM code:
//!
//! ```text
//! libpam -> pam          read user, service, rhost and password once, into plain values
//!           authenticate the page to read first: parse -> find -> prove -> judge -> note
//!             password   is this the shape of an app password? if not, no file is opened
//!             store      the rows of this user with the password's keyed tag: usually none or one
//!             hash       argon2id over the rest of the keyed value, compared in constant time
//!             policy     facts in, verdict out
//!             usage      when and from where, best effort
//!           audit        the words of the log line;  syslog delivers them, and never blocks
//! ```
//!
//! A host that may not open the store, since it is not root or runs with the rights of two users,
//! asks the helper (`app-passwd serve`), which does the same with its own rights:
//!
//! ```text
//! authenticate -> helper::ask  =socket=>  cli/serve -> authenticate::judge
//! ```
//!
//! An account holder who does it alone, by the verbs without USER:
//!
//! ```text
//! cli/own =socket=> cli/serve/own -> cli/<verb>   the very same; a thread that acts for a person (cli/person)
//! web     =socket=>               by a pass       for those who have proved to PAM, through the page, who they are
//!                                 by SO_PEERCRED    prints and asks through the connection (cli/client)
//!   before a secret               -> cli/converse -> libpam, in a process apart; what it asks is relayed
//! ```
//!
//! A session that an app password opens, until the password is revoked:
//!
//! ```text
//! pam (auth)    a sealed ticket says the entry, since sshd opens the session in another process
//! pam (session) session notes the entry and the process below /run/app-passwd
//! cli/revoke -> cli/signout     ends what is noted, and runs what [on_revoke] names
//! ```
//!
//! The account's password changes, or a change of it fails, from libpam's first call to the last:
//!
//! ```text
//! pam (password, preliminary phase) shadow -> fingerprint, kept on the handle
//! pam (password, update phase)      password_change: is the field another now?
//!                                   then by the helper, or by a root process itself, all are revoked (or kept);
//!                                   one sentence says so;  cli/serve -> cli/signout ends what they had opened
//! ```
//!
//! A change by the tool:
//!
//! ```text
//! main -> cli/<verb>     arguments -> plain values
//!           store        one transaction: what is meant, its change and its event
//!           audit        the same event as a log line
//! ```
//!
//! The core (`credential`, `password`, `hash`, `policy`, `ticket`, `fingerprint`, `audit`,
//! `arguments`) knows no file, no clock and no randomness. Each edge is the only one that names its outside thing: `pam`
//! libpam, `store` and `usage` SQLite, `config` TOML, `syslog` the log, `helper` its socket,
//! `session` `/run` and processes, `clock` the time, `random` the system's generator, `trust` file
//! owners and modes, `shadow` the account's field in `/etc/shadow`.

// -- core
pub mod arguments;
pub mod audit;
pub mod credential;
pub mod fingerprint;
pub mod hash;
pub mod password;
pub mod policy;
pub mod ticket;
// -- the one job
pub mod authenticate;
// -- and what a new password of the account brings about
pub mod password_change;
// -- edges
pub mod clock;
pub mod config;
pub mod error;
pub mod helper;
mod pam;
pub mod random;
pub mod session;
pub mod shadow;
pub mod store;
pub mod syslog;
pub mod trust;
pub mod usage;
