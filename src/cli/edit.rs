// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd edit USER ENTRY [--label LABEL] [--service NAME]... [--from NET]... | --any-network
//! [--expires WHEN|never]`

use std::slice::from_ref;

use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{Credential, Label, Network, ServiceName, UserName};
use pam_app_passwd::policy::{Rules, life};
use pam_app_passwd::store::Change;

use super::change::{self, Stamp};
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out_where_refused;
use super::{Context, limits, named, notify, output, shell, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    pub(super) user: String,
    /// Its id or its exact label
    entry: String,
    /// What it is for, as its owner will recognise it in the list
    #[arg(long)]
    label: Option<String>,
    /// A PAM service or a group it opens from now on, or "any"; may be repeated
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<String>,
    /// An address or a network it may be used from; may be repeated
    #[arg(long = "from", value_name = "NET")]
    networks: Vec<String>,
    /// It may be used from anywhere
    #[arg(long, conflicts_with = "networks")]
    any_network: bool,
    /// When it ends: 2027-01-31, 2027-01-31T12:00:00+01:00, 90d from now, or never
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Leave open what it has opened
    #[arg(long)]
    keep_sessions: bool,
}

/// What is to be different, understood. What is `None` stays.
#[derive(Clone)]
struct Wish {
    label: Option<Label>,
    services: Option<Vec<ServiceName>>,
    networks: Option<Vec<Network>>,
    /// `Some(None)`: it never ends.
    expires: Option<Option<Timestamp>>,
}

/// What has become of it.
struct Edited {
    /// The entry.
    entry: Credential,
    /// Whether it was different before.
    changed: bool,
    /// The predecessors that were limited with it.
    limited: Vec<Credential>,
    /// Those that were not.
    left: Vec<Credential>,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let wish = Wish::read(&arguments, context)?;
    let mut store = named::store(context, &user, from_ref(&arguments.entry))?;
    let entry = named::one(&store.look()?, &user, &arguments.entry)?;
    named::require_live(&entry)?;
    if let Some(owner) = &context.owner {
        let after = wish.bounded(&entry, context).applied_to(&entry);
        owner.require_scopes(wish.limits_it())?;
        owner.require_edit(&entry, &after)?;
        owner.prove_for_edit(&entry, &after)?;
    }
    if let Some(asked) = wish.expires {
        // What it says cannot be said during the change, which cuts the end again.
        limits::ending(asked, entry.created, context)?;
    }
    limits::warn_about_services(wish.services.iter().flatten(), &context.config);
    let (edited, stamp) = change::make(&mut store, |change, stamp| {
        let meant = named::with_predecessors(change, &user, &arguments.entry)?;
        edit(change, meant, &wish, stamp, context)
    })?;
    drop(store);
    // Whether or not it can be said, what would be refused now is ended.
    let said = report(&edited, context);
    if !arguments.keep_sessions && (wish.services.is_some() || wish.networks.is_some()) {
        let entries = [from_ref(&edited.entry), &edited.limited].concat();
        sign_out_where_refused(&entries, context);
    }
    let entry = edited.changed.then_some(edited.entry);
    let changed = Vec::from_iter(entry.into_iter().chain(edited.limited));
    notify::tell_of("edited", &stamp, &changed, context);
    said.map(|()| Code::Done)
}

impl Wish {
    fn read(arguments: &Arguments, context: &Context) -> Result<Self, Failure> {
        let services = limits::services(&arguments.services)?;
        let networks = limits::networks(&arguments.networks)?;
        let expires = match arguments.expires.as_deref() {
            None => None,
            Some("never") => Some(None),
            Some(text) => Some(Some(when::parse(text, context.now)?)),
        };
        let wish = Self {
            label: arguments.label.as_deref().map(Label::parse).transpose()?,
            services: (!services.is_empty()).then_some(services),
            networks: (arguments.any_network || !networks.is_empty()).then_some(networks),
            expires,
        };
        if wish.is_empty() {
            return Err(Failure::new(Code::Usage, "nothing is to be changed")
                .hint("give --label, --service, --from, --any-network or --expires"));
        }
        Ok(wish)
    }

    const fn is_empty(&self) -> bool {
        self.label.is_none() && !self.limits_it()
    }

    const fn limits_it(&self) -> bool {
        self.services.is_some() || self.networks.is_some() || self.expires.is_some()
    }

    /// The wish, with an end that is within the longest life that there is.
    fn bounded(&self, entry: &Credential, context: &Context) -> Self {
        let longest = context.config.policy.max_lifetime.span();
        let end = |asked| life::ending(asked, entry.created, longest);
        Self {
            expires: self.expires.map(end),
            ..self.clone()
        }
    }

    /// The entry as it is to be.
    fn applied_to(&self, entry: &Credential) -> Credential {
        let mut entry = entry.clone();
        if let Some(label) = &self.label {
            entry.label.clone_from(label);
        }
        if let Some(services) = &self.services {
            entry.services.clone_from(services);
        }
        if let Some(networks) = &self.networks {
            entry.networks.clone_from(networks);
        }
        if let Some(expires) = self.expires {
            entry.expires = expires;
        }
        entry
    }

    /// The predecessor as it is to be: where the wish takes from it what it had, it gets what the wish
    /// says, and else stays as it is.
    fn limiting(&self, predecessor: &Credential, rules: &Rules) -> Credential {
        let mut wish = self.clone();
        wish.label = None;
        wish.services = wish
            .services
            .filter(|services| !rules.services_within(&predecessor.services, services));
        wish.networks = wish
            .networks
            .filter(|networks| !life::networks_within(&predecessor.networks, networks));
        wish.expires = wish
            .expires
            .map(|end| life::earlier(end, predecessor.expires));
        wish.applied_to(predecessor)
    }
}

/// Edits the entry, and limits its predecessors with it.
fn edit(
    change: &mut Change<'_>,
    (before, predecessors): (Credential, Vec<Credential>),
    wish: &Wish,
    Stamp { at, by }: &Stamp,
    context: &Context,
) -> Result<Edited, Failure> {
    named::require_live(&before)?;
    let wish = wish.bounded(&before, context);
    let entry = wish.applied_to(&before);
    if let Some(owner) = &context.owner {
        owner.require_edit(&before, &entry)?;
        owner.require_proof_for_edit(&before, &entry)?;
    }
    require_label(change, &before, &entry.label)?;
    require_end(change, &before, entry.expires)?;
    let changed = change.edit(&before, &entry, *at, by)?;
    let (mut limited, mut left) = (Vec::new(), Vec::new());
    for before in predecessors {
        if before.expires.is_some_and(|end| end <= *at) {
            continue; // it opens nothing any more
        }
        let after = wish.limiting(&before, &context.config.rules());
        match change.edit(&before, &after, *at, by)? {
            true => limited.push(after),
            false => left.push(before),
        }
    }
    Ok(Edited {
        entry,
        changed,
        limited,
        left,
    })
}

/// A label that is new to the entry must not be another live entry's. Its successor may have it.
fn require_label(change: &Change<'_>, entry: &Credential, label: &Label) -> Result<(), Failure> {
    if *label == entry.label {
        return Ok(());
    }
    match life::holder(&change.live(&entry.user)?.sound, label) {
        Some(holder) if entry.replaced_by != Some(holder.id) => {
            Err(named::taken(&entry.user, label, holder.id))
        }
        _ => Ok(()),
    }
}

/// Where a successor has taken its place, an entry is not to live longer.
fn require_end(
    change: &Change<'_>,
    entry: &Credential,
    end: Option<Timestamp>,
) -> Result<(), Failure> {
    if life::earlier(end, entry.expires) == end {
        return Ok(());
    }
    let Some(successor) = named::live_successor(change, entry)? else {
        return Ok(());
    };
    let (id, user) = (entry.id, entry.user.as_str());
    let message =
        format!("app password {id} of {user} has a successor, {successor}, so it cannot end later");
    let user = shell::word(user);
    Err(Failure::new(Code::Policy, message).hint(format!(
        "the successor may: app-passwd edit {user} {successor} --expires WHEN"
    )))
}

fn report(edited: &Edited, context: &Context) -> Result<(), Failure> {
    let (name, user) = (entry::names([&edited.entry]), edited.entry.user.as_str());
    let mut written = Ok(());
    if context.json {
        written = output::json(&Viewer::of(from_ref(&edited.entry), context).view(&edited.entry));
    } else if edited.changed {
        output::say(&format!("Edited: {name} of {user}."));
    } else {
        output::say(&format!(
            "Nothing to change: {name} of {user} is so already."
        ));
    }
    edited
        .limited
        .iter()
        .for_each(named::say_that_it_goes_along);
    for Credential { id, .. } in &edited.left {
        output::say(&format!("{id}, its predecessor, stays as it is."));
    }
    written
}
