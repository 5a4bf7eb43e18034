// SPDX-License-Identifier: GPL-3.0-or-later
//! The account's password changes: what becomes of the app passwords?
//!
//! ```text
//! look (before) -> the other modules of the stack -> has_changed -> settle
//! ```
//!
//! Whether it has changed is what `/etc/shadow` says before and after, never where in the stack we
//! stand or what the other modules have answered: a change that fails may reach us, and is none.

use std::path::Path;

use crate::audit::Line;
use crate::clock::Timestamp;
use crate::config::{self, Config, OnPasswordChange};
use crate::credential::{Credential, Revocation, RevokedWhy, UserName};
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::hash::Key;
use crate::helper;
use crate::helper::wire::{About, Answer, Question};
use crate::policy::{Attempt, Fate};
use crate::store::Store;
use crate::{random, shadow};

/// What has come of a change.
pub struct Settled {
    /// What becomes of the app passwords.
    pub fate: Fate,
    /// Those that were revoked and can be read: what they have opened is to be ended.
    pub revoked: Vec<Credential>,
    /// What the log has to say about it.
    pub lines: Vec<Line>,
}

/// What the account's field is now. `None`: the account has none here.
pub fn look(user: &UserName) -> Result<Option<Fingerprint>, Error> {
    let key = random::bytes()?;
    let seen = shadow::field(user, |field| Fingerprint::of(user, field, Key::new(key)))?;
    Ok(seen.transpose()?)
}

/// Whether the field is another than it was. One that is gone has not changed its password.
pub fn has_changed(before: &Fingerprint) -> Result<bool, Error> {
    let same = shadow::field(&before.user, |field| before.is_of(field))?;
    Ok(same.transpose()? == Some(false))
}

/// Has the helper settle it, which also ends what the app passwords have opened. A root process whose
/// line says by which configuration does it itself, and so does one that has no helper.
pub fn settle(
    attempt: Attempt,
    conf: Option<&Path>,
    by: impl FnOnce() -> String,
    now: Timestamp,
) -> Result<Settled, Error> {
    let Some(user) = attempt.user.clone() else {
        return Ok(Settled::nothing());
    };
    let path = conf.unwrap_or(Path::new(config::PATH));
    let here = || settle_here(&user, &Config::load(path)?, by(), now);
    match conf {
        Some(_) => match here() {
            Err(failed) if failed.is_not_permitted() => ask(attempt),
            settled => settled,
        },
        None => ask(attempt).or_else(|no_helper| match here() {
            Err(failed) if failed.is_not_permitted() => Err(no_helper),
            settled => settled,
        }),
    }
}

fn ask(attempt: Attempt) -> Result<Settled, Error> {
    let about = About::NewPassword;
    match helper::ask(&Question { attempt, about })? {
        Answer::Fate(fate) => Ok(Settled {
            fate,
            ..Settled::nothing()
        }),
        _ => Err(helper::not_understood()),
    }
}

/// Settles it with this process's own rights. Where there is nothing to revoke, nothing is written:
/// whoever changes the passwords of thousands should not wait for the disk for each.
pub fn settle_here(
    user: &UserName,
    config: &Config,
    by: String,
    now: Timestamp,
) -> Result<Settled, Error> {
    let Some(mut store) = Store::open_impatiently(&config.state_dir)? else {
        return Ok(Settled::nothing());
    };
    let live = store.look()?.live(user)?;
    let count = live.sound.len() + live.damaged.len();
    if count == 0 || config.policy.on_password_change == OnPasswordChange::Keep {
        return Ok(Settled {
            fate: Fate::Kept(count),
            ..Settled::nothing()
        });
    }
    let revocation = Revocation {
        at: now,
        by,
        why: RevokedWhy::PasswordChanged,
    };
    match revoke_all(&mut store, user, &revocation) {
        Err(error) if error.may_want_room() && store.make_room() => {
            revoke_all(&mut store, user, &revocation)
        }
        tried => tried,
    }
}

/// Whatever is live by now: what is revoked is what is told and ended.
fn revoke_all(
    store: &mut Store,
    user: &UserName,
    revocation: &Revocation,
) -> Result<Settled, Error> {
    let mut change = store.change()?;
    let mut revoked = Vec::new();
    for entry in change.live(user)?.sound {
        change.revoke(&entry, revocation)?;
        revoked.extend(change.entry(entry.id)?);
    }
    let damaged = change.revoke_rest(user, revocation)?;
    Ok(Settled {
        // Not how many lines: those of very many are said in one.
        fate: Fate::Revoked(revoked.len() + damaged),
        revoked,
        lines: change.commit()?,
    })
}

impl Settled {
    const fn nothing() -> Self {
        Self {
            fate: Fate::Kept(0),
            revoked: Vec::new(),
            lines: Vec::new(),
        }
    }
}
