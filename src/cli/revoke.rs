// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd revoke USER ENTRY...` and `app-passwd revoke USER --all [--yes]`

use std::collections::BTreeMap;

use pam_app_passwd::credential::{Credential, CredentialId, Revocation, RevokedWhy, UserName};
use pam_app_passwd::store::{Entries, Store};
use pam_app_passwd::syslog;

use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out;
use super::{Context, operator, output, terminal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    user: String,
    /// Their ids or exact labels; all are revoked, or none
    #[arg(
        value_name = "ENTRY",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    entries: Vec<String>,
    /// All of the user's app passwords
    #[arg(long)]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Leave open what they have opened
    #[arg(long)]
    keep_sessions: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let Some(mut store) = Store::open(&context.config.state_dir)? else {
        return match arguments.entries.first() {
            Some(name) => Err(entry::none(&user, name)),
            None => report(&user, &[], context).map(|()| Code::Done),
        };
    };
    let chosen = match arguments.all {
        true => all(&store, &user, arguments.yes)?,
        false => named(&mut store, &user, &arguments.entries)?,
    };
    let revocation = Revocation {
        at: context.now,
        by: operator::name(),
        why: RevokedWhy::ByHand,
    };
    let whole = arguments.all.then_some(&user);
    revoke(&mut store, &chosen, whole, &revocation)?;
    let mut revoked = Vec::new();
    for entry in &chosen {
        revoked.extend(store.entry(entry.id)?);
    }
    drop(store);
    report(&user, &revoked, context)?;
    if !arguments.keep_sessions {
        sign_out(&revoked, context);
    }
    Ok(Code::Done)
}

/// Revokes what is not revoked yet, and whatever else is left of `whole`.
pub(super) fn revoke(
    store: &mut Store,
    entries: &[Credential],
    whole: Option<&UserName>,
    revocation: &Revocation,
) -> Result<(), Failure> {
    let lines = store.revoke(entries, whole, revocation)?;
    syslog::send(&lines, "", revocation.at);
    Ok(())
}

fn named(store: &mut Store, user: &UserName, names: &[String]) -> Result<Vec<Credential>, Failure> {
    let mut chosen = BTreeMap::<CredentialId, Credential>::new();
    for name in names {
        chosen.extend(
            entry::named(store, user, name)?
                .into_iter()
                .map(|entry| (entry.id, entry)),
        );
    }
    Ok(chosen.into_values().collect())
}

fn all(store: &Store, user: &UserName, yes: bool) -> Result<Vec<Credential>, Failure> {
    let Entries {
        sound: mut live,
        damaged,
    } = store.entries(Some(user))?;
    live.retain(|entry| entry.revoked.is_none());
    entry::warn_of(&damaged);
    if !live.is_empty() && !yes {
        let count = match live.len() {
            1 => "the one app password".to_owned(),
            count => format!("all {count} app passwords"),
        };
        terminal::confirm(&format!("Revoke {count} of {}?", user.as_str()))?;
    }
    Ok(live)
}

fn report(user: &UserName, revoked: &[Credential], context: &Context) -> Result<(), Failure> {
    if context.json {
        output::json(&Viewer::new(context).views(revoked))?;
    } else if revoked.is_empty() {
        output::say(&format!("{} has no app passwords.", user.as_str()));
    } else {
        output::say(&format!(
            "Revoked: {} of {}.",
            entry::names(revoked),
            user.as_str()
        ));
    }
    Ok(())
}
