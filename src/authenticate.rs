// SPDX-License-Identifier: GPL-3.0-or-later
//! The one job: does this password open this door?
//!
//! ```text
//! parse -> find -> prove -> judge -> note
//! ```
//!
//! The shape is judged before any file is opened, and a wrong password of the right shape costs
//! one index probe, whether or not the user exists: there is nothing to time and nothing to flood.
//! Policy speaks only once the password is proved, so its reasons tell a guesser nothing.

use std::net::IpAddr;
use std::path::Path;

use crate::audit::{Entry, Outcome};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::credential::{Credential, CredentialId, UserName};
use crate::error::Error;
use crate::password::AppPassword;
use crate::policy::{self, Facts, Origin, Refusal, Request, Rules, Service, Verdict};
use crate::shadow;
use crate::store::Store;
use crate::usage::{Occasion, Usage};

/// Who wants in, through which service and from where.
pub struct Attempt {
    /// The user; `None`: a name that no entry can have.
    pub user: Option<UserName>,
    /// The service.
    pub service: Service,
    /// What the host said about the other side; `None`: nothing.
    pub rhost: Option<String>,
}

impl Attempt {
    fn request(&self) -> Request {
        Request {
            service: Some(self.service.clone()),
            origin: Some(self.origin()),
        }
    }

    /// Host names are never resolved: what is not an address is unknown.
    fn origin(&self) -> Origin {
        let address = self
            .rhost
            .as_deref()
            .and_then(|rhost| rhost.parse::<IpAddr>().ok());
        address.map_or(Origin::Unknown, |address| {
            Origin::Address(address.to_canonical())
        })
    }

    /// From where, as it is noted and shown.
    fn origin_text(&self) -> Option<String> {
        match self.origin() {
            Origin::Address(address) => Some(address.to_string()),
            Origin::Unknown => self.rhost.clone().filter(|rhost| !rhost.is_empty()),
        }
    }
}

/// Judges what was typed in the place of a password.
pub fn authenticate(
    attempt: &Attempt,
    typed: &[u8],
    config: &Path,
    now: Timestamp,
) -> Result<Outcome, Error> {
    let Some(password) = AppPassword::parse(typed) else {
        return Ok(Outcome::NotOurs);
    };
    let config = open_configuration(config)?;
    let mut store = Store::open_for_login(&config.state_dir)?;
    let (entry, user_known) = match &attempt.user {
        Some(user) => recognise(&mut store, user, &password)?,
        None => (None, false),
    };
    drop(store);
    let Some(entry) = entry else {
        return Ok(Outcome::Unknown { user_known });
    };
    Ok(Visit::begin(&entry, attempt, &config, now).judge())
}

/// Judges once more an entry that this module accepted on the same handle. `None`: it is gone, or
/// not this user's.
pub fn look_again(
    id: CredentialId,
    attempt: &Attempt,
    config: &Path,
    now: Timestamp,
) -> Result<Option<Outcome>, Error> {
    let config = open_configuration(config)?;
    let store = Store::open_for_login(&config.state_dir)?;
    let entry = store
        .entry(id)?
        .filter(|entry| attempt.user.as_ref() == Some(&entry.user));
    Ok(entry.map(|entry| Visit::begin(&entry, attempt, &config, now).judge_only()))
}

/// The entry that the password proves, and whether the user has or had any entry at all. Every row
/// that the tag finds is tried: two passwords can share one.
pub fn recognise(
    store: &mut Store,
    user: &UserName,
    password: &AppPassword,
) -> Result<(Option<Credential>, bool), Error> {
    let (found, user_known) = store.find(user, |key| key.proof(user, password))?;
    for candidates in found {
        for (entry, hash) in candidates.rows {
            if hash.proves(&candidates.proof)? {
                return Ok((Some(entry), true));
            }
        }
    }
    Ok((None, user_known))
}

/// Who runs with somebody else's privileges can be stopped by that person while holding a lock,
/// so such a process opens nothing.
fn open_configuration(path: &Path) -> Result<Config, Error> {
    let (real, effective) = (rustix::process::getuid(), rustix::process::geteuid());
    if real != effective {
        return Err(Error::DifferentUids {
            real: real.as_raw(),
            effective: effective.as_raw(),
        });
    }
    Config::load(path)
}

/// A proved password at a door.
struct Visit<'a> {
    entry: &'a Credential,
    attempt: &'a Attempt,
    rules: Rules,
    facts: Facts,
    usage: Usage,
}

impl<'a> Visit<'a> {
    /// Gathers what there is to know.
    fn begin(entry: &'a Credential, attempt: &'a Attempt, config: &Config, now: Timestamp) -> Self {
        let mut usage = Usage::open_for_login(&config.state_dir, now);
        let facts = Facts {
            now,
            unused_since: usage.unused_since(entry),
            locked: shadow::is_locked(&entry.user),
        };
        Self {
            entry,
            attempt,
            rules: config.rules(),
            facts,
            usage,
        }
    }

    /// Judges, and notes it.
    fn judge(mut self) -> Outcome {
        let outcome = self.judge_only();
        let origin = self.attempt.origin_text();
        let occasion = Occasion {
            entry: self.entry.id,
            service: &self.attempt.service.name,
            origin: origin.as_deref(),
            at: self.facts.now,
        };
        match &outcome {
            Outcome::Refused { why, .. } => self.usage.note_refusal(occasion, *why),
            _ => self.usage.note_use(occasion),
        }
        outcome
    }

    fn judge_only(&self) -> Outcome {
        let request = self.attempt.request();
        let judge = |facts| policy::judge(self.entry, &request, facts, &self.rules);
        let mut verdict = judge(&self.facts);
        // Where uses are not noted, an entry that looks idle may be used every day.
        let idle_unnoted = verdict == Verdict::Refuse(Refusal::Idle) && !self.usage.can_note();
        if idle_unnoted {
            verdict = judge(&Facts {
                unused_since: None,
                ..self.facts
            });
        }
        let entry = Entry {
            id: self.entry.id,
            label: self.entry.label.clone(),
        };
        match verdict {
            Verdict::Accept => Outcome::Accepted {
                entry,
                idle_unnoted,
            },
            Verdict::Refuse(why) => Outcome::Refused { entry, why },
        }
    }
}
