// SPDX-License-Identifier: GPL-3.0-or-later
//! How often somebody may try something within a while, and then not at all until it is over: to prove who
//! they are, and fail; and to change anything. A try counts from its beginning, so that many at once are
//! not one.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::super::share::locked;

/// How long a try counts.
const WHILE: Duration = Duration::from_secs(600);
/// More than can be made in that while. The oldest are forgotten first.
const MOST: usize = 10_000;

/// Whose tries are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Those of a process of this uid.
    Uid(u32),
    /// Those to sign in on the web page as this user.
    User(String),
    /// Those of this user over the web page, when they have signed in.
    Signed(String),
    /// Those over the web page from this network: a /24, or a /64.
    Network(IpAddr),
    /// The changes of this user, from wherever: each is written to the disk, and locks the store for that.
    Changes(String),
}

impl Who {
    /// The network that an address is in.
    pub(super) fn from(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4((u32::from(address) & !0xff).into()),
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        })
    }

    const fn most(&self) -> usize {
        match self {
            Self::Uid(_) | Self::User(_) | Self::Signed(_) => 5,
            Self::Network(_) => 20,
            Self::Changes(_) => 60,
        }
    }
}

/// The tries of the last while, in their order.
#[derive(Default)]
pub(super) struct Tries(Mutex<VecDeque<(Who, Instant)>>);

impl Tries {
    /// Counts a try of all these. `false`: one of them has none left.
    pub(super) fn begin(&self, all: &[Who], now: Instant) -> bool {
        let mut tries = locked(&self.0);
        while tries
            .front()
            .is_some_and(|(_, at)| now.duration_since(*at) >= WHILE)
        {
            tries.pop_front();
        }
        if left(&tries, all) == 0 {
            return false;
        }
        for who in all {
            if tries.len() == MOST {
                tries.pop_front();
            }
            tries.push_back((who.clone(), now));
        }
        true
    }

    /// How many more all of these may make.
    pub(super) fn left(&self, all: &[Who]) -> usize {
        let tries = locked(&self.0);
        left(&tries, all)
    }

    /// The try was good: whoever they are, they are themselves. Others of the network may not be.
    pub(super) fn succeeded(&self, all: &[Who]) {
        self.take_back(all);
        let mut tries = locked(&self.0);
        tries.retain(|(who, _)| matches!(who, Who::Network(_)) || !all.contains(who));
    }

    /// Nothing was tried after all.
    pub(super) fn take_back(&self, all: &[Who]) {
        let mut tries = locked(&self.0);
        for who in all {
            if let Some(last) = tries.iter().rposition(|(other, _)| other == who) {
                tries.remove(last);
            }
        }
    }
}

fn left(tries: &VecDeque<(Who, Instant)>, all: &[Who]) -> usize {
    let made = |who: &Who| tries.iter().filter(|(other, _)| other == who).count();
    let left = all.iter().map(|who| who.most().saturating_sub(made(who)));
    left.min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice_from(address: &str) -> [Who; 2] {
        let network = Who::from(address.parse().unwrap());
        [Who::User("alice".to_owned()), network]
    }

    #[test]
    fn after_five_failures_there_is_no_sixth_try_until_the_first_is_long_ago() {
        let (tries, now) = (Tries::default(), Instant::now());
        let who = [Who::Uid(1000)];
        for _ in 0..5 {
            assert!(tries.begin(&who, now));
        }
        assert!(!tries.begin(&who, now));
        assert!(!tries.begin(&who, now + WHILE / 2));
        assert!(tries.begin(&[Who::Uid(1001)], now));
        assert!(tries.begin(&who, now + WHILE));
    }

    #[test]
    fn a_good_try_makes_up_for_bad_ones_of_the_user_and_not_of_the_network() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..4 {
            assert!(tries.begin(&alice_from("192.0.2.7"), now));
        }
        assert!(tries.begin(&alice_from("192.0.2.7"), now));
        tries.succeeded(&alice_from("192.0.2.7"));
        let left: Vec<_> = tries.0.lock().unwrap().iter().cloned().collect();
        assert_eq!(left.len(), 4);
        assert!(left.iter().all(|(who, _)| matches!(who, Who::Network(_))));
    }

    #[test]
    fn a_network_has_twenty_tries_whoever_it_tries_to_be() {
        let (tries, now) = (Tries::default(), Instant::now());
        let someone = |number: usize, address: &str| {
            let network = Who::from(address.parse().unwrap());
            [Who::User(number.to_string()), network]
        };
        for number in 0..20 {
            let address = format!("192.0.2.{number}");
            assert!(tries.begin(&someone(number, &address), now));
        }
        assert!(!tries.begin(&someone(20, "::ffff:192.0.2.200"), now));
        assert!(tries.begin(&someone(20, "192.0.3.1"), now));
        assert_eq!(
            Who::from("2001:db8::1".parse().unwrap()),
            Who::from("2001:db8::ffff:0:0:1".parse().unwrap())
        );
    }

    #[test]
    fn a_try_that_was_none_is_taken_back() {
        let (tries, now) = (Tries::default(), Instant::now());
        let who = [Who::Uid(1000)];
        for _ in 0..100 {
            assert!(tries.begin(&who, now));
            tries.take_back(&who);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (tries, now) = (Tries::default(), Instant::now());
        for uid in 0..2 * u32::try_from(MOST).unwrap() {
            assert!(tries.begin(&[Who::Uid(uid)], now));
        }
        assert_eq!(tries.0.lock().unwrap().len(), MOST);
    }
}
