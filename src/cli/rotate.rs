// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd rotate USER ENTRY [--overlap SPAN]`
//!
//! The successor is made beside the old one, and shown; only then does the old one end. Whatever
//! goes wrong before, nobody is locked out.

use std::iter::once;
use std::slice::from_ref;

use pam_app_passwd::clock::Span;
use pam_app_passwd::credential::{Credential, RevokedWhy, UserName};
use pam_app_passwd::error::Error;
use pam_app_passwd::policy::{self, Facts, Refusal, life};
use pam_app_passwd::store::{Change, Look, NewCredential, Store};

use super::change::{self, Changed, Stamp};
use super::failure::{Code, Failure};
use super::mint::{Order, mint};
use super::signout::sign_out;
use super::{Context, limits, named, notify, output, shell, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    pub(super) user: String,
    /// Its id or its exact label
    entry: String,
    /// How long the old one is good beside the new one, such as 1d; without it, it is revoked now
    #[arg(long, value_name = "SPAN")]
    overlap: Option<String>,
    /// Leave open what the old one has opened
    #[arg(long, conflicts_with = "overlap")]
    keep_sessions: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let overlap = arguments.overlap.as_deref().map(span).transpose()?;
    output::require_stdout()?;
    let mut store = named::store(context, &user, from_ref(&arguments.entry))?;
    let look = store.look()?;
    let (old, predecessors) = named::with_predecessors(&look, &user, &arguments.entry)?;
    named::require_live(&old)?;
    require_good(&look, &old, context)?;
    drop(look);
    if let Some(owner) = &context.owner {
        owner.require_services(&old.services)?;
        owner.prove()?;
    }
    let order = order(&old, context)?;
    let successor = mint(&mut store, order, context, |change, new| {
        // Somebody may have been faster, or have limited it meanwhile.
        let old = named::live(change, &old)?;
        require_good(change, &old, context)?;
        if let Some(owner) = &context.owner {
            owner.require_services(&old.services)?;
        }
        adopt(&old, new, context);
        Ok(change.replace(&old, new)?)
    })?;
    let ended = end(&mut store, &old, &predecessors, overlap);
    drop(store);
    let said = ended.map(|ended| {
        report(&successor, &old, &ended);
        if overlap.is_none() && !arguments.keep_sessions {
            sign_out(&ended.all, context);
        }
    });
    notify::tell("rotated", from_ref(&successor), context);
    let (id, user) = (old.id, shell::word(user.as_str()));
    said.map_err(|failure| {
        failure.hint(format!(
            "the successor is made, but the old one is as it was: app-passwd revoke {user} {id}"
        ))
    })?;
    Ok(Code::Done)
}

fn span(text: &str) -> Result<Span, Failure> {
    Span::parse(text).ok_or_else(|| {
        let message = format!("not a span: '{text}'");
        Failure::new(Code::Usage, message).hint("write 1d or 12h")
    })
}

/// What opens nothing any more, or has a successor already, gets none.
fn require_good(look: &Look<'_>, old: &Credential, context: &Context) -> Result<(), Failure> {
    let (id, user) = (old.id, shell::word(old.user.as_str()));
    let another = || format!("make another: app-passwd create {user} --label LABEL");
    let facts = Facts::at(context.now);
    let (why, hint) = match policy::dead(old, &facts, &context.config.rules()) {
        Some(Refusal::Disabled) => (
            "is disabled".to_owned(),
            match &context.owner {
                Some(_) => "only the administrator can enable it".to_owned(),
                None => format!("enable it: app-passwd enable {user} {id}"),
            },
        ),
        Some(dead) => (format!("is {}", dead.as_str()), another()),
        None => match old.replaced_by {
            None => return Ok(()),
            Some(successor) => (
                format!("has a successor already: {successor}"),
                match named::live_successor(look, old)? {
                    Some(live) => format!("rotate that one: app-passwd rotate {user} {live}"),
                    None => another(),
                },
            ),
        },
    };
    let message = format!("app password {id} of {} {why}", old.user.as_str());
    Err(Failure::new(Code::Policy, message).hint(hint))
}

/// What is ordered before the store is locked. What has to be said of its end is said here.
fn order(old: &Credential, context: &Context) -> Result<Order, Failure> {
    Ok(Order {
        user: old.user.clone(),
        label: old.label.clone(),
        services: old.services.clone(),
        networks: old.networks.clone(),
        expires: limits::ending(old.expires, context.now, context)?,
        is_virtual: false,
    })
}

/// What the successor has of the old one, as that is when nobody else can change it any more.
fn adopt(old: &Credential, new: &mut NewCredential, context: &Context) {
    let longest = context.config.policy.max_lifetime.span();
    new.label = old.label.clone();
    new.services = old.services.clone();
    new.networks = old.networks.clone();
    new.expires = life::ending(old.expires, new.created, longest);
}

/// Ends the old one, now or after the overlap, unless it ends before; and so its predecessors, which
/// a rotation that was killed may have left without an end.
fn end(
    store: &mut Store,
    old: &Credential,
    predecessors: &[Credential],
    overlap: Option<Span>,
) -> Result<Changed, Failure> {
    let (ended, _) = change::revoke(store, |change, stamp| {
        let entries = once(old).chain(predecessors);
        let end = |change: &mut Change<'_>, entry: &_| end_one(change, entry, overlap, stamp);
        Ok(Changed::each(change, entries, end)?)
    })?;
    Ok(ended)
}

/// `false`: it is revoked or forgotten by now, or ends before that anyway.
fn end_one(
    change: &mut Change<'_>,
    entry: &Credential,
    overlap: Option<Span>,
    stamp: &Stamp,
) -> Result<bool, Error> {
    let before = change.entry(entry.id)?;
    let Some(before) = before.filter(|entry| entry.revoked.is_none()) else {
        return Ok(false);
    };
    let Some(overlap) = overlap else {
        return change.revoke(&before, &stamp.revocation(RevokedWhy::Rotated));
    };
    let after = Credential {
        expires: life::earlier(before.expires, Some(stamp.at.plus(overlap))),
        ..before.clone()
    };
    change.edit(&before, &after, stamp.at, &stamp.by)
}

/// Says what has become of the old one, and which predecessors have gone along.
fn report(successor: &Credential, old: &Credential, ended: &Changed) {
    let along = ended.newly.iter().filter(|entry| entry.id != old.id);
    along.for_each(named::say_that_it_goes_along);
    let now = ended.all.iter().find(|entry| entry.id == old.id);
    let end = now
        .filter(|now| now.revoked.is_none())
        .and_then(|now| now.expires);
    let fate = end.map_or_else(
        || "is revoked".to_owned(),
        |end| format!("ends on {}", when::local(end)),
    );
    output::say(&format!(
        "{} replaces {}, which {fate}.",
        successor.id, old.id
    ));
}
