// SPDX-License-Identifier: GPL-3.0-or-later
//! Conversations with the helper that wait for somebody to fill in the next form. The form's token finds
//! its conversation, once: a form that is sent a second time finds nothing.
//!
//! The helper has room for a few of them only. Whoever begins many and answers none must not keep others
//! from signing in: a network has its share, and when all is taken, the network that has most gives way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pam_app_passwd::helper::TALK;
use tokio::time::Instant;

use crate::client::{Client, network};
use crate::helper::Talk;
use crate::pages::Purpose;
use crate::places::{Place, Places};
use crate::token::Token;

/// Fewer than the helper takes of the page, which has other wishes as well.
const MOST: usize = 12;
/// As many as are begun from one network.
const OF_A_NETWORK: usize = 4;

#[derive(Default)]
pub(crate) struct Talks {
    waiting: Mutex<HashMap<Token, Waiting>>,
    places: Places,
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
    /// Until it has ended.
    pub(crate) place: Option<Place>,
    pub(crate) began: Instant,
}

impl Talks {
    /// Room for one more conversation of this client. `None`: there is none for its network.
    pub(crate) fn admit(&self, client: &Client) -> Option<Place> {
        let network = network(client.address);
        self.with(|_| ()); // what took too long gives its place back
        let own = self.places.of(network);
        if own >= OF_A_NETWORK {
            return None;
        }
        let place = self.places.take(network);
        if self.places.in_all() > MOST {
            // What gives way is dropped here, and with it goes its connection.
            let _gone = self.oldest_of_the_busiest(own + 1)?;
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

    /// Of the network with the most places, if these are more than `than`.
    fn oldest_of_the_busiest(&self, than: usize) -> Option<Waiting> {
        self.with(|all| {
            let load = |waiting: &Waiting| {
                let place = waiting.about.place.as_ref();
                place.map_or(0, |place| self.places.of(place.network()))
            };
            let (&form, _) = all
                .iter()
                .filter(|(_, waiting)| load(waiting) > than)
                .max_by_key(|(_, waiting)| (load(waiting), waiting.about.began.elapsed()))?;
            all.remove(&form)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<Token, Waiting>) -> T) -> T {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| waiting.about.began.elapsed() < TALK);
        look(&mut all)
    }
}
