// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd show USER ENTRY`

use std::slice::from_ref;

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::Store;

use super::Context;
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::{named, output, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose
    pub(super) user: String,
    /// Its id or its exact label
    entry: String,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let store = Store::open_to_read(&context.config.state_dir)?;
    let mut store = store.ok_or_else(|| named::none(&user, &arguments.entry))?;
    let entry = named::one(&store.look()?, &user, &arguments.entry)?;
    let viewer = Viewer::of(from_ref(&entry), context);
    if context.json {
        output::json(&viewer.view(&entry))?;
    } else {
        output::text(&describe(&entry, &viewer))?;
    }
    Ok(Code::Done)
}

fn describe(entry: &Credential, viewer: &Viewer) -> String {
    let mut lines = vec![
        ("id", entry.id.to_string()),
        ("user", quoted(entry.user.as_str())),
        ("label", quoted(entry.label.as_str())),
        ("status", viewer.status(entry).to_owned()),
        ("services", entry::services(entry)),
        ("from", entry::networks(entry)),
        (
            "created",
            format!(
                "{} by {}",
                when::local(entry.created),
                quoted(&entry.created_by)
            ),
        ),
        (
            "expires",
            entry
                .expires
                .map_or_else(|| "never".to_owned(), when::local),
        ),
        ("last used", viewer.last_used(entry)),
    ];
    if let Some(refused) = viewer.last_refused(entry) {
        lines.push(("last refused", refused));
    }
    if let Some(revoked) = &entry.revoked {
        let (at, by) = (when::local(revoked.at), quoted(&revoked.by));
        lines.push((
            "revoked",
            format!("{at} by {by} ({})", revoked.why.as_str()),
        ));
    }
    lines
        .iter()
        .map(|(name, value)| format!("{name:<13} {value}\n"))
        .collect()
}
