// SPDX-License-Identifier: GPL-3.0-or-later
//! What a stack comes to: libpam's own way through its steps, for every answer that its modules may
//! give. Two ways that are in the same state before a step are one from there on, and there are few
//! states, so that the ways through a stack are many but the work is not.
//!
//! The rules are those of libpam's `_pam_dispatch_aux`, as pam.conf(5) describes them.

use std::collections::BTreeSet;

use super::{Action, Calls, Code, Step};

/// What the steps so far have come to: as much of it as decides whether the application is told that
/// all is well. It only goes down this list, or back to where its level began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sum {
    /// Nothing yet, which is no success.
    Undecided,
    Good,
    /// Good, but the application is told something else than success.
    Lesser,
    Bad,
}

impl Sum {
    /// A good answer counts where nothing was bad before, nor good in a lesser way.
    fn with_good(self, code: Code) -> Self {
        match self {
            Self::Undecided | Self::Good if code == Code::SUCCESS => Self::Good,
            Self::Undecided | Self::Good => Self::Lesser,
            Self::Lesser | Self::Bad => self,
        }
    }
}

/// Where libpam stands before a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct State {
    sum: Sum,
    /// The level of the step before.
    level: usize,
    /// What the sum was when each level began.
    saved: Vec<Sum>,
}

impl State {
    /// The one before the first step.
    fn start() -> Self {
        Self {
            sum: Sum::Undecided,
            level: 0,
            saved: vec![Sum::Undecided],
        }
    }

    fn enter(&mut self, level: usize) {
        // Of levels that were left nothing is kept: it would only keep ways apart.
        self.saved.truncate(level + 1);
        if self.level < level {
            self.saved.resize(level, Sum::Undecided);
            self.saved.push(self.sum);
        }
        self.level = level;
    }
}

/// All ways through a stack.
pub(in super::super) struct Walk {
    reached: Vec<BTreeSet<State>>,
    may_succeed: bool,
}

impl Walk {
    /// From the first step on. `answers` says what each step may answer.
    pub(in super::super) fn all(
        stack: &[&Step],
        answers: impl Fn(usize, &Step) -> Vec<Code>,
    ) -> Self {
        Self::from(stack, 0, &BTreeSet::from([State::start()]), answers)
    }

    /// From the step `at` on, in each of these states.
    pub(in super::super) fn from(
        stack: &[&Step],
        at: usize,
        states: &BTreeSet<State>,
        answers: impl Fn(usize, &Step) -> Vec<Code>,
    ) -> Self {
        let mut walk = Self {
            reached: vec![BTreeSet::new(); stack.len()],
            may_succeed: false,
        };
        states
            .iter()
            .for_each(|state| walk.arrive(at, state.clone()));
        for (index, step) in stack.iter().enumerate().skip(at) {
            for state in walk.states_at(index).clone() {
                for code in answers(index, step) {
                    let (next, state) = pass(stack, index, step, state.clone(), code);
                    walk.arrive(next, state);
                }
            }
        }
        walk
    }

    fn arrive(&mut self, at: usize, state: State) {
        match self.reached.get_mut(at) {
            Some(states) => {
                states.insert(state);
            }
            None => self.may_succeed |= state.sum == Sum::Good,
        }
    }

    /// The states in which a step is reached; none if it is not.
    pub(in super::super) fn states_at(&self, at: usize) -> &BTreeSet<State> {
        static NONE: BTreeSet<State> = BTreeSet::new();
        self.reached.get(at).unwrap_or(&NONE)
    }

    /// Those of them in which nothing has gone wrong.
    pub(in super::super) fn sound_states_at(&self, at: usize) -> BTreeSet<State> {
        let states = self.states_at(at).iter();
        let sound = states.filter(|state| state.sum != Sum::Bad);
        sound.cloned().collect()
    }

    /// Whether a step is reached.
    pub(in super::super) fn reaches(&self, at: usize) -> bool {
        !self.states_at(at).is_empty()
    }

    /// Whether the application may be told that all is well.
    pub(in super::super) fn may_succeed(&self) -> bool {
        self.may_succeed
    }
}

/// The step that follows, and the state before it.
fn pass(stack: &[&Step], at: usize, step: &Step, mut state: State, code: Code) -> (usize, State) {
    state.enter(step.level);
    if matches!(step.calls, Calls::Substack) {
        return (at + 1, state);
    }
    match step.action(code) {
        Action::Ignore => {}
        Action::Ok => state.sum = state.sum.with_good(code),
        Action::Done => {
            state.sum = state.sum.with_good(code);
            if matches!(state.sum, Sum::Good | Sum::Lesser) {
                return (end_of_level(stack, at, step.level), state);
            }
        }
        Action::Bad => state.sum = Sum::Bad,
        Action::Die => {
            state.sum = Sum::Bad;
            return (end_of_level(stack, at, step.level), state);
        }
        Action::Reset => {
            state.sum = state
                .saved
                .get(step.level)
                .copied()
                .unwrap_or(Sum::Undecided)
        }
        Action::Jump(steps) => {
            let landing = landing(stack, at, step.level, steps);
            let (next, too_far) = landing;
            if too_far {
                state.sum = Sum::Bad;
            }
            return (next, state);
        }
    }
    (at + 1, state)
}

/// Where a decision leads: out of its substack, or out of the stack.
fn end_of_level(stack: &[&Step], at: usize, level: usize) -> usize {
    let rest = stack.iter().enumerate().skip(at + 1);
    let mut outside = rest.filter(|(_, step)| step.level < level);
    outside.next().map_or(stack.len(), |(index, _)| index)
}

/// Where a jump leads, and whether it is too far. A substack counts as one step, and is not left.
fn landing(stack: &[&Step], at: usize, level: usize, mut steps: usize) -> (usize, bool) {
    let level_of = |index: usize| stack.get(index).map(|step| step.level);
    let mut next = at + 1;
    while steps > 0 && level_of(next).is_some_and(|found| found >= level) {
        next += 1;
        while level_of(next).is_some_and(|found| found > level) {
            next += 1;
        }
        steps -= 1;
    }
    (next, steps > 0)
}
