// SPDX-License-Identifier: GPL-3.0-or-later
//! An entry, as pages show it.

use crate::entry::{Entry, Used};
use crate::text::Text;
use crate::when::When;

pub(super) struct Row {
    pub(super) id: i64,
    pub(super) user: String,
    pub(super) label: String,
    /// Why it opens nothing now, or not for long; empty if it does.
    pub(super) status: &'static str,
    /// It has a successor, and is good beside it for a while.
    pub(super) is_replaced: bool,
    pub(super) services: String,
    /// Nothing: anywhere.
    pub(super) networks: Option<String>,
    pub(super) created: Moment,
    pub(super) expires: Option<Moment>,
    pub(super) is_expired: bool,
    pub(super) used: Option<Moment>,
    pub(super) tried: Option<Moment>,
}

/// A time, for people and for programs.
pub(super) struct Moment {
    pub(super) exact: String,
    pub(super) words: String,
    /// From where, and with what.
    pub(super) circumstances: String,
}

impl Row {
    pub(super) fn new(entry: &Entry, now: When, text: &'static Text) -> Self {
        let used = |used: &Used| Moment::of_use(used, now, text);
        let is_replaced = entry.replaced_by.is_some() && entry.status == "active";
        Self {
            id: entry.id,
            user: entry.user.clone(),
            label: entry.label.clone(),
            status: match is_replaced {
                true => text.replaced,
                false => (text.status)(&entry.status),
            },
            is_replaced,
            services: text.services(entry.services.iter().map(String::as_str)),
            networks: (!entry.networks.is_empty()).then(|| entry.plain_networks()),
            created: Moment::new(entry.created, entry.created.ago(now, text)),
            expires: entry.expires.map(|at| Moment::new(at, at.day(text))),
            is_expired: entry.expires.is_some_and(|at| at <= now),
            used: entry.last_used.as_ref().map(used),
            tried: entry.tried_since().map(used),
        }
    }

    /// What a link that is about it is called beside others: a predecessor has the label of its successor.
    pub(super) fn name(&self) -> String {
        match self.status {
            "" => self.label.clone(),
            status => format!("{}, {status}", self.label),
        }
    }
}

impl Moment {
    pub(super) fn new(at: When, words: String) -> Self {
        Self {
            exact: at.exact(),
            words,
            circumstances: String::new(),
        }
    }

    pub(super) fn of_use(used: &Used, now: When, text: &Text) -> Self {
        let from = used.from.as_deref().map(text.from_address);
        let with = (text.with_service)(&used.service);
        let circumstances: Vec<_> = from.into_iter().chain([with]).collect();
        Self {
            circumstances: circumstances.join(", "),
            ..Self::new(used.at, used.at.ago(now, text))
        }
    }
}

/// The present moment, as entries have it.
pub(super) fn now() -> When {
    When::from_seconds(pam_app_passwd::clock::now().seconds())
}
