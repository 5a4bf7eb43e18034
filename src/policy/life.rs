// SPDX-License-Identifier: GPL-3.0-or-later
//! What an entry may be when it is made, and what it may become later.

use super::Rules;
use crate::clock::{Span, Timestamp};
use crate::credential::{Credential, CredentialId, Label, Network, ServiceName};

/// Why a user cannot have an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// This one has the label already.
    Label(CredentialId),
    /// The user has so many, which is the limit.
    Limit(usize),
}

/// Whether a user with these live entries may have one more of this label. `limit`: at most so
/// many; 0: as many as there are. One that has a successor counts neither for its label nor for the
/// limit.
pub fn room(live: &[Credential], label: &Label, limit: u32) -> Result<(), NoRoom> {
    if let Some(entry) = holder(live, label) {
        return Err(NoRoom::Label(entry.id));
    }
    let count = live.iter().filter(|e| e.replaced_by.is_none()).count();
    match limit != 0 && count >= limit as usize {
        true => Err(NoRoom::Limit(count)),
        false => Ok(()),
    }
}

/// The live entry that has the label for itself.
pub fn holder<'a>(live: &'a [Credential], label: &Label) -> Option<&'a Credential> {
    live.iter()
        .find(|entry| entry.label == *label && entry.replaced_by.is_none())
}

/// When an entry ends that was made at `made`: as asked, but within the longest life that there is.
pub fn ending(
    asked: Option<Timestamp>,
    made: Timestamp,
    longest: Option<Span>,
) -> Option<Timestamp> {
    earlier(asked, longest.map(|span| made.plus(span)))
}

/// The earlier of two ends. `None` is none.
pub fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Whether the one list of networks holds no address that the other does not. An empty list holds
/// them all.
pub fn networks_within(inner: &[Network], outer: &[Network]) -> bool {
    let inside = |net: &Network| outer.iter().any(|wide| wide.includes(net));
    outer.is_empty() || !inner.is_empty() && inner.iter().all(inside)
}

/// Whether an entry would open more after a change than before: more services, more addresses, or for
/// longer.
pub fn widens(before: &Credential, after: &Credential, rules: &Rules) -> bool {
    !rules.services_within(&after.services, &before.services)
        || !networks_within(&after.networks, &before.networks)
        || earlier(after.expires, before.expires) != after.expires
}

impl Rules {
    /// Whether the one list of services opens nothing that the other does not.
    pub fn services_within(&self, inner: &[ServiceName], outer: &[ServiceName]) -> bool {
        inner.iter().all(|named| match self.groups.get(named) {
            _ if outer.contains(named) => true,
            _ if named.is_any() => false,
            Some(group) => group.iter().all(|service| self.opens(outer, service)),
            None => self.opens(outer, named),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, names, rules};
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_seconds(seconds))
    }

    #[test]
    fn a_label_and_a_place_are_free_or_not() {
        let labelled = |id, label, replaced_by| Credential {
            id: CredentialId(id),
            label: Label::parse(label).unwrap(),
            replaced_by,
            ..entry("mail", "")
        };
        let live = [
            labelled(1, "phone", Some(CredentialId(2))),
            labelled(2, "phone", None),
            labelled(3, "tablet", Some(CredentialId(4))),
            labelled(4, "watch", None),
        ];
        for (label, limit, answer) in [
            ("laptop", 0, Ok(())),
            ("laptop", 3, Ok(())), // predecessors do not count
            ("laptop", 2, Err(NoRoom::Limit(2))),
            ("laptop", 1, Err(NoRoom::Limit(2))),
            ("phone", 3, Err(NoRoom::Label(CredentialId(2)))),
            ("phone", 1, Err(NoRoom::Label(CredentialId(2)))),
            ("tablet", 3, Ok(())), // only a predecessor has it
        ] {
            let label = Label::parse(label).unwrap();
            assert_eq!(room(&live, &label, limit), answer, "{label:?} {limit}");
        }
    }

    #[test]
    fn no_entry_lives_longer_than_the_longest_life() {
        let made = Timestamp::from_seconds(1_000);
        let longest = Span::parse("100s");
        for (asked, longest, end) in [
            (None, None, None),
            (at(5_000), None, at(5_000)),
            (None, longest, at(1_100)),
            (at(5_000), longest, at(1_100)),
            (at(1_100), longest, at(1_100)),
            (at(1_050), longest, at(1_050)),
        ] {
            assert_eq!(ending(asked, made, longest), end, "{asked:?} {longest:?}");
        }
    }

    #[test]
    fn more_services_more_networks_or_a_later_end_are_more() {
        let ending = |services, networks, end| Credential {
            expires: end,
            ..entry(services, networks)
        };
        let before = ending("mail", "192.0.2.0/24", at(1_000));
        for (services, networks, end, more) in [
            ("mail", "192.0.2.0/24", at(1_000), false),
            ("imap", "192.0.2.7", at(999), false),
            ("mail web", "192.0.2.0/24", at(1_000), true),
            ("any", "192.0.2.0/24", at(1_000), true),
            ("mail", "192.0.0.0/16", at(1_000), true),
            ("mail", "", at(1_000), true),
            ("mail", "192.0.2.0/24", at(1_001), true),
            ("mail", "192.0.2.0/24", None, true),
        ] {
            let after = ending(services, networks, end);
            let answer = widens(&before, &after, &rules());
            assert_eq!(answer, more, "{services:?} {networks:?} {end:?}");
        }
    }

    #[test]
    fn a_list_of_services_lies_within_another_or_not() {
        for (inner, outer, answer) in [
            ("imap", "imap", true),
            ("imap", "imap smtp", true),
            ("imap smtp", "imap", false),
            ("imap", "mail", true),       // a group opens its members
            ("mail", "imap smtp", false), // and what goes by its own name
            ("mail", "imap smtp mail", true),
            ("shell", "shell imap", true),
            ("", "imap", true),
            ("imap", "", false),
            ("imap", "any", true),
            ("mail", "any", true),
            ("any", "any", true),
            ("any", "mail", false),
            ("sshd", "any", false), // protected
            ("shell", "any", false),
            ("shell", "any sshd login shell", true),
            ("gone", "gone", true),
            ("gone", "imap", false),
        ] {
            let [narrow, wide] = [inner, outer].map(|list| names(list).collect::<Vec<_>>());
            let within = rules().services_within(&narrow, &wide);
            assert_eq!(within, answer, "{inner:?} in {outer:?}");
        }
    }

    #[test]
    fn a_list_of_networks_lies_within_another_or_not() {
        for (inner, outer, answer) in [
            ("", "", true),
            ("192.0.2.7", "", true),
            ("", "192.0.2.7", false), // an empty list is everywhere
            ("192.0.2.7", "192.0.2.0/24", true),
            ("192.0.2.0/24", "192.0.2.0/24", true),
            ("192.0.2.0/24", "192.0.2.7", false),
            ("192.0.2.7 198.51.100.7", "192.0.2.0/24", false),
            (
                "192.0.2.7 198.51.100.7",
                "192.0.2.0/24 198.51.100.0/24",
                true,
            ),
            ("2001:db8::7", "2001:db8::/32", true),
            ("192.0.2.7", "::/0", false),
        ] {
            let [narrow, wide] = [inner, outer].map(|list| entry("mail", list).networks);
            let within = networks_within(&narrow, &wide);
            assert_eq!(within, answer, "{inner:?} in {outer:?}");
        }
    }
}
