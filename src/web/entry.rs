// SPDX-License-Identifier: GPL-3.0-or-later
//! What the helper answers, as JSON: the same that the tool prints.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::helper::End;
use crate::when::When;

/// What an account may make.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Rules {
    /// Its name, as the system spells it, however it was typed.
    pub(crate) user: String,
    /// More than a label can be chosen.
    pub(crate) scopes: bool,
    /// What may be named.
    pub(crate) services: Vec<String>,
    /// Of each of them, which others it opens too.
    pub(crate) includes: BTreeMap<String, Vec<String>>,
    /// What is meant if nothing is named.
    pub(crate) default_services: Vec<String>,
    pub(crate) max_lifetime_days: Option<u32>,
    /// 0: no limit.
    pub(crate) max_per_user: usize,
    /// May look after the entries of others.
    pub(crate) admin: bool,
}

/// An app password's entry.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) user: String,
    pub(crate) label: String,
    pub(crate) services: Vec<String>,
    pub(crate) networks: Vec<String>,
    pub(crate) created: When,
    pub(crate) expires: Option<When>,
    pub(crate) status: String,
    pub(crate) revoked: Option<Revoked>,
    pub(crate) replaced_by: Option<i64>,
    pub(crate) last_used: Option<Used>,
    pub(crate) last_refused: Option<Refused>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Revoked {
    pub(crate) at: When,
}

/// The last use.
#[derive(Debug, Deserialize)]
pub(crate) struct Used {
    pub(crate) at: When,
    pub(crate) service: String,
    pub(crate) from: Option<String>,
}

/// The last use that was refused.
#[derive(Debug, Deserialize)]
pub(crate) struct Refused {
    #[serde(flatten)]
    pub(crate) used: Used,
    /// Why.
    pub(crate) reason: String,
}

/// What an entry has that was just made, and never again.
#[derive(Deserialize)]
struct Secret<'a> {
    password: &'a str,
}

impl Entry {
    pub(crate) fn is_live(&self) -> bool {
        self.revoked.is_none()
    }

    /// It has its label for itself, and counts. One that was replaced is good for a while beside its successor.
    pub(crate) fn stands_for_itself(&self) -> bool {
        self.is_live() && self.replaced_by.is_none()
    }

    /// Somebody, or a forgotten device, goes on trying an app password that is removed.
    pub(crate) fn tried_since(&self) -> Option<&Used> {
        let revoked = self.revoked.as_ref()?;
        let tried = &self.last_refused.as_ref()?.used;
        (tried.at >= revoked.at).then_some(tried)
    }

    /// Where it may be used; empty: anywhere.
    pub(crate) fn plain_networks(&self) -> String {
        let networks: Vec<_> = self.networks.iter().map(|net| plain(net)).collect();
        networks.join(", ")
    }

    /// What can be changed of it, in one line: another one says that it was changed.
    pub(crate) fn mark(&self) -> String {
        let expires = self.expires.map(When::exact).unwrap_or_default();
        let (services, networks) = (self.services.join(","), self.networks.join(","));
        [services, networks, expires, self.label.clone()].join(" ")
    }

    /// When it was used last, or made.
    pub(crate) fn idle_since(&self) -> When {
        self.last_used.as_ref().map_or(self.created, |used| used.at)
    }
}

/// A network as people write it: one address has no length.
pub(crate) fn plain(network: &str) -> String {
    let of_one = if network.contains(':') { "/128" } else { "/32" };
    network.strip_suffix(of_one).unwrap_or(network).to_owned()
}

/// Reads an answer. `None`: the verb has failed, or says what we do not understand.
pub(crate) fn read<T: DeserializeOwned>(end: &End) -> Option<T> {
    if end.code != 0 {
        return None;
    }
    serde_json::from_slice(&end.out).ok()
}

/// An entry that was made, and its secret. It is read where it lies, so that nothing else holds it. That
/// there is one does not say that all went well.
pub(crate) fn made(end: &End) -> Option<(Entry, Zeroizing<String>)> {
    let entry = serde_json::from_slice(&end.out).ok()?;
    let secret: Secret = serde_json::from_slice(&end.out).ok()?;
    Some((entry, Zeroizing::new(secret.password.to_owned())))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry(changes: &serde_json::Value) -> Entry {
        let mut entry = serde_json::json!({
            "id": 1, "user": "alice", "label": "phone", "services": ["mail"], "networks": ["192.0.2.0/24"],
            "created": "2026-11-20T09:00:00Z", "created_by": "alice", "expires": "2027-11-20T09:00:00Z",
            "status": "active", "revoked": null, "replaces": null, "replaced_by": null,
            "last_used": null, "last_refused": null,
        });
        for (key, value) in changes.as_object().unwrap() {
            entry[key] = value.clone();
        }
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn an_address_is_written_without_a_length_and_a_network_with_it() {
        for (network, written) in [
            ("192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(plain(network), written);
        }
    }

    #[test]
    fn what_was_tried_before_it_was_removed_is_no_reason_to_worry() {
        let removed = |tried: &str| {
            entry(&serde_json::json!({
                "revoked": {"at": "2026-11-20T10:00:00Z", "by": "alice", "why": "by hand"},
                "last_refused": {"at": tried, "service": "imap", "from": "192.0.2.7", "reason": "revoked", "count": 2},
            }))
        };
        assert!(removed("2026-11-20T09:59:59Z").tried_since().is_none());
        let tried = removed("2026-11-20T10:00:01Z");
        assert_eq!(
            tried.tried_since().unwrap().from.as_deref(),
            Some("192.0.2.7")
        );
    }
}
