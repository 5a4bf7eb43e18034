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
    counts: BTreeMap<(String, String), usize>,
}

impl Told {
    pub(super) fn add(&mut self, action: &str, by: &str, line: Line) {
        *self
            .counts
            .entry((action.to_owned(), by.to_owned()))
            .or_default() += 1;
        self.lines.push(line);
    }

    pub(super) fn lines(self) -> Vec<Line> {
        if self.lines.len() <= MOST {
            return self.lines;
        }
        let counted = self.counts.iter().map(|((action, by), count)| {
            audit::change_of_all(action, by, &format!("events={count}"))
        });
        counted.collect()
    }
}
