// SPDX-License-Identifier: GPL-3.0-or-later
//! What requests have us tell the log. Whoever sends many fills nothing: what was said is not said again for a
//! minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it stays said.
const WHILE: Duration = Duration::from_secs(60);

static SAID: Mutex<Vec<(String, Instant)>> = Mutex::new(Vec::new());

/// Tells the log. There are few such lines: none holds what somebody has sent.
pub(crate) fn say(line: &str) {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if is_new(&mut said, line, Instant::now()) {
        crate::say(line);
    }
}

fn is_new(said: &mut Vec<(String, Instant)>, line: &str, now: Instant) -> bool {
    said.retain(|(_, at)| now.duration_since(*at) < WHILE);
    let is_new = said.iter().all(|(other, _)| other != line);
    if is_new {
        said.push((line.to_owned(), now));
    }
    is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_a_minute_and_others_meanwhile() {
        let (mut said, begun) = (Vec::new(), Instant::now());
        let mut is_new = |line, second| {
            let now = begun + Duration::from_secs(second);
            is_new(&mut said, line, now)
        };
        assert!(is_new("one", 0) && is_new("another", 1));
        assert!(!is_new("one", 59));
        assert!(is_new("one", 60) && !is_new("one", 61));
    }
}
