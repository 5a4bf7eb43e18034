// SPDX-License-Identifier: GPL-3.0-or-later
//! Time as plain seconds. [`now`] is the only reader of the system clock; everything else takes
//! the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// A moment: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `seconds` after 1970 began.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970 began.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; negative if before.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `span` later.
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The moment `span` earlier.
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// The present moment.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the clock"
)]
pub fn now() -> Timestamp {
    let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    };
    Timestamp(seconds)
}

/// A length of time of at least a second, written as `90d` or `1d12h`: whole numbers, each with
/// one of the units `s`, `m` (minutes), `h`, `d` (24 h) and `w`. At most 1,000 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(i64);

impl Span {
    const MAX: i64 = 1_000 * 366 * 86_400;

    /// So many days.
    pub const fn days(days: u16) -> Self {
        Self(days as i64 * 86_400)
    }

    /// Reads `90d`, `1d12h`, ...
    pub fn parse(text: &str) -> Option<Self> {
        let mut total: i64 = 0;
        let mut number: Option<i64> = None;
        for c in text.chars() {
            if let Some(digit) = c.to_digit(10) {
                let so_far = number.unwrap_or(0);
                number = Some(so_far.checked_mul(10)?.checked_add(i64::from(digit))?);
                continue;
            }
            let unit = match c {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                'w' => 7 * 86_400,
                _ => return None,
            };
            total = total.checked_add(number.take()?.checked_mul(unit)?)?;
        }
        (number.is_none() && (1..=Self::MAX).contains(&total)).then_some(Self(total))
    }

    /// The length in seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected a span such as \"90d\" or \"1d12h\" (units s m h d w)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_numbers_with_units() {
        for (text, seconds) in [
            ("90d", Some(90 * 86_400)),
            ("1d12h", Some(36 * 3_600)),
            ("5m", Some(300)),
            ("2w", Some(14 * 86_400)),
            ("1s", Some(1)),
            ("0d", None),
            ("", None),
            ("90", None),
            ("d", None),
            ("1d12", None),
            ("-1d", None),
            ("1 d", None),
            ("1y", None),
            ("99999999999999999999d", None),
            ("1001w1000000000000s", None),
        ] {
            assert_eq!(Span::parse(text).map(Span::seconds), seconds, "{text:?}");
        }
    }
}
