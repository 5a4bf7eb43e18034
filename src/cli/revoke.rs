// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd revoke USER ENTRY...`, `app-passwd revoke USER --all [--yes]` and, in bulk,
//! `app-passwd revoke USER|--everyone CONDITION... [--dry-run] [--yes]`

mod conditions;

use std::collections::BTreeSet;

use pam_app_passwd::credential::{Credential, Revocation, RevokedWhy, UserName};
use pam_app_passwd::store::{Entries, Store};
use pam_app_passwd::syslog;

use self::conditions::Conditions;
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out;
use super::{Context, list, named, notify, operator, output, terminal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    #[arg(required_unless_present = "everyone", conflicts_with = "everyone")]
    user: Option<String>,
    /// Their ids or exact labels; all are revoked, or none
    #[arg(
        value_name = "ENTRY",
        required_unless_present_any = ["all", "conditions", "everyone"],
        conflicts_with_all = ["all", "conditions"]
    )]
    entries: Vec<String>,
    /// All of the user's app passwords
    #[arg(long, conflicts_with_all = ["conditions", "everyone"])]
    all: bool,
    /// Of all users, those that meet the conditions
    #[arg(long)]
    everyone: bool,
    #[command(flatten)]
    conditions: Option<conditions::Arguments>,
    /// Only list what would be revoked
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Leave open what they have opened
    #[arg(long)]
    keep_sessions: bool,
}

/// What is to be revoked.
enum Target {
    Named(UserName, Vec<String>),
    All(UserName),
    Matching(Option<UserName>, Conditions),
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let target = Target::read(&arguments, context)?;
    let mut store = Store::open(&context.config.state_dir)?;
    let chosen = target.choose(store.as_mut(), context)?;
    if arguments.dry_run {
        list::answer(chosen.iter(), &target.nothing(), context)?;
        return Ok(Code::Done);
    }
    if !arguments.yes && !chosen.is_empty() {
        target.confirm(&chosen)?;
    }
    let revocation = Revocation {
        at: context.now,
        by: operator::name(),
        why: RevokedWhy::ByHand,
    };
    let mut revoked = Vec::new();
    if let Some(mut store) = store {
        revoked = revoke(&mut store, &chosen, target.whole(), &revocation)?;
    }
    // Whether or not it can be said, what they have opened is ended.
    let said = report(&revoked, &target.nothing(), context);
    if !arguments.keep_sessions {
        sign_out(&revoked, context);
    }
    let done_already = chosen.iter().filter(|entry| entry.revoked.is_some());
    let done_already: BTreeSet<_> = done_already.map(|entry| entry.id).collect();
    revoked.retain(|entry| !done_already.contains(&entry.id));
    notify::tell("revoked", &revoked, context);
    said.map(|()| Code::Done)
}

impl Target {
    fn read(arguments: &Arguments, context: &Context) -> Result<Self, Failure> {
        let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
        match (user, &arguments.conditions) {
            (user, Some(conditions)) => {
                let conditions = Conditions::read(conditions, context.now)?;
                Ok(Self::Matching(user, conditions))
            }
            (Some(user), None) if arguments.all => Ok(Self::All(user)),
            (Some(user), None) => Ok(Self::Named(user, arguments.entries.clone())),
            (None, None) => Err(
                Failure::new(Code::Usage, "--everyone wants a condition").hint(
                    "--unused-since WHEN, --never-used, --service NAME or --created-before WHEN",
                ),
            ),
        }
    }

    /// Whose entries are to be revoked to the last, damaged ones, too.
    fn whole(&self) -> Option<&UserName> {
        match self {
            Self::All(user) => Some(user),
            Self::Named(..) | Self::Matching(..) => None,
        }
    }

    fn choose(
        &self,
        store: Option<&mut Store>,
        context: &Context,
    ) -> Result<Vec<Credential>, Failure> {
        match (self, store) {
            (Self::Named(user, names), Some(store)) => named::all(store, user, names),
            (Self::Named(user, names), None) => {
                let name = names.first().map_or("", String::as_str);
                Err(named::none(user, name))
            }
            (_, None) => Ok(Vec::new()),
            (Self::All(user), Some(store)) => live(store, Some(user)),
            (Self::Matching(user, conditions), Some(store)) => {
                let mut live = live(store, user.as_ref())?;
                conditions.choose(&mut live, context)?;
                Ok(live)
            }
        }
    }

    /// Asks, unless each was named.
    fn confirm(&self, chosen: &[Credential]) -> Result<(), Failure> {
        let count = output::counted(chosen.len(), "app password");
        let question = match self {
            Self::Named(..) => return Ok(()),
            Self::All(user) | Self::Matching(Some(user), _) => {
                format!("Revoke {count} of {}?", user.as_str())
            }
            Self::Matching(None, _) => {
                let users = chosen.iter().map(|entry| &entry.user);
                let users = users.collect::<BTreeSet<_>>().len();
                format!("Revoke {count} of {}?", output::counted(users, "user"))
            }
        };
        terminal::confirm(&question)
    }

    /// What is said where there is nothing to revoke.
    fn nothing(&self) -> String {
        match self {
            Self::Named(user, _) | Self::All(user) => {
                format!("{} has no app passwords.", user.as_str())
            }
            Self::Matching(..) => "There are no such app passwords.".to_owned(),
        }
    }
}

/// Revokes what is not revoked yet, and whatever else is left of `whole`, in one transaction. Returns
/// the entries as they are then.
pub(super) fn revoke(
    store: &mut Store,
    entries: &[Credential],
    whole: Option<&UserName>,
    revocation: &Revocation,
) -> Result<Vec<Credential>, Failure> {
    let lines = store.revoke(entries, whole, revocation)?;
    syslog::send(&lines, "", revocation.at);
    Ok(store.entries_of_numbers(entries.iter().map(|entry| entry.id))?)
}

/// The live entries of one user, or of all.
fn live(store: &Store, user: Option<&UserName>) -> Result<Vec<Credential>, Failure> {
    let Entries {
        sound: mut live,
        damaged,
    } = store.entries(user)?;
    live.retain(|entry| entry.revoked.is_none());
    entry::warn_of(&damaged);
    Ok(live)
}

fn report(revoked: &[Credential], nothing: &str, context: &Context) -> Result<(), Failure> {
    if context.json {
        return output::json(&Viewer::new(context).views(revoked));
    }
    entry::say_of_each_user("Revoked", revoked);
    if revoked.is_empty() {
        output::say(nothing);
    }
    Ok(())
}
