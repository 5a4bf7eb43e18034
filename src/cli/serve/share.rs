// SPDX-License-Identifier: GPL-3.0-or-later
//! What keeps one uid from taking everything: how many connections it may hold, and how many
//! questions are answered at once.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Connections that are open, for each uid.
pub(super) struct Share {
    of_each: usize,
    of_all: usize,
    open: Mutex<HashMap<u32, usize>>,
}

impl Share {
    /// At most `of_each` for each uid, and `of_all` together.
    pub(super) fn new(of_each: usize, of_all: usize) -> Self {
        Self {
            of_each,
            of_all,
            open: Mutex::default(),
        }
    }

    /// Takes a place; `false`: there is none left.
    pub(super) fn enter(&self, uid: u32) -> bool {
        let mut open = locked(&self.open);
        let all: usize = open.values().sum();
        let own = open.entry(uid).or_default();
        let room = *own < self.of_each && all < self.of_all;
        *own += usize::from(room);
        room
    }

    /// Gives a place back.
    pub(super) fn leave(&self, uid: u32) {
        let mut open = locked(&self.open);
        if let Some(own) = open.get_mut(&uid) {
            *own -= 1;
            if *own == 0 {
                open.remove(&uid);
            }
        }
    }
}

/// Turns to do something, of which so many can be taken at once.
pub(super) struct Turns {
    left: Mutex<usize>,
    given_back: Condvar,
}

/// A turn; given back when dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(count: usize) -> Self {
        Self {
            left: Mutex::new(count),
            given_back: Condvar::new(),
        }
    }

    /// Takes a turn, if one is free within `patience`.
    pub(super) fn take(&self, patience: Duration) -> Option<Turn<'_>> {
        let waited = self
            .given_back
            .wait_timeout_while(locked(&self.left), patience, |left| *left == 0);
        let (mut left, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(1)?;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *locked(&self.0.left) += 1;
        self.0.given_back.notify_one();
    }
}

/// A thread that panicked left the counts as they were.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_that_holds_its_share_gets_no_more_and_others_do() {
        let share = Share::new(2, 3);
        assert!(share.enter(1) && share.enter(1) && !share.enter(1));
        assert!(share.enter(2) && !share.enter(3));
        share.leave(1);
        assert!(share.enter(3));
    }

    #[test]
    fn a_turn_is_free_again_when_it_is_given_back() {
        let turns = Turns::new(1);
        let turn = turns.take(Duration::ZERO);
        assert!(turn.is_some() && turns.take(Duration::ZERO).is_none());
        drop(turn);
        assert!(turns.take(Duration::ZERO).is_some());
    }
}
