// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd enable USER ENTRY...`

use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::Store;
use pam_app_passwd::syslog;

use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::{Context, named, notify, operator, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    user: String,
    /// Their ids or exact labels; all are enabled, or none
    #[arg(value_name = "ENTRY", required = true)]
    entries: Vec<String>,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let mut store = named::store(context, &user, &arguments.entries)?;
    let chosen = named::each(&mut store, &user, &arguments.entries)?;
    let enabled = enable(&mut store, &chosen, context)?;
    drop(store);
    let before = chosen.iter().map(|entry| entry.disabled);
    let newly: Vec<_> = enabled
        .iter()
        .zip(before)
        .filter(|(entry, before)| entry.disabled != *before)
        .map(|(entry, _)| entry.clone())
        .collect();
    report(&user, &enabled, context)?;
    notify::tell("enabled", &newly, context);
    Ok(Code::Done)
}

/// Enables what is not enabled yet.
fn enable(
    store: &mut Store,
    entries: &[Credential],
    context: &Context,
) -> Result<Vec<Credential>, Failure> {
    let by = operator::name();
    let mut change = store.change()?;
    let mut enabled = Vec::new();
    for entry in entries {
        let entry = named::live(&change, entry)?;
        change.enable(&entry, context.now, &by)?;
        enabled.extend(change.entry(entry.id)?);
    }
    syslog::send(&change.commit()?, "", context.now);
    Ok(enabled)
}

/// Says what is enabled, and what else keeps it shut.
fn report(user: &UserName, enabled: &[Credential], context: &Context) -> Result<(), Failure> {
    let viewer = Viewer::new(context);
    if context.json {
        return output::json(&viewer.views(enabled));
    }
    let names = entry::names(enabled);
    output::say(&format!("Enabled: {names} of {}.", user.as_str()));
    for entry in enabled {
        let (id, status) = (entry.id, viewer.status(entry));
        if status != "active" {
            output::say(&format!(
                "warning: {id} stays refused, since it is {status}"
            ));
        }
    }
    Ok(())
}
