// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd disable USER ENTRY...`

use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::Store;
use pam_app_passwd::syslog;

use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out;
use super::{Context, named, notify, operator, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    user: String,
    /// Their ids or exact labels; all are disabled, or none
    #[arg(value_name = "ENTRY", required = true)]
    entries: Vec<String>,
    /// Leave open what they have opened
    #[arg(long)]
    keep_sessions: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let mut store = named::store(context, &user, &arguments.entries)?;
    let chosen = named::all(&mut store, &user, &arguments.entries)?;
    let disabled = disable(&mut store, &chosen, context)?;
    drop(store);
    let before = chosen.iter().map(|entry| entry.disabled);
    let newly: Vec<_> = disabled
        .iter()
        .zip(before)
        .filter(|(entry, before)| entry.disabled != *before)
        .map(|(entry, _)| entry.clone())
        .collect();
    report(&user, &disabled, context)?;
    if !arguments.keep_sessions {
        sign_out(&disabled, context);
    }
    notify::tell("disabled", &newly, context);
    Ok(Code::Done)
}

/// Disables what is not disabled yet. What is revoked is refused already.
fn disable(
    store: &mut Store,
    entries: &[Credential],
    context: &Context,
) -> Result<Vec<Credential>, Failure> {
    let by = operator::name();
    let mut change = store.change()?;
    let mut disabled = Vec::new();
    for entry in entries {
        change.disable(entry, context.now, &by)?;
        disabled.extend(change.entry(entry.id)?);
    }
    syslog::send(&change.commit()?, "", context.now);
    Ok(disabled)
}

fn report(user: &UserName, entries: &[Credential], context: &Context) -> Result<(), Failure> {
    if context.json {
        return output::json(&Viewer::new(context).views(entries));
    }
    let (revoked, disabled): (Vec<_>, Vec<_>) = entries.iter().partition(|e| e.revoked.is_some());
    for (done, entries) in [("Disabled", disabled), ("Revoked already", revoked)] {
        if !entries.is_empty() {
            let (names, user) = (entry::names(entries), user.as_str());
            output::say(&format!("{done}: {names} of {user}."));
        }
    }
    Ok(())
}
