// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd prune [USER] [--expired] [--gone-users] [--dry-run] [--yes]`

use std::collections::BTreeSet;

use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{Credential, CredentialId, Revocation, RevokedWhy, UserName};
use pam_app_passwd::store::{Entries, Store};
use pam_app_passwd::syslog;

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

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    let store = Store::open(&context.config.state_dir)?;
    let plan = match &store {
        Some(store) => Plan::make(store, user.as_ref(), &arguments, context)?,
        None => Plan::default(),
    };
    // What runs every night need not say every night that there was nothing to do.
    if plan.is_empty() && arguments.yes && !context.json {
        return Ok(Code::Done);
    }
    let Some(mut store) = store.filter(|_| !plan.is_empty() && !arguments.dry_run) else {
        return plan.show(context);
    };
    if !arguments.yes {
        terminal::confirm(&format!("Prune: {}?", plan.words()))?;
    }
    let events = plan.carry_out(&mut store, user.as_ref(), context)?;
    let revoked = store.entries_of_numbers(plan.revoke.iter().map(|(entry, _)| entry.id))?;
    drop(store);
    let said = report(&revoked, &plan.purge, events, context);
    sign_out(&revoked, context);
    notify::tell("revoked", &revoked, context);
    said.map(|()| Code::Done)
}

impl Plan {
    fn make(
        store: &Store,
        user: Option<&UserName>,
        arguments: &Arguments,
        context: &Context,
    ) -> Result<Self, Failure> {
        let Entries { sound, damaged } = store.entries(user)?;
        entry::warn_of(&damaged);
        let left = match arguments.gone_users {
            true => left_by_gone_users(store, user)?,
            false => BTreeSet::new(),
        };
        let has_expired = |entry: &Credential| entry.expires.is_some_and(|end| end <= context.now);
        let limit = context.now.minus(context.config.policy.keep_revoked);
        let mut plan = Self {
            events: store.count_events(user, keep_events_since(context))?,
            ..Self::default()
        };
        for entry in sound {
            match &entry.revoked {
                Some(revocation) if revocation.at < limit => plan.purge.push(entry),
                Some(_) => {}
                None if left.contains(&entry.id) => {
                    plan.revoke.push((entry, RevokedWhy::AccountDeleted));
                }
                None if arguments.expired && has_expired(&entry) => {
                    plan.revoke.push((entry, RevokedWhy::Expired));
                }
                None => {}
            }
        }
        Ok(plan)
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
        let revoke = self.revoke.iter().map(|(entry, _)| entry);
        let entries = in_order(revoke.chain(&self.purge));
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

    /// All of it, or nothing. Returns how many events were purged.
    fn carry_out(
        &self,
        store: &mut Store,
        user: Option<&UserName>,
        context: &Context,
    ) -> Result<usize, Failure> {
        let (at, by) = (context.now, operator::name());
        let (lines, events) = store.even_on_a_full_disk(|store| {
            let mut change = store.change()?;
            for (entry, why) in &self.revoke {
                let (by, why) = (by.clone(), *why);
                change.revoke(entry, &Revocation { at, by, why })?;
            }
            for entry in &self.purge {
                change.purge(entry, at, &by)?;
            }
            let events = change.purge_events(user, keep_events_since(context), at, &by)?;
            Ok((change.commit()?, events))
        })?;
        syslog::send(&lines, "", at);
        Ok(events)
    }
}

/// Older events are to be forgotten.
fn keep_events_since(context: &Context) -> Timestamp {
    context.now.minus(context.config.policy.keep_events)
}

/// The live entries of accounts that the system knew when these were made, and knows no more.
fn left_by_gone_users(
    store: &Store,
    user: Option<&UserName>,
) -> Result<BTreeSet<CredentialId>, Failure> {
    let mut left = BTreeSet::new();
    for account in store.accounts()? {
        if user.is_none_or(|user| *user == account) && !operator::knows(&account)? {
            let entries = store.entries_of_account(&account)?.sound;
            left.extend(entries.iter().map(|entry| entry.id));
        }
    }
    Ok(left)
}

fn report(
    revoked: &[Credential],
    purged: &[Credential],
    events: usize,
    context: &Context,
) -> Result<(), Failure> {
    if context.json {
        let entries = in_order(revoked.iter().chain(purged));
        return output::json(&Viewer::new(context).views(entries));
    }
    entry::say_of_each_user("Revoked", revoked);
    entry::say_of_each_user("Purged", purged);
    if events > 0 {
        output::say(&format!("Purged {}.", output::counted(events, "event")));
    }
    Ok(())
}

fn in_order<'a>(entries: impl Iterator<Item = &'a Credential>) -> Vec<&'a Credential> {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|entry| entry.id);
    entries
}
