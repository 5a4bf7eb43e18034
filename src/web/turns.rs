// SPDX-License-Identifier: GPL-3.0-or-later
//! Whose turn it is to have the helper do something. It takes few wishes of the page at once, and takes them in
//! their order: so each user has fewer still, in all browsers together, and of all that they wish no more
//! stands before the wishes of others.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use pam_app_passwd::credential::UserName;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// With the talks that wait for somebody these are as many as the helper takes of us.
const AT_ONCE: usize = 4;
/// And of these, that end what runs with a password, which takes as long as the commands of `[on_revoke]`.
const SLOW_AT_ONCE: usize = 2;
/// As many as there may be connections.
const WAITING: usize = 512;
/// Those of one user.
const AT_ONCE_OF_A_USER: usize = 2;
const SLOW_AT_ONCE_OF_A_USER: usize = 1;
/// More than anybody opens pages who looks at them.
const WAITING_OF_A_USER: usize = 16;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Turns {
    /// Those that have a turn, and those that wait for one.
    room: Semaphore,
    slow: Semaphore,
    all: Semaphore,
}

/// A turn, until it is dropped.
pub(crate) struct Turn<'a> {
    _taken: Vec<SemaphorePermit<'a>>,
}

/// Those of each user, as long as any wish or session has them.
#[derive(Default)]
pub(crate) struct OfUsers(Mutex<HashMap<UserName, Weak<Turns>>>);

impl Turns {
    pub(crate) const fn of_all() -> Self {
        Self::new(AT_ONCE, SLOW_AT_ONCE, WAITING)
    }

    const fn new(at_once: usize, slow: usize, waiting: usize) -> Self {
        Self {
            room: Semaphore::const_new(at_once + waiting),
            slow: Semaphore::const_new(slow),
            all: Semaphore::const_new(at_once),
        }
    }

    /// Waits for a turn. Where too many wait already, nobody else does: that is `ResourceBusy`.
    pub(crate) async fn take(&self) -> io::Result<Turn<'_>> {
        self.one_of_each(&[&self.all]).await
    }

    /// The same for what may take long. There is always a turn left for what does not.
    pub(crate) async fn take_slowly(&self) -> io::Result<Turn<'_>> {
        self.one_of_each(&[&self.slow, &self.all]).await
    }

    async fn one_of_each<'a>(&'a self, these: &[&'a Semaphore]) -> io::Result<Turn<'a>> {
        let room = self.room.try_acquire();
        let mut taken = vec![room.map_err(|_| ErrorKind::ResourceBusy)?];
        let wait = async {
            for one in these {
                taken.push(one.acquire().await.map_err(io::Error::other)?);
            }
            Ok(Turn { _taken: taken })
        };
        timeout(PATIENCE, wait).await?
    }
}

impl Default for Turns {
    /// Those of one user.
    fn default() -> Self {
        Self::new(AT_ONCE_OF_A_USER, SLOW_AT_ONCE_OF_A_USER, WAITING_OF_A_USER)
    }
}

impl OfUsers {
    /// Whoever signs out and in again has the same as before, as long as anything that they wished goes on.
    pub(crate) fn of(&self, user: &UserName) -> Arc<Turns> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, turns| turns.strong_count() > 0);
        let there = all.get(user).and_then(Weak::upgrade);
        there.unwrap_or_else(|| {
            let turns = Arc::default();
            all.insert(user.clone(), Arc::downgrade(&turns));
            turns
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn alice() -> UserName {
        UserName::parse("alice").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_has_two_turns_and_some_who_wait_and_whatever_else_they_wish_is_refused_at_once()
    {
        let turns = OfUsers::default().of(&alice());
        let first = turns.take().await.unwrap();
        let _second = turns.take().await.unwrap();
        let waiting: Vec<_> = (0..WAITING_OF_A_USER)
            .map(|_| {
                let turns = turns.clone();
                tokio::spawn(async move { turns.take().await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        let begun = Instant::now();
        let refused = turns.take().await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ResourceBusy);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        drop(first);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert!(turns.take().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn of_what_may_take_long_a_user_has_one_and_a_turn_for_all_else() {
        let turns = OfUsers::default().of(&alice());
        let slow = turns.take_slowly().await.unwrap();
        let refused = turns.take_slowly().await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
        assert!(turns.take().await.is_ok());
        drop(slow);
        assert!(turns.take_slowly().await.is_ok());
    }

    #[test]
    fn the_turns_of_a_user_are_the_same_in_every_browser_and_forgotten_when_nobody_has_them() {
        let of_users = OfUsers::default();
        let [one, other] = [of_users.of(&alice()), of_users.of(&alice())];
        assert!(Arc::ptr_eq(&one, &other));
        drop((one, other));
        let bob = of_users.of(&UserName::parse("bob").unwrap());
        assert_eq!(of_users.0.lock().unwrap().len(), 1);
        drop(bob);
    }
}
