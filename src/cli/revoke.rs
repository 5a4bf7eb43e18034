// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd revoke USER ENTRY...`, `app-passwd revoke USER --all [--yes]` and, in bulk,
//! `app-passwd revoke USER|--everyone CONDITION... [--dry-run] [--yes]`

mod conditions;

use std::collections::BTreeSet;

use pam_app_passwd::credential::{Credential, Revocation, RevokedWhy, UserName};
use pam_app_passwd::store::{Change, Look, Store};
use pam_app_passwd::usage::AllNotes;

use self::conditions::Conditions;
use super::change::{self, Changed};
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out;
use super::{Context, list, named, notify, output, terminal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    #[arg(required_unless_present = "everyone", conflicts_with = "everyone")]
    pub(super) user: Option<String>,
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

/// What that means at one moment.
struct Meant {
    entries: Vec<Credential>,
    /// Those among them that a label has taken along.
    along: Vec<Credential>,
    /// How many live ones cannot be read, and are revoked with all the others.
    unreadable: usize,
}

/// What has become of it.
struct Revoked {
    meant: Meant,
    entries: Changed,
    /// How many of those that were shown are not meant any more.
    left_out: usize,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let target = Target::read(&arguments, context)?;
    let Some(mut store) = Store::open(&context.config.state_dir)? else {
        return target.without_a_store(context);
    };
    let mut notes = target.notes(&store, context)?;
    let shown = target.choose(&store.look()?, notes.as_ref())?;
    target.warn(&store, &shown, notes.as_ref())?;
    if arguments.dry_run {
        shown.say_what_goes_along();
        list::answer(shown.entries.iter(), &target.nothing(), context)?;
        return Ok(Code::Done);
    }
    if !arguments.yes && shown.count() > 0 {
        target.confirm(&shown)?;
        // They may be in use since they were shown.
        notes = target.notes(&store, context)?;
    }
    if context.owner.is_some() && shown.is_done() {
        // Nobody but root locks the store, and has commands run, for nothing.
        return report(&Revoked::before(shown), &target.nothing(), context).map(|()| Code::Done);
    }
    let (revoked, stamp) = change::revoke(&mut store, |change, stamp| {
        let revocation = stamp.revocation(RevokedWhy::ByHand);
        target.revoke(&shown, change, notes.as_ref(), &revocation)
    })?;
    drop(store);
    // Whether or not it can be said, what they have opened is ended.
    let said = report(&revoked, &target.nothing(), context);
    if !arguments.keep_sessions {
        let ended = match context.owner {
            Some(_) => &revoked.entries.newly,
            None => &revoked.entries.all, // root may try again
        };
        sign_out(ended, context);
    }
    notify::tell_of("revoked", &stamp, &revoked.entries.newly, context);
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

    fn without_a_store(&self, context: &Context) -> Result<Code, Failure> {
        if let Self::Named(user, names) = self {
            let name = names.first().map_or("", String::as_str);
            return Err(named::none(user, name));
        }
        list::answer([].iter(), &self.nothing(), context)?;
        Ok(Code::Done)
    }

    /// What is known of uses, if that is looked at.
    fn notes(&self, store: &Store, context: &Context) -> Result<Option<AllNotes>, Failure> {
        match self {
            Self::Matching(user, conditions) => {
                conditions.notes(|| store.entries(user.as_ref()), context)
            }
            Self::Named(..) | Self::All(_) => Ok(None),
        }
    }

    fn choose(&self, look: &Look<'_>, notes: Option<&AllNotes>) -> Result<Meant, Failure> {
        match self {
            Self::Named(user, names) => {
                let named = named::all(look, user, names)?;
                Ok(Meant {
                    entries: named.together(),
                    along: named.predecessors,
                    unreadable: 0,
                })
            }
            Self::All(user) => {
                let live = look.live(user)?;
                Ok(Meant {
                    unreadable: live.damaged.len(),
                    ..Meant::only(live.sound)
                })
            }
            Self::Matching(user, conditions) => {
                let mut live = look.entries(user.as_ref())?.sound;
                live.retain(|entry| entry.revoked.is_none() && conditions.are_met_by(entry, notes));
                Ok(Meant::only(live))
            }
        }
    }

    /// Says what cannot be read, and what is not known of what is meant.
    fn warn(&self, store: &Store, meant: &Meant, notes: Option<&AllNotes>) -> Result<(), Failure> {
        let user = match self {
            Self::Named(..) => return Ok(()),
            Self::All(user) => Some(user),
            Self::Matching(user, _) => user.as_ref(),
        };
        entry::warn_of(&store.entries(user)?.damaged);
        if let Some(notes) = notes {
            conditions::warn_of_what_was_not_noted(&meant.entries, notes);
        }
        Ok(())
    }

    /// Asks, unless each was named.
    fn confirm(&self, meant: &Meant) -> Result<(), Failure> {
        let count = output::counted(meant.count(), "app password");
        let question = match self {
            Self::Named(..) => return Ok(()),
            Self::All(user) | Self::Matching(Some(user), _) => {
                let unreadable = match meant.unreadable {
                    0 => String::new(),
                    damaged => format!(", of which {damaged} cannot be read"),
                };
                format!("Revoke {count} of {}{unreadable}?", user.as_str())
            }
            Self::Matching(None, _) => {
                let users = meant.entries.iter().map(|entry| &entry.user);
                let users = users.collect::<BTreeSet<_>>().len();
                format!("Revoke {count} of {}?", output::counted(users, "user"))
            }
        };
        terminal::confirm(&question)
    }

    /// Revokes what is meant now: everything, or of what was shown whatever still meets the conditions.
    fn revoke(
        &self,
        shown: &Meant,
        change: &mut Change<'_>,
        notes: Option<&AllNotes>,
        revocation: &Revocation,
    ) -> Result<Revoked, Failure> {
        let mut meant = self.choose(change, notes)?;
        let mut left_out = 0;
        if let Self::Matching(..) = self {
            let shown: BTreeSet<_> = shown.entries.iter().map(|entry| entry.id).collect();
            meant.entries.retain(|entry| shown.contains(&entry.id));
            left_out = shown.len() - meant.entries.len();
        }
        let revoke = |change: &mut Change<'_>, entry: &_| change.revoke(entry, revocation);
        let entries = Changed::each(change, &meant.entries, revoke)?;
        if let Self::All(user) = self {
            change.revoke_rest(user, revocation)?;
        }
        Ok(Revoked {
            meant,
            entries,
            left_out,
        })
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

impl Meant {
    const fn only(entries: Vec<Credential>) -> Self {
        Self {
            entries,
            along: Vec::new(),
            unreadable: 0,
        }
    }

    const fn count(&self) -> usize {
        self.entries.len() + self.unreadable
    }

    /// Whether all of it is revoked already.
    fn is_done(&self) -> bool {
        self.unreadable == 0 && self.entries.iter().all(|entry| entry.revoked.is_some())
    }

    fn say_what_goes_along(&self) {
        self.along.iter().for_each(named::say_that_it_goes_along);
    }
}

impl Revoked {
    /// All that is meant was revoked before.
    fn before(meant: Meant) -> Self {
        let entries = Changed {
            all: meant.entries.clone(),
            newly: Vec::new(),
        };
        Self {
            meant,
            entries,
            left_out: 0,
        }
    }
}

/// Says it to a person, and what is no entry in JSON in any case.
fn report(revoked: &Revoked, nothing: &str, context: &Context) -> Result<(), Failure> {
    let (all, unreadable) = (&revoked.entries.all, revoked.meant.unreadable);
    revoked.meant.say_what_goes_along();
    if !context.json {
        entry::say_of_each_user("Revoked", all);
        if revoked.meant.count() == 0 {
            output::say(nothing);
        }
    }
    if unreadable > 0 {
        let count = output::counted(unreadable, "app password");
        output::say(&format!("Revoked: {count} that cannot be read."));
    }
    change::say_left_out(revoked.left_out);
    match context.json {
        true => output::json(&Viewer::of(all, context).views(all)),
        false => Ok(()),
    }
}
