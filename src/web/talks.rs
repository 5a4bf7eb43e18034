// SPDX-License-Identifier: GPL-3.0-or-later
//! Conversations with the helper that wait for somebody to fill in the next form. The form's token finds
//! its conversation, once: a form that is sent a second time finds nothing.
//!
//! The helper has room for a few of them only. Whoever begins many and answers none must not keep others
//! out: when all places are taken, the party with most of them gives way, and after a while the oldest
//! does. Those who sign in and those who have are counted apart, so strangers hold up nobody who has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::TALK;
use tokio::time::Instant;

use crate::client::Client;
use crate::helper::Talk;
use crate::pages::Purpose;
use crate::places::{Place, Places};
use crate::token::Token;

/// Fewer than the helper takes of the page, since it notices a little later that one has ended.
const SIGN_INS: usize = 14;
/// Beside the other wishes of those who have signed in.
const PROOFS: usize = 8;
/// Those of one user, who may do it in two browsers.
const OF_A_USER: usize = 2;
/// How long an answer may take when others wait for the place.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Talks {
    waiting: Mutex<HashMap<Token, Waiting>>,
    sign_ins: Places<Party>,
    proofs: Places<Party>,
}

/// By whom conversations are counted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    /// Those who are about to sign in.
    Network(IpAddr),
    /// Somebody who has, and proves it once more.
    User(UserName),
}

/// A conversation and all that is needed to go on with it.
pub(crate) struct Waiting {
    pub(crate) talk: Talk,
    pub(crate) about: About,
}

/// What a conversation is about.
pub(crate) struct About {
    /// What its end is good for.
    pub(crate) purpose: Purpose,
    /// The cookie of whoever has begun it.
    pub(crate) owner: Token,
    pub(crate) client: Client,
    /// Until whoever has begun it hears how it has ended. If it were free before, others would see when PAM
    /// was done.
    pub(crate) place: Place<Party>,
    pub(crate) began: Instant,
}

impl Talks {
    /// Room for one more conversation of this party. `None`: there is none now.
    pub(crate) fn admit(&self, party: Party) -> Option<Place<Party>> {
        let (places, most, of_each) = match party {
            // Many may come from one, as long as nobody else wants to.
            Party::Network(_) => (&self.sign_ins, SIGN_INS, usize::MAX),
            Party::User(_) => (&self.proofs, PROOFS, OF_A_USER),
        };
        self.sweep();
        let place = places.take(party);
        let own = places.of(place.party());
        // What gives way is dropped, and with it goes its connection.
        if own > of_each {
            self.give_up(places, |other, _| other == place.party())?;
        }
        if places.in_all() > most {
            let by_load = self.give_up(places, |other, _| places.of(other) > own);
            by_load.or_else(|| self.give_up(places, |_, began| began.elapsed() >= PATIENCE))?;
        }
        Some(place)
    }

    /// Keeps a conversation until the form with the token that is returned comes back.
    pub(crate) fn wait(&self, form: Token, waiting: Waiting) {
        self.with(|all| all.insert(form, waiting));
    }

    /// The conversation that the form belongs to, if it is its owner who has sent it.
    pub(crate) fn take(&self, form: Token, owner: Token, client: &Client) -> Option<Waiting> {
        self.with(|all| {
            let waiting = all.get(&form)?;
            let about = &waiting.about;
            let is_theirs = about.owner == owner && about.client.may_be(client);
            if is_theirs { all.remove(&form) } else { None }
        })
    }

    /// Gives up what somebody who is gone has begun.
    pub(crate) fn end(&self, owner: Token) {
        let gone: Vec<_> = self.with(|all| {
            all.extract_if(|_, waiting| waiting.about.owner == owner)
                .collect()
        });
        drop(gone);
    }

    /// Gives up what has taken too long.
    pub(crate) fn sweep(&self) {
        self.with(|_| ());
    }

    /// Of those that `may` give way, the oldest of the party that has most.
    fn give_up(
        &self,
        places: &Places<Party>,
        may: impl Fn(&Party, Instant) -> bool,
    ) -> Option<Waiting> {
        self.with(|all| {
            let load = |waiting: &Waiting| {
                let party = waiting.about.place.party();
                let load = places.of(party);
                (load > 0 && may(party, waiting.about.began)).then_some(load)
            };
            let candidates = all.iter().filter_map(|(form, waiting)| {
                Some((load(waiting)?, waiting.about.began.elapsed(), *form))
            });
            let (.., form) = candidates.max_by_key(|(load, age, _)| (*load, *age))?;
            all.remove(&form)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<Token, Waiting>) -> T) -> T {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| waiting.about.began.elapsed() < TALK);
        look(&mut all)
    }
}
