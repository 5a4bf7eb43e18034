// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd list [USER] [--all]`

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::{Entries, Store};

use super::Context;
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::{output, table, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose; without it everybody's
    pub(super) user: Option<String>,
    /// Also those that are revoked
    #[arg(long)]
    all: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    let entries = match Store::open_to_read(&context.config.state_dir)? {
        Some(store) => store.entries(user.as_ref())?,
        None => Entries::default(),
    };
    entry::warn_of(&entries.damaged);
    let shown = entries
        .sound
        .iter()
        .filter(|entry| arguments.all || entry.revoked.is_none());
    answer(shown, "There are no app passwords.", context)?;
    Ok(Code::Done)
}

/// Answers with entries: a line for each or, where there is none, the sentence `none`.
pub(super) fn answer<'a>(
    entries: impl Iterator<Item = &'a Credential>,
    none: &str,
    context: &Context,
) -> Result<(), Failure> {
    let viewer = Viewer::new(context);
    if context.json {
        return output::json(&viewer.views(entries));
    }
    let entries: Vec<_> = entries.collect();
    if entries.is_empty() {
        output::say(none);
        return Ok(());
    }
    let tried: Vec<_> = entries
        .iter()
        .map(|entry| viewer.still_tried(entry))
        .collect();
    // Seldom there is anything to say.
    let is_any_tried = tried.iter().any(Option::is_some);
    let header = COLUMNS
        .into_iter()
        .chain(is_any_tried.then_some("STILL TRIED"));
    let rows = entries
        .into_iter()
        .zip(tried)
        .map(|(entry, tried)| row(entry, &viewer).into_iter().chain(tried).collect());
    table::print(header, rows)
}

const COLUMNS: [&str; 9] = [
    "ID",
    "USER",
    "LABEL",
    "SERVICES",
    "FROM",
    "CREATED",
    "EXPIRES",
    "LAST USED",
    "STATUS",
];

fn row(entry: &Credential, viewer: &Viewer) -> [String; 9] {
    [
        entry.id.to_string(),
        quoted(entry.user.as_str()),
        quoted(entry.label.as_str()),
        entry::services(entry),
        entry::networks(entry),
        when::local(entry.created),
        entry
            .expires
            .map_or_else(|| "never".to_owned(), when::local),
        viewer.last_used(entry),
        viewer.status(entry).to_owned(),
    ]
}
