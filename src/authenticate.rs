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

use std::path::Path;

use crate::audit::quoted;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::credential::{Credential, CredentialId, UserName};
use crate::error::Error;
use crate::hash::Key;
use crate::helper;
use crate::helper::wire::{About, Answer, Question};
use crate::password::AppPassword;
use crate::policy::{self, Attempt, Entry, Facts, Outcome, Refusal, Rules, Verdict};
use crate::store::Store;
use crate::usage::{Occasion, Usage};
use crate::{session, shadow, ticket};

/// Judges what was typed in the place of a password.
pub fn authenticate(
    attempt: Attempt,
    typed: &[u8],
    config: &Path,
    now: Timestamp,
) -> Result<Outcome, Error> {
    let Some(password) = AppPassword::parse(typed) else {
        return Ok(Outcome::NotOurs);
    };
    let question = Question {
        attempt,
        about: About::Password(password),
    };
    Ok(match answer(&question, config, now)? {
        Answer::Outcome(outcome) => outcome,
        // Only an entry can be gone, and a password is none.
        _ => Outcome::Unknown { user_known: false },
    })
}

/// Judges once more an entry that this module accepted on the same handle. `None`: it is gone, or
/// not this user's.
pub fn look_again(
    id: CredentialId,
    attempt: Attempt,
    config: &Path,
    now: Timestamp,
) -> Result<Option<Outcome>, Error> {
    let about = About::Entry(id);
    Ok(match answer(&Question { attempt, about }, config, now)? {
        Answer::Outcome(outcome) => Some(outcome),
        _ => None,
    })
}

/// Answers here, or has the helper answer if this process may not open the store.
fn answer(question: &Question, config: &Path, now: Timestamp) -> Result<Answer, Error> {
    let uid = rustix::process::getuid().as_raw();
    match Config::load(config).and_then(|config| judge(question, uid, &config, now)) {
        Err(error) if error.is_not_permitted() => helper::ask(question),
        answered => answered,
    }
}

/// Finds, proves, judges and notes, with this process's own rights, for the host of uid `asker`.
pub fn judge(
    question: &Question,
    asker: u32,
    config: &Config,
    now: Timestamp,
) -> Result<Answer, Error> {
    let Question { attempt, about } = question;
    let mut store = Store::open_for_login(&config.state_dir)?;
    let unknown = |user_known| Ok(Answer::Outcome(Outcome::Unknown { user_known }));
    let Some(user) = &attempt.user else {
        return unknown(false);
    };
    match about {
        About::Password(password) => {
            let (found, user_known) = recognise(&mut store, user, password)?;
            drop(store);
            let Some((entry, key)) = found else {
                return unknown(user_known);
            };
            let visit = Visit::begin(&entry, attempt, config, now)?;
            Ok(Answer::Outcome(visit.judge_and_note(
                asker,
                &key,
                &config.state_dir,
            )))
        }
        About::Entry(id) => {
            let entry = store.entry(*id)?.filter(|entry| entry.user == *user);
            drop(store);
            let Some(entry) = entry else {
                return Ok(Answer::Gone);
            };
            Ok(Answer::Outcome(
                Visit::begin(&entry, attempt, config, now)?.judge(),
            ))
        }
        // Neither is about a login: sessions are noted beside the store, and what a new password of
        // the account brings about is for `password_change`.
        About::Opened(_) | About::Closed | About::NewPassword => Ok(Answer::Gone),
    }
}

/// The entry that a ticket says, if the store's key has sealed it.
pub fn read_ticket(
    ticket: &str,
    user: &UserName,
    config: &Path,
    now: Timestamp,
) -> Result<Option<CredentialId>, Error> {
    let store = Store::open_for_login(&Config::load(config)?.state_dir)?;
    let keys: Vec<_> = store
        .keys()?
        .into_iter()
        .map(|numbered| numbered.key)
        .collect();
    let boot = session::boot_id().unwrap_or_default();
    Ok(ticket::read(ticket, &keys, user, &boot, now))
}

/// The entry that the password proves and the key it is under, and whether the user has or had any
/// entry at all. Every row that the tag finds is tried: two passwords can share one.
pub fn recognise(
    store: &mut Store,
    user: &UserName,
    password: &AppPassword,
) -> Result<(Option<(Credential, Key)>, bool), Error> {
    let (found, user_known) = store.find(user, |key| key.proof(user, password))?;
    for candidates in found {
        for (entry, hash) in candidates.rows {
            if hash.proves(&candidates.proof)? {
                return Ok((Some((entry, candidates.key)), true));
            }
        }
    }
    Ok((None, user_known))
}

/// A proved password at a door.
struct Visit<'a> {
    entry: &'a Credential,
    attempt: &'a Attempt,
    rules: Rules,
    facts: Facts,
}

impl<'a> Visit<'a> {
    /// Gathers what there is to know, but for when the entry was last used.
    fn begin(
        entry: &'a Credential,
        attempt: &'a Attempt,
        config: &Config,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let locked = shadow::is_locked(&entry.user)?;
        Ok(Self {
            entry,
            attempt,
            rules: config.rules(),
            facts: Facts {
                locked,
                ..Facts::at(now)
            },
        })
    }

    fn judge(&self) -> Outcome {
        self.outcome(policy::judge(
            self.entry,
            &self.attempt.request(),
            &self.facts,
            &self.rules,
        ))
    }

    /// Judges, and notes it for the host of uid `asker`.
    fn judge_and_note(mut self, asker: u32, key: &Key, state_dir: &Path) -> Outcome {
        let mut usage = Usage::open_for_login(state_dir, self.facts.now);
        if self.rules.idle_expiry.is_some() {
            self.facts.unused_since = usage.unused_since(self.entry);
        }
        let mut outcome = self.judge();
        let mut idle = false;
        if let Outcome::Refused { why, .. } = outcome {
            let noted = usage.note_refusal(self.occasion(asker), why);
            idle = why == Refusal::Idle && !noted;
            if !idle {
                return outcome;
            }
            // Where nothing can be noted, an entry that looks idle may be used every day.
            self.facts.unused_since = None;
            outcome = self.judge();
        }
        if let Outcome::Accepted {
            idle_unnoted,
            ticket,
            ..
        } = &mut outcome
        {
            *idle_unnoted = idle;
            *ticket = self.ticket(key);
            usage.note_use(self.occasion(asker));
        }
        outcome
    }

    fn occasion(&self, asker: u32) -> Occasion<'_> {
        Occasion {
            entry: self.entry.id,
            service: &self.attempt.service.name,
            // A host name is what somebody else typed; an address needs no escape.
            origin: self.attempt.origin_text().map(|origin| quoted(&origin)),
            uid: asker,
            at: self.facts.now,
        }
    }

    fn ticket(&self, key: &Key) -> Option<String> {
        let Credential { id, user, .. } = self.entry;
        ticket::issue(key, *id, user, &session::boot_id()?, self.facts.now)
    }

    fn outcome(&self, verdict: Verdict) -> Outcome {
        let entry = Entry {
            id: self.entry.id,
            label: self.entry.label.clone(),
        };
        match verdict {
            Verdict::Accept => Outcome::Accepted {
                entry,
                idle_unnoted: false,
                ticket: None,
            },
            Verdict::Refuse(why) => Outcome::Refused { entry, why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{Label, ServiceName};
    use crate::hash::{Cost, HASHES, Hash};
    use crate::policy::Service;
    use crate::random;
    use crate::store::NewCredential;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000_000);

    struct Fixture {
        dir: tempfile::TempDir,
        store: Store,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::Builder::new()
                .prefix("app-passwd-")
                .tempdir_in("/tmp")
                .unwrap();
            let store = Store::open_or_create(&dir.path().join("state"), NOW).unwrap();
            Self { dir, store }
        }

        /// Makes an entry of `owner` out of what `user`'s password would be stored as.
        fn store_as(
            &mut self,
            owner: &str,
            user: &str,
            label: &str,
            password: &AppPassword,
        ) -> CredentialId {
            let key = self.store.own_key().unwrap();
            let proof = key.key.proof(&name(user), password).unwrap();
            let new = NewCredential {
                user: name(owner),
                label: Label::parse(label).unwrap(),
                key,
                tag: proof.tag(),
                hash: Hash::of(
                    &proof,
                    random::bytes().unwrap(),
                    Cost::new(8, 1, 1).unwrap(),
                )
                .unwrap(),
                services: vec![ServiceName::parse("mail").unwrap()],
                networks: vec![],
                created: NOW,
                created_by: "root".to_owned(),
                expires: None,
                is_virtual: false,
            };
            let mut change = self.store.change().unwrap();
            let entry = change.create(&new).unwrap();
            change.commit().unwrap();
            entry.id
        }

        fn store(&mut self, user: &str, label: &str, password: &AppPassword) -> CredentialId {
            self.store_as(user, user, label, password)
        }

        fn login(&self, user: &str, password: &AppPassword) -> Outcome {
            let config = self.dir.path().join("config.toml");
            let state = self.dir.path().join("state");
            std::fs::write(&config, format!("state_dir = \"{}\"", state.display())).unwrap();
            let imap = ServiceName::parse("imap").unwrap();
            let attempt = Attempt {
                user: Some(name(user)),
                service: Service {
                    name: imap.clone(),
                    pam: imap,
                },
                rhost: None,
            };
            authenticate(attempt, password.reveal().as_slice(), &config, NOW).unwrap()
        }
    }

    fn name(user: &str) -> UserName {
        UserName::parse(user).unwrap()
    }

    fn password() -> AppPassword {
        AppPassword::generate(random::fill).unwrap()
    }

    fn accepted(outcome: &Outcome) -> Option<CredentialId> {
        match outcome {
            Outcome::Accepted { entry, .. } => Some(entry.id),
            _ => None,
        }
    }

    fn hashes_of<T>(act: impl FnOnce() -> T) -> (usize, T) {
        let before = HASHES.get();
        let result = act();
        (HASHES.get() - before, result)
    }

    #[test]
    fn the_right_one_of_25_passwords_costs_one_hash_and_a_wrong_one_none() {
        let mut fixture = Fixture::new();
        let passwords: Vec<_> = (0..25).map(|_| password()).collect();
        for (number, password) in passwords.iter().enumerate() {
            fixture.store("alice", &format!("app {number}"), password);
        }
        let (right, outcomes) = hashes_of(|| {
            passwords
                .iter()
                .map(|p| fixture.login("alice", p))
                .collect::<Vec<_>>()
        });
        assert!(outcomes.iter().all(|outcome| accepted(outcome).is_some()));
        // Two of the 25 share a tag once in some 200 runs; then one of them costs two.
        assert!((25..=27).contains(&right), "{right} hashes for 25 logins");
        let (hashes, outcome) = hashes_of(|| fixture.login("nobody", &passwords[0]));
        assert_eq!(
            (hashes, outcome),
            (0, Outcome::Unknown { user_known: false })
        );
        let wrong: usize = (0..25)
            .map(|_| hashes_of(|| fixture.login("alice", &password())).0)
            .sum();
        assert!(wrong <= 1, "{wrong} hashes for 25 guesses");
    }

    #[test]
    fn two_passwords_on_one_tag_both_work() {
        let mut fixture = Fixture::new();
        let first = password();
        let tag = |fixture: &Fixture, password: &AppPassword| {
            let key = fixture.store.own_key().unwrap().key;
            key.proof(&name("alice"), password).unwrap().tag()
        };
        let wanted = tag(&fixture, &first);
        let second = std::iter::repeat_with(password)
            .find(|p| tag(&fixture, p) == wanted)
            .unwrap();
        let ids = [
            fixture.store("alice", "one", &first),
            fixture.store("alice", "two", &second),
        ];
        assert_eq!(accepted(&fixture.login("alice", &first)), Some(ids[0]));
        let (hashes, outcome) = hashes_of(|| fixture.login("alice", &second));
        assert_eq!((hashes, accepted(&outcome)), (2, Some(ids[1])));
    }

    #[test]
    fn a_row_copied_to_another_user_never_verifies() {
        let mut fixture = Fixture::new();
        let password = password();
        fixture.store("alice", "phone", &password);
        fixture.store_as("mallory", "alice", "stolen", &password);
        assert!(accepted(&fixture.login("alice", &password)).is_some());
        assert_eq!(
            fixture.login("mallory", &password),
            Outcome::Unknown { user_known: true }
        );
    }
}
