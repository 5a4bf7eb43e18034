// SPDX-License-Identifier: GPL-3.0-or-later
//! What a change tells the log once it is durable: a line for each event or, of very many, only how
//! many there are. A log that gets a hundred thousand lines at once loses others.

use std::collections::BTreeMap;

use crate::audit::{self, Line};

/// More lines than that are counted.
const MOST: usize = 1_000;

/// The lines so far, and how many there are of each action by each person.
#[derive(Default)]
pub(super) struct Told {
    lines: Vec<Line>,
    counts: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Told {
    /// A line that is one too many is not made.
    pub(super) fn add(&mut self, action: &str, by: &str, line: impl FnOnce() -> Line) {
        let known = self.counts.get_mut(action);
        match known.and_then(|counts| counts.get_mut(by)) {
            Some(count) => *count += 1,
            None => {
                let counts = self.counts.entry(action.to_owned()).or_default();
                counts.insert(by.to_owned(), 1);
            }
        }
        if self.lines.len() <= MOST {
            self.lines.push(line());
        }
    }

    pub(super) fn lines(self) -> Vec<Line> {
        if self.lines.len() <= MOST {
            return self.lines;
        }
        let mut lines = Vec::new();
        for (action, counts) in &self.counts {
            for (by, count) in counts {
                let events = format!("events={count}");
                lines.push(audit::change_of_all(action, by, &events));
            }
        }
        lines
    }
}
