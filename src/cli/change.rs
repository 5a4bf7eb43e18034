// SPDX-License-Identifier: GPL-3.0-or-later
//! A change as the verbs make it: what is meant is chosen, changed and looked at again in one
//! transaction, so that what is said of it afterwards, signed out and told is what was done. Nothing is
//! said, asked or hashed meanwhile.

use pam_app_passwd::clock::{self, Timestamp};
use pam_app_passwd::credential::{Credential, CredentialId, Revocation, RevokedWhy};
use pam_app_passwd::error::Error;
use pam_app_passwd::store::{Change, Store};
use pam_app_passwd::syslog;

use super::failure::Failure;
use super::{operator, output};

/// When a change is made, and by whom.
#[derive(Clone)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    pub(super) by: String,
}

impl Stamp {
    pub(super) fn revocation(&self, why: RevokedWhy) -> Revocation {
        let Self { at, by } = self.clone();
        Revocation { at, by, why }
    }
}

/// Makes a change, and tells the log. Its time is when nobody else can come between any more.
pub(super) fn make<T>(
    store: &mut Store,
    work: impl FnOnce(&mut Change<'_>, &Stamp) -> Result<T, Failure>,
) -> Result<(T, Stamp), Failure> {
    let by = operator::name();
    let mut change = store.change()?;
    change.asked_from(operator::origin());
    let at = clock::now();
    let stamp = Stamp { at, by };
    let done = work(&mut change, &stamp)?;
    syslog::send(&change.commit()?, "", at);
    Ok((done, stamp))
}

/// Makes a change that revokes. On a disk that has no room left, of whatever kind, in the room that is
/// kept for it.
pub(super) fn revoke<T>(
    store: &mut Store,
    work: impl Fn(&mut Change<'_>, &Stamp) -> Result<T, Failure>,
) -> Result<(T, Stamp), Failure> {
    match make(store, &work) {
        Err(failure) if failure.may_want_room && store.make_room() => make(store, &work),
        tried => tried,
    }
}

/// Revokes what is not revoked yet.
pub(super) fn revoke_each(
    store: &mut Store,
    entries: &[Credential],
    why: RevokedWhy,
) -> Result<(), Failure> {
    let revoked = revoke(store, |change, stamp| {
        let revocation = stamp.revocation(why);
        for entry in entries {
            change.revoke(entry, &revocation)?;
        }
        Ok(())
    });
    revoked.map(|_| ())
}

/// Entries as they are after a change.
#[derive(Default)]
pub(super) struct Changed {
    /// All that were meant.
    pub(super) all: Vec<Credential>,
    /// Those that were different before.
    pub(super) newly: Vec<Credential>,
}

impl Changed {
    /// Has `act` change each, which says whether it was different before.
    pub(super) fn each<'a>(
        change: &mut Change<'_>,
        entries: impl IntoIterator<Item = &'a Credential>,
        act: impl Fn(&mut Change<'_>, &Credential) -> Result<bool, Error>,
    ) -> Result<Self, Error> {
        let mut changed = Self::default();
        for entry in entries {
            let newly = act(change, entry)?;
            changed.add(change, entry.id, newly)?;
        }
        Ok(changed)
    }

    /// One more that was meant.
    pub(super) fn add(
        &mut self,
        change: &Change<'_>,
        id: CredentialId,
        newly: bool,
    ) -> Result<(), Error> {
        let entry = change.entry(id)?;
        self.newly.extend(entry.clone().filter(|_| newly));
        self.all.extend(entry);
        Ok(())
    }
}

/// Says how many of those that were shown were not meant any more.
pub(super) fn say_left_out(count: usize) {
    if count > 0 {
        let left_out = output::counted(count, "app password");
        output::say(&format!(
            "Not revoked, since changed meanwhile: {left_out}."
        ));
    }
}
