// SPDX-License-Identifier: GPL-3.0-or-later
//! How many things of a kind go on at once, for each party and in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of what goes on, by party: a network, or a user.
pub(crate) struct Places<P>(Arc<Mutex<HashMap<P, usize>>>);

/// One of them, until it is dropped.
pub(crate) struct Place<P: Eq + Hash> {
    places: Arc<Mutex<HashMap<P, usize>>>,
    party: P,
}

impl<P> Default for Places<P> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<P: Clone + Eq + Hash> Places<P> {
    pub(crate) fn take(&self, party: P) -> Place<P> {
        self.with(|counts| *counts.entry(party.clone()).or_default() += 1);
        Place {
            places: self.0.clone(),
            party,
        }
    }

    pub(crate) fn of(&self, party: &P) -> usize {
        self.with(|counts| counts.get(party).copied().unwrap_or(0))
    }

    pub(crate) fn in_all(&self) -> usize {
        self.with(|counts| counts.values().sum())
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<P, usize>) -> T) -> T {
        // Whoever panicked with it in hand had only counted.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<P: Eq + Hash> Drop for Place<P> {
    fn drop(&mut self) {
        let mut counts = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.party);
            }
        }
    }
}

impl<P: Eq + Hash> Place<P> {
    pub(crate) const fn party(&self) -> &P {
        &self.party
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone_and_nothing_is_left_of_it() {
        let places = Places::default();
        let [here, there] = ["here", "there"];
        let first = places.take(here);
        let second = places.take(here);
        let other = places.take(there);
        assert_eq!(
            (places.of(&here), places.of(&there), places.in_all()),
            (2, 1, 3)
        );
        drop((first, second, other));
        assert_eq!(places.in_all(), 0);
        places.with(|counts| assert!(counts.is_empty()));
    }
}
