// SPDX-License-Identifier: GPL-3.0-or-later
//! What was done, as the helper's log has it. Pure.

use serde::Deserialize;

use crate::when::When;

/// In seconds: between the parts of a replacement its password is shown.
const AT_ONCE: i64 = 10;

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) at: When,
    /// Who has done it.
    pub(crate) by: String,
    pub(crate) action: String,
    /// Nobody's: it is about the store as a whole.
    pub(crate) user: Option<String>,
    pub(crate) entry: Option<i64>,
    /// More about it: `label="phone" services=mail from=192.0.2.7`.
    pub(crate) detail: String,
}

impl Event {
    /// What the detail says under this name. The label is in it, which may be anything between its quotes.
    pub(crate) fn said(&self, name: &str) -> Option<String> {
        let mut rest = self.detail.as_str();
        while let Some((other, behind)) = rest.split_once('=') {
            let (value, behind) = match behind.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => behind.split_once(' ').unwrap_or((behind, "")),
            };
            if other == name {
                return Some(unescaped(value));
            }
            rest = behind.trim_start();
        }
        None
    }

    /// Whether another event says the same to a person: a replacement makes the new one and ends the old, now
    /// or by giving it an end.
    pub(crate) fn is_part_of(&self, other: &Self) -> bool {
        let successor = other.said("replaced_by");
        let is_successor = successor.is_some() && successor == self.entry.map(|id| id.to_string());
        match self.action.as_str() {
            "created" => is_successor,
            "revoked" => {
                self.said("why").as_deref() == Some("rotated")
                    && other.action == "rotated"
                    && other.entry == self.entry
            }
            "edited" => {
                self.only_gives_an_end()
                    && other.action == "rotated"
                    && self.is_beside(other)
                    && other.entry == self.entry
            }
            _ => false,
        }
    }

    fn only_gives_an_end(&self) -> bool {
        let changes_more = ["new_label", "services", "networks"].map(|name| self.said(name));
        let end: Option<i64> = self.said("expires").and_then(|end| end.parse().ok());
        end.is_some() && changes_more.iter().all(Option::is_none)
    }

    /// Whether the same person has done it, from the same place and at once afterwards.
    fn is_beside(&self, other: &Self) -> bool {
        let after = self.at.seconds() - other.at.seconds();
        let is_at_once = (0..=AT_ONCE).contains(&after);
        is_at_once && self.by == other.by && self.said("from") == other.said("from")
    }
}

/// What was escaped for the sake of its quotes. What is escaped since it might harm stays so.
fn unescaped(value: &str) -> String {
    value.replace("\\x22", "\"").replace("\\x5c", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(action: &str, entry: i64, detail: &str) -> Event {
        Event {
            at: When::from_seconds(1_795_000_000),
            by: "alice".to_owned(),
            action: action.to_owned(),
            user: Some("alice".to_owned()),
            entry: Some(entry),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn what_a_label_holds_is_no_other_part_of_the_detail() {
        let event = event(
            "created",
            1,
            r#"label="x why=\x22\x5cx22 from=203.0.113.9" services=mail,imap from=192.0.2.7"#,
        );
        assert_eq!(
            event.said("label").unwrap(),
            r#"x why="\x22 from=203.0.113.9"#
        );
        assert_eq!(event.said("services").unwrap(), "mail,imap");
        assert_eq!(event.said("from").unwrap(), "192.0.2.7");
        assert_eq!(event.said("why"), None);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for detail in ["", "label", "label=\"x", "=", "  ="] {
            assert_eq!(event("created", 1, detail).said("why"), None, "{detail}");
        }
    }

    #[test]
    fn a_replacement_is_told_once() {
        let made = event("created", 2, "label=\"phone\" services=mail");
        let replaced = event("rotated", 1, "label=\"phone\" replaced_by=2");
        let ended = event("revoked", 1, "label=\"phone\" why=\"rotated\"");
        let removed = event("revoked", 1, "label=\"phone\" why=\"by hand\"");
        let other = event("created", 12, "label=\"tablet\" services=mail");
        assert!(made.is_part_of(&replaced) && ended.is_part_of(&replaced));
        for event in [&removed, &other, &replaced] {
            assert!(!event.is_part_of(&replaced), "{event:?}");
        }
        assert!(!made.is_part_of(&other) && !ended.is_part_of(&removed));
    }

    #[test]
    fn a_replacement_that_gives_the_old_one_an_end_is_told_once() {
        let after = |seconds, edited: Event| Event {
            at: When::from_seconds(1_795_000_000 + seconds),
            ..edited
        };
        let limited = |detail| event("edited", 1, &format!("label=\"phone\" {detail} from=::1"));
        let replaced = event("rotated", 1, "label=\"phone\" replaced_by=2 from=::1");
        for seconds in [0, AT_ONCE] {
            let limited = after(seconds, limited("expires=1795086400"));
            assert!(limited.is_part_of(&replaced), "{limited:?}");
        }
        // What somebody has changed is told.
        let elsewhere = event("edited", 1, "label=\"phone\" expires=1795086400");
        for other in [
            limited("expires=never"),
            limited("networks=any expires=1795086400"),
            limited("new_label=\"x\" expires=1795086400"),
            limited("services=mail"),
            after(AT_ONCE + 1, limited("expires=1795086400")),
            after(-1, limited("expires=1795086400")),
            elsewhere,
            Event {
                by: "root".to_owned(),
                ..limited("expires=1795086400")
            },
            Event {
                entry: Some(3),
                ..limited("expires=1795086400")
            },
        ] {
            assert!(!other.is_part_of(&replaced), "{other:?}");
        }
    }
}
