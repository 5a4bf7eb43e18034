// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd list [USER] [--all]`

use comfy_table::{ContentArrangement, Table, presets};
use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::{Entries, Store};

use super::Context;
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::{output, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose; without it everybody's
    user: Option<String>,
    /// Also those that are revoked
    #[arg(long)]
    all: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    let entries = match Store::open(&context.config.state_dir)? {
        Some(store) => store.entries(user.as_ref())?,
        None => Entries::default(),
    };
    entry::warn_of(&entries.damaged);
    let shown = entries
        .sound
        .iter()
        .filter(|entry| arguments.all || entry.revoked.is_none());
    let viewer = Viewer::new(context);
    if context.json {
        output::json(&viewer.views(shown))?;
    } else {
        print(shown.collect(), &viewer)?;
    }
    Ok(Code::Done)
}

fn print(entries: Vec<&Credential>, viewer: &Viewer) -> Result<(), Failure> {
    if entries.is_empty() {
        output::say("There are no app passwords.");
        return Ok(());
    }
    let tried: Vec<_> = entries
        .iter()
        .map(|entry| viewer.still_tried(entry))
        .collect();
    // Seldom there is anything to say.
    let is_any_tried = tried.iter().any(Option::is_some);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(
        COLUMNS
            .into_iter()
            .chain(is_any_tried.then_some("STILL TRIED")),
    );
    for (entry, tried) in entries.into_iter().zip(tried) {
        table.add_row(row(entry, viewer).into_iter().chain(tried));
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim().to_owned() + "\n")
        .collect();
    output::text(&lines.concat())
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
