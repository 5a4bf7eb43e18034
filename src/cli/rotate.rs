// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd rotate USER ENTRY [--overlap SPAN]`
//!
//! The successor is made beside the old one, and shown; only then does the old one end. Whatever
//! goes wrong before, nobody is locked out.

use std::slice::from_ref;

use pam_app_passwd::clock::Span;
use pam_app_passwd::credential::{Credential, Revocation, RevokedWhy, UserName};
use pam_app_passwd::policy::{self, Facts, Refusal};
use pam_app_passwd::store::Store;
use pam_app_passwd::syslog;

use super::failure::{Code, Failure};
use super::mint::{Order, mint};
use super::signout::sign_out;
use super::{Context, limits, named, notify, operator, output, revoke, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    user: String,
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
    let old = named::one(&mut store, &user, &arguments.entry)?;
    named::require_live(&old)?;
    require_good(&old, context)?;
    let order = order(&old, context)?;
    let successor = mint(&mut store, order, context, |change, new| {
        // Somebody may have been faster.
        let old = named::live(change, &old)?;
        require_good(&old, context)?;
        Ok(change.replace(&old, new)?)
    })?;
    let ended = match overlap {
        None => revoke(&mut store, &old, context),
        Some(overlap) => limit(&mut store, &old, overlap, context),
    };
    drop(store);
    notify::tell("rotated", from_ref(&successor), context);
    let (id, user) = (old.id, user.as_str());
    let said = ended.map_err(|failure| {
        failure.hint(format!(
            "the successor is made, but the old one is as it was: app-passwd revoke {user} {id}"
        ))
    })?;
    output::say(&format!("{} replaces {id}, which {said}.", successor.id));
    if overlap.is_none() && !arguments.keep_sessions {
        sign_out(from_ref(&old), context);
    }
    Ok(Code::Done)
}

fn span(text: &str) -> Result<Span, Failure> {
    Span::parse(text).ok_or_else(|| {
        let message = format!("not a span: '{text}'");
        Failure::new(Code::Usage, message).hint("write 1d or 12h")
    })
}

/// What opens nothing any more, or has a successor already, gets none.
fn require_good(old: &Credential, context: &Context) -> Result<(), Failure> {
    let facts = Facts::at(context.now);
    let (id, user) = (old.id, old.user.as_str());
    let (why, hint) = match policy::dead(old, &facts, &context.config.rules()) {
        Some(Refusal::Disabled) => (
            "is disabled".to_owned(),
            format!("enable it: app-passwd enable {user} {id}"),
        ),
        Some(dead) => (
            format!("is {}", dead.as_str()),
            format!("make another: app-passwd create {user} --label LABEL"),
        ),
        None => match old.replaced_by {
            None => return Ok(()),
            Some(successor) => (
                format!("has a successor already: {successor}"),
                format!("rotate that one: app-passwd rotate {user} {successor}"),
            ),
        },
    };
    let message = format!("app password {id} of {user} {why}");
    Err(Failure::new(Code::Policy, message).hint(hint))
}

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

/// Ends the old one now. Says what has become of it.
fn revoke(store: &mut Store, old: &Credential, context: &Context) -> Result<String, Failure> {
    let revocation = Revocation {
        at: context.now,
        by: operator::name(),
        why: RevokedWhy::Rotated,
    };
    revoke::revoke(store, from_ref(old), None, &revocation)?;
    Ok("is revoked".to_owned())
}

/// Ends the old one after the overlap, unless it ends before.
fn limit(
    store: &mut Store,
    old: &Credential,
    overlap: Span,
    context: &Context,
) -> Result<String, Failure> {
    let mut change = store.change()?;
    let before = named::live(&change, old)?;
    let latest = context.now.plus(overlap);
    let end = before.expires.map_or(latest, |end| end.min(latest));
    let after = Credential {
        expires: Some(end),
        ..before.clone()
    };
    change.edit(&before, &after, context.now, &operator::name())?;
    syslog::send(&change.commit()?, "", context.now);
    Ok(format!("ends on {}", when::local(end)))
}
