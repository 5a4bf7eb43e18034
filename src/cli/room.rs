// SPDX-License-Identifier: GPL-3.0-or-later
//! What room users have for very many entries: looked up once, not for each entry.

use std::collections::{HashMap, HashSet};

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Label, UserName};
use pam_app_passwd::error::Error;
use pam_app_passwd::store::Change;

use super::failure::{Code, Failure};

/// The labels that each user's live entries have, but for those with a successor.
pub(super) struct Room {
    limit: usize,
    taken: HashMap<String, HashSet<String>>,
}

impl Room {
    /// As nobody else can change it any more; `None`: there is no store. A limit of 0 is none.
    pub(super) fn of(change: Option<&Change<'_>>, limit: u32) -> Result<Self, Error> {
        let mut taken = HashMap::<_, HashSet<_>>::new();
        let labels = change.map(Change::labels).transpose()?;
        for (user, label) in labels.unwrap_or_default() {
            taken.entry(user).or_default().insert(label);
        }
        let limit = if limit == 0 {
            usize::MAX
        } else {
            limit as usize
        };
        Ok(Self { limit, taken })
    }

    /// Gives an entry its room, or says why there is none.
    pub(super) fn take(&mut self, user: &UserName, label: &Label) -> Result<(), Failure> {
        let taken = self.taken.entry(user.as_str().to_owned()).or_default();
        let (user, label) = (user.as_str(), label.as_str());
        if taken.len() >= self.limit {
            let message = format!(
                "{user} has {} app passwords, which is the limit",
                taken.len()
            );
            return Err(Failure::new(Code::Policy, message)
                .hint("revoke some that are no longer used, or raise policy.max_per_user"));
        }
        if taken.insert(label.to_owned()) {
            return Ok(());
        }
        let message = format!("{user} has an app password \"{}\" already", quoted(label));
        Err(Failure::new(Code::Policy, message).hint("revoke it, or choose another label"))
    }
}
