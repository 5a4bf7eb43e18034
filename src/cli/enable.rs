// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd enable USER ENTRY...`

use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::Change;

use super::change::{self, Changed};
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::{Context, named, notify, output, shell};

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
    let ((meant, enabled), stamp) = change::make(&mut store, |change, stamp| {
        let meant = named::all(change, &user, &arguments.entries)?;
        meant.entries.iter().try_for_each(named::require_live)?;
        let enable = |change: &mut Change<'_>, entry: &_| change.enable(entry, stamp.at, &stamp.by);
        let enabled = Changed::each(change, &meant.entries, enable)?;
        Ok((meant, enabled))
    })?;
    drop(store);
    let said = report(&enabled.all, &meant.predecessors, context);
    notify::tell_of("enabled", &stamp, &enabled.newly, context);
    said.map(|()| Code::Done)
}

/// Says what is enabled, what else keeps it shut, and which predecessors stay disabled, though they
/// were disabled by the same label.
fn report(
    enabled: &[Credential],
    predecessors: &[Credential],
    context: &Context,
) -> Result<(), Failure> {
    let viewer = Viewer::of(enabled, context);
    let mut written = Ok(());
    if context.json {
        written = output::json(&viewer.views(enabled));
    } else {
        entry::say_of_each_user("Enabled", enabled);
        enabled
            .iter()
            .for_each(|entry| warn_if_refused(entry, &viewer));
    }
    for Credential { id, user, .. } in predecessors.iter().filter(|entry| entry.disabled) {
        let user = shell::word(user.as_str());
        output::say(&format!(
            "{id}, its predecessor, stays disabled: app-passwd enable {user} {id}"
        ));
    }
    written
}

fn warn_if_refused(entry: &Credential, viewer: &Viewer) {
    let (id, status) = (entry.id, viewer.status(entry));
    if status != "active" {
        output::say(&format!(
            "warning: {id} stays refused, since it is {status}"
        ));
    }
}
