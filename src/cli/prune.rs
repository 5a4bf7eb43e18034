// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd prune [USER] [--expired] [--gone-users] [--dry-run] [--yes]`

use std::collections::BTreeSet;

use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{Credential, RevokedWhy, UserName};
use pam_app_passwd::store::{Change, Look, Store};

use super::change::{self, Changed, Stamp};
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out;
use super::{Context, list, notify, operator, output, terminal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose; without it everybody's
    user: Option<String>,
    /// Also revoke what has expired
    #[arg(long)]
    expired: bool,
    /// Also revoke what accounts that are gone have left
    #[arg(long)]
    gone_users: bool,
    /// Only list what would be purged or revoked
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is asked for, understood.
struct Scope<'a> {
    user: Option<UserName>,
    expired: bool,
    /// Accounts that the system knew when their entries were made, and knows no more.
    gone: Vec<UserName>,
    context: &'a Context,
}

/// What there is to tidy away.
#[derive(Default)]
struct Plan {
    /// What is to be revoked, and why.
    revoke: Vec<(Credential, RevokedWhy)>,
    /// What was revoked long enough ago.
    purge: Vec<Credential>,
    /// How many events are old enough.
    events: usize,
}

/// What was done of a plan.
struct Pruned {
    revoked: Changed,
    purged: Vec<Credential>,
    events: usize,
    /// How many of those that were to be revoked do not qualify any more.
    left_out: usize,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    let mut store = Store::open(&context.config.state_dir)?;
    let mut scope = Scope {
        user,
        expired: arguments.expired,
        gone: Vec::new(),
        context,
    };
    let mut plan = Plan::default();
    if let Some(store) = &mut store {
        if arguments.gone_users {
            scope.gone = gone(store.accounts()?, scope.user.as_ref())?;
        }
        plan = scope.plan(&store.look()?, context.now)?;
        plan.events = store.count_events(scope.user.as_ref(), scope.keep_events_since())?;
        entry::warn_of(&store.entries(scope.user.as_ref())?.damaged);
    }
    // What runs every night need not say every night that there was nothing to do.
    if plan.is_empty() && arguments.yes && !context.json {
        return Ok(Code::Done);
    }
    let Some(mut store) = store.filter(|_| !plan.is_empty() && !arguments.dry_run) else {
        return plan.show(context);
    };
    if !arguments.yes {
        terminal::confirm(&format!("Prune: {}?", plan.words()))?;
        // Somebody may be back since.
        scope.gone = gone(scope.gone, None)?;
    }
    let (pruned, stamp) = change::revoke(&mut store, |change, stamp| {
        scope.carry_out(&plan, change, stamp)
    })?;
    drop(store);
    let said = report(&pruned, context);
    sign_out(&pruned.revoked.all, context);
    notify::tell_of("revoked", &stamp, &pruned.revoked.newly, context);
    said.map(|()| Code::Done)
}

/// Those accounts, of one user or of all, that the system knows no more.
fn gone(accounts: Vec<UserName>, user: Option<&UserName>) -> Result<Vec<UserName>, Failure> {
    let mut gone = Vec::new();
    for account in accounts {
        if user.is_none_or(|user| *user == account) && !operator::knows(&account)? {
            gone.push(account);
        }
    }
    Ok(gone)
}

impl Scope<'_> {
    /// What of the entries there is to tidy away at that time.
    fn plan(&self, look: &Look<'_>, at: Timestamp) -> Result<Plan, Failure> {
        let mut left = BTreeSet::new();
        for account in &self.gone {
            let entries = look.entries_of_account(account)?.sound;
            left.extend(entries.iter().map(|entry| entry.id));
        }
        let has_expired = |entry: &Credential| entry.expires.is_some_and(|end| end <= at);
        let limit = at.minus(self.context.config.policy.keep_revoked);
        let mut plan = Plan::default();
        for entry in look.entries(self.user.as_ref())?.sound {
            match &entry.revoked {
                Some(revocation) if revocation.at < limit => plan.purge.push(entry),
                Some(_) => {}
                None if left.contains(&entry.id) => {
                    plan.revoke.push((entry, RevokedWhy::AccountDeleted));
                }
                None if self.expired && has_expired(&entry) => {
                    plan.revoke.push((entry, RevokedWhy::Expired));
                }
                None => {}
            }
        }
        Ok(plan)
    }

    /// What was shown, and is still to be tidied away: all of it, or nothing.
    fn carry_out(
        &self,
        shown: &Plan,
        change: &mut Change<'_>,
        stamp: &Stamp,
    ) -> Result<Pruned, Failure> {
        let Plan {
            mut revoke,
            mut purge,
            ..
        } = self.plan(change, stamp.at)?;
        let ids = shown.entries().map(|entry| entry.id);
        let ids: BTreeSet<_> = ids.collect();
        revoke.retain(|(entry, _)| ids.contains(&entry.id));
        purge.retain(|entry| ids.contains(&entry.id));
        let mut revoked = Changed::default();
        for (entry, why) in &revoke {
            let newly = change.revoke(entry, &stamp.revocation(*why))?;
            revoked.add(change, entry.id, newly)?;
        }
        for entry in &purge {
            change.purge(entry, stamp.at, &stamp.by)?;
        }
        let (user, limit) = (self.user.as_ref(), self.keep_events_since());
        Ok(Pruned {
            events: change.purge_events(user, limit, stamp.at, &stamp.by)?,
            purged: purge,
            left_out: shown.revoke.len() - revoke.len(),
            revoked,
        })
    }

    /// Older events are to be forgotten.
    fn keep_events_since(&self) -> Timestamp {
        let Context { config, now, .. } = self.context;
        now.minus(config.policy.keep_events)
    }
}

impl Plan {
    fn entries(&self) -> impl Iterator<Item = &Credential> {
        let revoke = self.revoke.iter().map(|(entry, _)| entry);
        revoke.chain(&self.purge)
    }

    fn is_empty(&self) -> bool {
        self.revoke.is_empty() && self.purge.is_empty() && self.events == 0
    }

    /// `revoke 1 expired app password, purge 2 events`
    fn words(&self) -> String {
        let (left, expired): (Vec<_>, Vec<_>) = self
            .revoke
            .iter()
            .partition(|(_, why)| *why == RevokedWhy::AccountDeleted);
        let accounts: BTreeSet<_> = left.iter().map(|(entry, _)| &entry.user).collect();
        let accounts = output::counted(accounts.len(), "deleted account");
        let left = (
            left.len(),
            "revoke",
            "app password",
            format!(" of {accounts}"),
        );
        let plain = |count, what, noun| (count, what, noun, String::new());
        let parts = [
            left,
            plain(expired.len(), "revoke", "expired app password"),
            plain(self.purge.len(), "purge", "revoked app password"),
            plain(self.events, "purge", "event"),
        ];
        let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
        let words = parts
            .map(|(count, what, noun, of)| format!("{what} {}{of}", output::counted(count, noun)));
        words.collect::<Vec<_>>().join(", ")
    }

    /// Says what would be done.
    fn show(&self, context: &Context) -> Result<Code, Failure> {
        let entries = in_order(self.entries());
        let sentence = match self.is_empty() {
            true => "There is nothing to prune.".to_owned(),
            false => format!("Would {}.", self.words()),
        };
        if !entries.is_empty() {
            output::say(&sentence);
        }
        list::answer(entries.into_iter(), &sentence, context)?;
        Ok(Code::Done)
    }
}

fn report(pruned: &Pruned, context: &Context) -> Result<(), Failure> {
    change::say_left_out(pruned.left_out);
    let revoked = &pruned.revoked.all;
    if context.json {
        let entries = in_order(revoked.iter().chain(&pruned.purged));
        return output::json(&Viewer::of(entries.iter().copied(), context).views(entries));
    }
    entry::say_of_each_user("Revoked", revoked);
    entry::say_of_each_user("Purged", &pruned.purged);
    if pruned.events > 0 {
        output::say(&format!(
            "Purged {}.",
            output::counted(pruned.events, "event")
        ));
    }
    Ok(())
}

fn in_order<'a>(entries: impl Iterator<Item = &'a Credential>) -> Vec<&'a Credential> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|entry| entry.id);
    entries
}
