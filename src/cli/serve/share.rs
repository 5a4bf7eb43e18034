// SPDX-License-Identifier: GPL-3.0-or-later
//! What keeps one uid from taking everything: how many connections it may hold, and how many
//! questions are answered at once.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

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
        let own = open.get(&uid).copied().unwrap_or(0);
        let room = own < self.of_each && all < self.of_all;
        if room {
            open.insert(uid, own + 1);
        }
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

/// Turns to do something, of which so many can be taken at once. First come, first served: under
/// load nobody waits for longer than the others.
pub(super) struct Turns(Mutex<Line>);

/// Who waits for a turn.
struct Line {
    free: usize,
    waiting: VecDeque<Arc<Waiter>>,
}

struct Waiter {
    thread: Thread,
    has_turn: AtomicBool,
}

/// A turn; given back when dropped.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(count: usize) -> Self {
        Self(Mutex::new(Line {
            free: count,
            waiting: VecDeque::new(),
        }))
    }

    /// Takes a turn, if it comes within `patience`.
    pub(super) fn take(&self, patience: Duration) -> Option<Turn<'_>> {
        let waiter = {
            let mut line = locked(&self.0);
            if let Some(free) = line.free.checked_sub(1) {
                line.free = free;
                return Some(Turn(self));
            }
            let waiter = Arc::new(Waiter {
                thread: thread::current(),
                has_turn: AtomicBool::new(false),
            });
            line.waiting.push_back(waiter.clone());
            waiter
        };
        let deadline = Instant::now() + patience;
        loop {
            thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
            let mut line = locked(&self.0);
            if waiter.has_turn.load(Ordering::Relaxed) {
                return Some(Turn(self));
            }
            if Instant::now() >= deadline {
                line.waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
                return None;
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut line = locked(&self.0.0);
        match line.waiting.pop_front() {
            Some(next) => {
                next.has_turn.store(true, Ordering::Relaxed);
                next.thread.unpark();
            }
            None => line.free += 1,
        }
    }
}

/// A thread that panicked left the counts as they were.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        for uid in [1, 2, 3] {
            share.leave(uid);
        }
        // Nothing is kept about who was there, or was sent away.
        assert!(locked(&share.open).is_empty());
    }

    #[test]
    fn a_turn_is_free_again_when_it_is_given_back() {
        let turns = Turns::new(1);
        let turn = turns.take(Duration::ZERO);
        assert!(turn.is_some() && turns.take(Duration::ZERO).is_none());
        drop(turn);
        assert!(turns.take(Duration::ZERO).is_some());
    }
    #[test]
    fn turns_go_to_who_came_first() {
        let turns = Turns::new(1);
        let served = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let turn = turns.take(Duration::ZERO);
            for number in 0..20 {
                let (turns, served) = (&turns, &served);
                scope.spawn(move || {
                    let turn = turns.take(Duration::from_secs(60));
                    locked(served).push((number, turn.is_some()));
                });
                while locked(&turns.0).waiting.len() <= number {
                    thread::yield_now();
                }
            }
            drop(turn);
        });
        let in_order: Vec<_> = (0..20).map(|number| (number, true)).collect();
        assert_eq!(*locked(&served), in_order);
        assert_eq!(locked(&turns.0).free, 1);
    }

    #[test]
    fn who_waits_no_longer_is_passed_over() {
        let turns = Turns::new(1);
        let turn = turns.take(Duration::ZERO);
        assert!(turns.take(Duration::from_millis(1)).is_none());
        drop(turn);
        assert!(turns.take(Duration::ZERO).is_some());
    }
}
