// SPDX-License-Identifier: GPL-3.0-or-later
//! Times, as people say them. Pure, but for the time zone of this machine.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};

use crate::text::{Ago, Text};

/// A moment, as the helper writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When(Timestamp);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

impl When {
    pub(crate) fn from_seconds(seconds: i64) -> Self {
        Self(Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN))
    }

    pub(crate) fn seconds(self) -> i64 {
        self.0.as_second()
    }

    /// For programs: the attribute `datetime`.
    pub(crate) fn exact(self) -> String {
        self.0.to_string()
    }

    /// The day, on this machine.
    pub(crate) fn day(self, text: &Text) -> String {
        let date = self.0.to_zoned(TimeZone::system());
        date.strftime(text.date)
            .to_string()
            .replace("{}", text.month(date.month()))
    }

    /// How long ago, or the day if that is long ago.
    pub(crate) fn ago(self, now: Self, text: &Text) -> String {
        let seconds = now.seconds() - self.seconds();
        match seconds {
            ..MINUTE => text.just_now.to_owned(),
            MINUTE..HOUR => (text.ago)(Ago::Minutes(seconds / MINUTE)),
            HOUR..DAY => (text.ago)(Ago::Hours(seconds / HOUR)),
            _ if seconds < 7 * DAY => (text.ago)(Ago::Days(seconds / DAY)),
            _ => (text.on)(&self.day(text)),
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{DE, EN};

    #[test]
    fn what_was_just_now_is_said_in_words_and_what_was_long_ago_as_a_day() {
        let now = When::from_seconds(1_795_000_000);
        let ago = |seconds| When::from_seconds(now.seconds() - seconds);
        for (seconds, english, german) in [
            (-5, "just now", "gerade eben"),
            (59, "just now", "gerade eben"),
            (60, "1 minute ago", "vor 1 Minute"),
            (7_200, "2 hours ago", "vor 2 Stunden"),
            (3 * DAY, "3 days ago", "vor 3 Tagen"),
        ] {
            assert_eq!(ago(seconds).ago(now, &EN), english);
            assert_eq!(ago(seconds).ago(now, &DE), german);
        }
        assert!(ago(40 * DAY).ago(now, &EN).starts_with("on "));
    }
}
