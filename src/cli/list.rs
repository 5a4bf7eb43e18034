// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd list [USER] [--all]`

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, UserName};
use pam_app_passwd::store::{Entries, Store};

use super::Context;
use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::output::Values;
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
    let store = Store::open_to_read(&context.config.state_dir)?;
    let is_shown = |entry: &&Credential| arguments.all || entry.revoked.is_none();
    if let (Some(store), None, true) = (&store, &user, context.json) {
        print_pages(store, is_shown, context)?;
        return Ok(Code::Done);
    }
    let entries = match store {
        Some(store) => store.entries(user.as_ref())?,
        None => Entries::default(),
    };
    entry::warn_of(&entries.damaged);
    let shown = entries.sound.iter().filter(is_shown);
    answer(shown, "There are no app passwords.", context)?;
    Ok(Code::Done)
}

/// Everybody's may be very many, and a reader may be slow: no more than a page is held, and nothing
/// is kept open, while they are printed. A table needs to know all before its first line.
fn print_pages(
    store: &Store,
    is_shown: impl Fn(&&Credential) -> bool,
    context: &Context,
) -> Result<(), Failure> {
    let mut viewer = Viewer::of_pages(context);
    let mut values = Values::of_entries();
    for page in store.pages()? {
        let Entries { sound, damaged } = page?;
        entry::warn_of(&damaged);
        viewer.turn_to(&sound);
        for entry in sound.iter().filter(&is_shown) {
            values.put(&viewer.view(entry))?;
        }
    }
    values.end()
}

/// Answers with entries: a line for each or, where there is none, the sentence `none`.
pub(super) fn answer<'a>(
    entries: impl Iterator<Item = &'a Credential>,
    none: &str,
    context: &Context,
) -> Result<(), Failure> {
    let entries: Vec<_> = entries.collect();
    let viewer = Viewer::of(entries.iter().copied(), context);
    if context.json {
        let mut values = Values::of_entries();
        for entry in entries {
            values.put(&viewer.view(entry))?;
        }
        return values.end();
    }
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
