// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd disable USER ENTRY...`

use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::Change;

use super::change::{self, Changed};
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::signout::sign_out;
use super::{Context, named, notify, output};

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
    let ((meant, disabled), stamp) = change::make(&mut store, |change, stamp| {
        let meant = named::all(change, &user, &arguments.entries)?;
        let disable =
            |change: &mut Change<'_>, entry: &_| change.disable(entry, stamp.at, &stamp.by);
        let disabled = Changed::each(change, &meant.together(), disable)?;
        Ok((meant, disabled))
    })?;
    drop(store);
    meant
        .predecessors
        .iter()
        .for_each(named::say_that_it_goes_along);
    // Whether or not it can be said, what they have opened is ended.
    let said = report(&disabled.all, context);
    if !arguments.keep_sessions {
        sign_out(&disabled.all, context);
    }
    notify::tell_of("disabled", &stamp, &disabled.newly, context);
    said.map(|()| Code::Done)
}

fn report(entries: &[Credential], context: &Context) -> Result<(), Failure> {
    if context.json {
        return output::json(&Viewer::of(entries, context).views(entries));
    }
    let (revoked, disabled): (Vec<_>, Vec<_>) = entries.iter().partition(|e| e.revoked.is_some());
    entry::say_of_each_user("Disabled", disabled);
    entry::say_of_each_user("Revoked already", revoked);
    Ok(())
}
