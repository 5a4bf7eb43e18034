// SPDX-License-Identifier: GPL-3.0-or-later
//! Times as people write and read them.

use std::fmt::{self, Display, Formatter};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use pam_app_passwd::clock::{Span, Timestamp};
use serde::{Serialize, Serializer};

use super::failure::{Code, Failure};

/// Reads when something ends: a date (its last second, local time), an RFC 3339 time (without
/// offset: local), or a span from now. The past is refused.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if text.starts_with("9999-") {
        let message = format!("'{text}' is too far away");
        return Err(Failure::new(Code::Usage, message)
            .hint("what never ends is made without --expires, or edited with --expires never"));
    }
    let when = moment(text, now, Side::Until, &TimeZone::system())?;
    if when <= now {
        return Err(Failure::new(
            Code::Usage,
            format!("'{text}' is in the past"),
        ));
    }
    Ok(when)
}

/// Reads when something began: a date (its first second, local time), an RFC 3339 time, or a span
/// before now.
pub(super) fn since(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    moment(text, now, Side::Since, &TimeZone::system())
}

/// Where a span leads to from now, and which end of a day is meant.
#[derive(Clone, Copy)]
enum Side {
    Until,
    Since,
}

fn moment(text: &str, now: Timestamp, side: Side, local: &TimeZone) -> Result<Timestamp, Failure> {
    try_moment(text, now, side, local).ok_or_else(|| {
        let message = format!("not a date, a time or a span: '{text}'");
        Failure::new(Code::Usage, message)
            .hint("write 2027-01-31, 2027-01-31T12:00:00+01:00 or 90d")
    })
}

fn try_moment(text: &str, now: Timestamp, side: Side, local: &TimeZone) -> Option<Timestamp> {
    // A time zone in brackets would be read, and passed over.
    if text.contains('[') {
        return None;
    }
    if let Some(span) = Span::parse(text) {
        return Some(match side {
            Side::Until => now.plus(span),
            Side::Since => now.minus(span),
        });
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp::from_seconds(time.as_second()));
    }
    if text.contains(['T', 't', ' ', ':']) {
        let time = text.parse::<DateTime>().ok()?;
        let time = time.to_zoned(local.clone()).ok()?.timestamp();
        return Some(Timestamp::from_seconds(time.as_second()));
    }
    let day = text.parse::<Date>().ok()?;
    Some(Timestamp::from_seconds(match side {
        Side::Since => beginning(day, local)?,
        // Its last hour may come twice.
        Side::Until => beginning(day.tomorrow().ok()?, local)? - 1,
    }))
}

/// The first second of a day, which is a later one than midnight where the clock is put forward then.
fn beginning(day: Date, local: &TimeZone) -> Option<i64> {
    let first = day.to_zoned(local.clone()).ok()?;
    Some(first.timestamp().as_second())
}

/// RFC 3339 in UTC, whole seconds: for programs.
pub(super) struct Utc(pub(super) Timestamp);

impl Display for Utc {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        instant(self.0).fmt(f)
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads what [`Utc`] has written.
pub(super) fn read_utc(text: &str) -> Result<Timestamp, Failure> {
    let time = text.parse::<jiff::Timestamp>();
    let time = time.map_err(|_| Failure::new(Code::Usage, format!("not a time: '{text}'")))?;
    Ok(Timestamp::from_seconds(time.as_second()))
}

/// Local time, to the minute: for people.
pub(super) fn local(time: Timestamp) -> String {
    instant(time)
        .to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

fn instant(time: Timestamp) -> jiff::Timestamp {
    // Beyond the year 9999 there is no notation.
    jiff::Timestamp::from_second(time.seconds()).unwrap_or(jiff::Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_a_moment_or_a_span() {
        let now = Timestamp::from_seconds(1_800_000_000); // 2027-01-15T08:00:00Z
        let berlin = TimeZone::posix("CET-1").unwrap();
        let read =
            |text, side| try_moment(text, now, side, &berlin).map(|time| Utc(time).to_string());
        for (text, until, since) in [
            ("2027-01-31", "2027-01-31T22:59:59Z", "2027-01-30T23:00:00Z"),
            (
                "2027-01-31T12:00:00Z",
                "2027-01-31T12:00:00Z",
                "2027-01-31T12:00:00Z",
            ),
            (
                "2027-01-31T12:00:00+02:00",
                "2027-01-31T10:00:00Z",
                "2027-01-31T10:00:00Z",
            ),
            (
                "2027-01-31T12:00:00",
                "2027-01-31T11:00:00Z",
                "2027-01-31T11:00:00Z",
            ),
            (
                "2027-01-31 12:00",
                "2027-01-31T11:00:00Z",
                "2027-01-31T11:00:00Z",
            ),
            ("90d", "2027-04-15T08:00:00Z", "2026-10-17T08:00:00Z"),
            ("1d12h", "2027-01-16T20:00:00Z", "2027-01-13T20:00:00Z"),
            ("5m", "2027-01-15T08:05:00Z", "2027-01-15T07:55:00Z"),
        ] {
            assert_eq!(read(text, Side::Until).as_deref(), Some(until), "{text}");
            assert_eq!(read(text, Side::Since).as_deref(), Some(since), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2027-13-01",
            "2027-02-30",
            "31.1.2027",
            "90",
            "never",
            "1y",
            "2027-01-31[Europe/Berlin]",
            "2027-01-31T12:00[Europe/Berlin]",
            "2027-01-31T12:00:00+01:00[Europe/Berlin]",
            "2027-01-31T12:00:00Z[u-ca=iso8601]",
        ] {
            assert_eq!(read(text, Side::Until), None, "{text}");
            assert_eq!(read(text, Side::Since), None, "{text}");
        }
    }

    #[test]
    fn a_day_has_its_first_and_its_last_second_also_where_the_clock_is_put_at_midnight() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let beirut = "EET-2EEST,M3.5.0/0,M10.5.0/0";
        let cairo = "EET-2EEST,M4.5.5/0,M10.5.4/24";
        let havana = "CST5CDT,M3.2.0/0,M11.1.0/1";
        for (zone, day, since, until) in [
            // Its last hour comes twice.
            (
                beirut,
                "2027-10-30",
                "2027-10-29T21:00:00Z",
                "2027-10-30T21:59:59Z",
            ),
            (
                cairo,
                "2027-10-28",
                "2027-10-27T21:00:00Z",
                "2027-10-28T21:59:59Z",
            ),
            // Its first hour comes twice.
            (
                havana,
                "2027-11-07",
                "2027-11-07T04:00:00Z",
                "2027-11-08T04:59:59Z",
            ),
            // It begins at one o'clock.
            (
                beirut,
                "2027-03-28",
                "2027-03-27T22:00:00Z",
                "2027-03-28T20:59:59Z",
            ),
            // It ends before a day that does.
            (
                beirut,
                "2027-03-27",
                "2027-03-26T22:00:00Z",
                "2027-03-27T21:59:59Z",
            ),
        ] {
            let zone = TimeZone::posix(zone).unwrap();
            let read = |side| try_moment(day, now, side, &zone).map(|time| Utc(time).to_string());
            assert_eq!(read(Side::Since).as_deref(), Some(since), "{day}");
            assert_eq!(read(Side::Until).as_deref(), Some(until), "{day}");
        }
    }

    #[test]
    fn the_past_is_refused() {
        let now = Timestamp::from_seconds(1_800_000_000);
        assert!(parse("2027-01-15T08:00:00Z", now).is_err());
        assert!(parse("2020-01-01", now).is_err());
        assert!(parse("1s", now).is_ok());
        assert!(parse("9999-12-31", now).is_err());
    }
}
