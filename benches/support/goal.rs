//! What is to be reached, and whether it is.

use super::report::{Row, number, row};

/// One line of the table of goals.
pub struct Goal {
    what: String,
    measured: String,
    reach: String,
    stretch: String,
    verdict: &'static str,
}

/// A ratio that is to be as small as possible.
pub fn at_most(what: &str, measured: f64, reach: f64, stretch: f64) -> Goal {
    Goal {
        what: what.to_owned(),
        measured: number(measured),
        reach: format!("<= {}", number(reach)),
        stretch: number(stretch),
        verdict: verdict(measured <= reach, measured <= stretch),
    }
}

/// A ratio that is to be as large as possible.
pub fn at_least(what: &str, measured: f64, reach: f64, stretch: f64) -> Goal {
    Goal {
        what: what.to_owned(),
        measured: number(measured),
        reach: format!(">= {}", number(reach)),
        stretch: number(stretch),
        verdict: verdict(measured >= reach, measured >= stretch),
    }
}

/// Something that is so or is not.
pub fn exactly(what: &str, measured: &str, expected: &str) -> Goal {
    Goal {
        what: what.to_owned(),
        measured: measured.to_owned(),
        reach: expected.to_owned(),
        stretch: String::new(),
        verdict: verdict(measured == expected, false),
    }
}

fn verdict(reached: bool, stretched: bool) -> &'static str {
    match (reached, stretched) {
        (_, true) => "reached, and the stretch",
        (true, false) => "reached",
        (false, false) => "missed",
    }
}

pub const HEAD: [&str; 5] = ["goal", "measured", "to reach", "stretch", ""];

pub fn rows(goals: &[Goal]) -> Vec<Row> {
    let cells = |goal: &Goal| {
        row([
            &goal.what,
            &goal.measured,
            &goal.reach,
            &goal.stretch,
            goal.verdict,
        ])
    };
    goals.iter().map(cells).collect()
}
