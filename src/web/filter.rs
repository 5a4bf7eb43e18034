// SPDX-License-Identifier: GPL-3.0-or-later
//! What an administrator looks for among everybody's entries. Pure.

use crate::entry::Entry;
use crate::when::{DAY, When};

/// Unused for longer is idle.
const IDLE_DAYS: i64 = 90;
/// What expires sooner expires soon.
const SOON_DAYS: i64 = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    All,
    Idle,
    Expiring,
    NeverUsed,
    /// Good for any service, or from anywhere and for ever.
    Widest,
}

impl Filter {
    pub(crate) const EVERY: [Self; 5] = [
        Self::All,
        Self::Idle,
        Self::Expiring,
        Self::NeverUsed,
        Self::Widest,
    ];

    /// How it stands in an address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Idle => "idle",
            Self::Expiring => "expiring",
            Self::NeverUsed => "never-used",
            Self::Widest => "widest",
        }
    }

    pub(crate) fn read(word: &str) -> Self {
        let found = Self::EVERY.into_iter().find(|filter| filter.word() == word);
        found.unwrap_or(Self::All)
    }

    pub(crate) fn takes(self, entry: &Entry, now: When) -> bool {
        let age = |since: When| now.seconds() - since.seconds();
        match self {
            Self::All => true,
            Self::Idle => age(entry.idle_since()) > IDLE_DAYS * DAY,
            Self::Expiring => entry
                .expires
                .is_some_and(|end| (0..=SOON_DAYS * DAY).contains(&-age(end))),
            Self::NeverUsed => entry.last_used.is_none(),
            Self::Widest => {
                let is_any = entry.services.iter().any(|service| service == "any");
                is_any || (entry.networks.is_empty() && entry.expires.is_none())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::tests::entry;

    #[test]
    fn each_filter_takes_what_it_is_called_by() {
        let now = entry(&json!({"created": "2027-06-01T00:00:00Z"})).created;
        let used =
            json!({"at": "2027-05-31T00:00:00Z", "service": "imap", "from": null, "count": 1});
        let in_use = entry(&json!({"last_used": used}));
        let takes = |entry: &Entry| -> Vec<&str> {
            let taking = Filter::EVERY
                .into_iter()
                .filter(|filter| filter.takes(entry, now));
            taking.map(Filter::word).collect()
        };
        assert_eq!(takes(&in_use), ["all"]);
        assert_eq!(takes(&entry(&json!({}))), ["all", "idle", "never-used"]);
        let ends = |end: &str| entry(&json!({"last_used": used, "expires": end}));
        assert_eq!(takes(&ends("2027-06-10T00:00:00Z")), ["all", "expiring"]);
        assert_eq!(takes(&ends("2027-05-10T00:00:00Z")), ["all"]);
        let wide = entry(&json!({"last_used": used, "services": ["any"]}));
        assert_eq!(takes(&wide), ["all", "widest"]);
        let open = entry(&json!({"last_used": used, "networks": [], "expires": null}));
        assert_eq!(takes(&open), ["all", "widest"]);
    }

    #[test]
    fn an_unknown_filter_is_none() {
        for filter in Filter::EVERY {
            assert_eq!(Filter::read(filter.word()), filter);
        }
        assert_eq!(Filter::read("'><script>"), Filter::All);
    }
}
