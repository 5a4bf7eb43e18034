// SPDX-License-Identifier: GPL-3.0-or-later
//! How many things of a kind may go on at once, for each network and in all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts of what goes on, by network.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of them, until it is dropped.
pub(crate) struct Place {
    places: Places,
    network: IpAddr,
}

impl Places {
    pub(crate) fn take(&self, network: IpAddr) -> Place {
        self.with(|counts| *counts.entry(network).or_default() += 1);
        Place {
            places: self.clone(),
            network,
        }
    }

    pub(crate) fn of(&self, network: IpAddr) -> usize {
        self.with(|counts| counts.get(&network).copied().unwrap_or(0))
    }

    pub(crate) fn in_all(&self) -> usize {
        self.with(|counts| counts.values().sum())
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<IpAddr, usize>) -> T) -> T {
        // Whoever panicked with it in hand had only counted.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.with(|counts| {
            if let Some(count) = counts.get_mut(&self.network) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&self.network);
                }
            }
        });
    }
}

impl Place {
    pub(crate) const fn network(&self) -> IpAddr {
        self.network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone_and_nothing_is_left_of_it() {
        let places = Places::default();
        let [here, there] = ["192.0.2.0", "203.0.113.0"].map(|text| text.parse().unwrap());
        let first = places.take(here);
        let second = places.take(here);
        let other = places.take(there);
        assert_eq!(
            (places.of(here), places.of(there), places.in_all()),
            (2, 1, 3)
        );
        drop((first, second, other));
        assert_eq!(places.in_all(), 0);
        places.with(|counts| assert!(counts.is_empty()));
    }
}
