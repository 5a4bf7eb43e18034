// SPDX-License-Identifier: GPL-3.0-or-later
//! What an administrator looks for among everybody's entries. Pure.

use crate::entry::Entry;
use crate::form;
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

/// What they look at: what a filter takes of one user's, or of everybody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) filter: Filter,
    /// Whose, as it was typed; empty: everybody's.
    pub(crate) user: String,
}

/// No user's name is longer.
const LONGEST_NAME: usize = 255;

impl View {
    pub(crate) fn read(filter: &str, user: &str) -> Self {
        Self {
            filter: Filter::read(filter),
            user: user.chars().take(LONGEST_NAME).collect(),
        }
    }

    /// Where it is seen.
    pub(crate) fn address(&self) -> String {
        let fields = [("filter", self.filter.word()), ("user", &self.user)];
        form::address("/admin", &fields)
    }

    /// Where somebody is asked whether to take this one away, who then comes back here.
    pub(crate) fn question(&self, id: i64, user: &str) -> String {
        let fields = [
            ("id", &*id.to_string()),
            ("user", user),
            ("filter", self.filter.word()),
            ("only", &self.user),
        ];
        form::address("/admin/revoke", &fields)
    }
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
    fn a_view_is_found_again_by_its_address_whatever_was_typed() {
        for user in ["", "alice", "a&b=c d#é\"'><script>"] {
            let view = View::read("idle", user);
            let uri = view.address().parse().unwrap();
            let form = form::Form::of_address(&uri);
            assert_eq!(View::read(&form.text("filter"), &form.text("user")), view);
            let question = view.question(7, user).parse().unwrap();
            let form = form::Form::of_address(&question);
            assert_eq!(View::read(&form.text("filter"), &form.text("only")), view);
            assert_eq!(
                (form.text("id"), form.text("user")),
                ("7".into(), user.into())
            );
        }
        let long = View::read("rubbish", &"é".repeat(1_000));
        assert_eq!((long.filter, long.user.chars().count()), (Filter::All, 255));
    }

    #[test]
    fn an_unknown_filter_is_none() {
        for filter in Filter::EVERY {
            assert_eq!(Filter::read(filter.word()), filter);
        }
        assert_eq!(Filter::read("'><script>"), Filter::All);
    }
}
