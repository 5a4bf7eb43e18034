//! Rows measured in turn, round after round, so that what else happens on the machine happens to all of them.
//! Compared is what was measured in the same round.

use std::env;

/// One value a round.
#[derive(Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn median(&self) -> f64 {
        median(&self.0)
    }

    pub fn over(&self, other: &Series) -> Series {
        self.with(other, |one, other| one / other)
    }

    pub fn minus(&self, other: &Series) -> Series {
        self.with(other, |one, other| one - other)
    }

    fn with(&self, other: &Series, together: impl Fn(f64, f64) -> f64) -> Series {
        let pairs = self.0.iter().zip(&other.0);
        Series(pairs.map(|(one, other)| together(*one, *other)).collect())
    }
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// What this share of the values stays below.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_owned();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// Does `round` as often as `ROUNDS` says, or else so often that the medians stand still. Returns how often.
pub fn each(usual: usize, mut round: impl FnMut()) -> usize {
    let said = env::var("ROUNDS").ok();
    let count = said.map_or(usual, |said| said.parse().expect("ROUNDS is a number"));
    for number in 1..=count {
        eprint!("\rround {number} of {count}");
        round();
    }
    eprintln!();
    count
}
