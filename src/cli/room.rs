// SPDX-License-Identifier: GPL-3.0-or-later
//! What room users have for very many entries: looked up once, not for each entry.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Label, UserName};
use pam_app_passwd::error::Error;
use pam_app_passwd::store::Change;

use super::failure::{Code, Failure};

/// The labels of live entries, each with its user, and how many each user has, but for those with
/// a successor.
pub(super) struct Room<'a> {
    limit: usize,
    labels: HashSet<(Cow<'a, str>, Cow<'a, str>)>,
    counts: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Room<'a> {
    /// As nobody else can change it any more; `None`: there is no store. A limit of 0 is none.
    pub(super) fn of(change: Option<&Change<'_>>, limit: u32) -> Result<Self, Error> {
        let limit = if limit == 0 {
            usize::MAX
        } else {
            limit as usize
        };
        let mut room = Self {
            limit,
            labels: HashSet::new(),
            counts: HashMap::new(),
        };
        let labels = change.map(Change::labels).transpose()?;
        for (user, label) in labels.unwrap_or_default() {
            *room.counts.entry(Cow::Owned(user.clone())).or_default() += 1;
            room.labels.insert((user.into(), label.into()));
        }
        Ok(room)
    }

    /// Gives an entry its room, or says why there is none.
    pub(super) fn take(&mut self, user: &'a UserName, label: &'a Label) -> Result<(), Failure> {
        let (user, label) = (user.as_str(), label.as_str());
        let count = self.counts.entry(user.into()).or_default();
        if *count >= self.limit {
            let message = format!("{user} has {count} app passwords, which is the limit");
            return Err(Failure::new(Code::Policy, message)
                .hint("revoke some that are no longer used, or raise policy.max_per_user"));
        }
        if self.labels.insert((user.into(), label.into())) {
            *count += 1;
            return Ok(());
        }
        let message = format!("{user} has an app password \"{}\" already", quoted(label));
        Err(Failure::new(Code::Policy, message).hint("revoke it, or choose another label"))
    }
}
