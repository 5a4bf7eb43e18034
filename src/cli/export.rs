// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd export [USER] [--with-key]`

use std::collections::BTreeMap;
use std::io::IsTerminal;

use pam_app_passwd::credential::UserName;
use pam_app_passwd::store::{NumberedKey, Store, WholeEntry};

use super::exported::{EntryLine, Header, KeyLine, Line};
use super::failure::{Code, Failure};
use super::output::Values;
use super::{Context, output, progress};

/// How many entries are worth a bar.
const LARGE: u64 = 10_000;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose; without it everybody's
    user: Option<String>,
    /// Also write the key, without which the entries are good for nothing elsewhere
    #[arg(long)]
    with_key: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    if arguments.with_key && std::io::stdout().is_terminal() {
        let message = "the key is not written to a terminal";
        return Err(Failure::new(Code::Usage, message).hint("write it to a file: > FILE"));
    }
    output::require_stdout()?;
    let (keys, entries) = match Store::open_to_read(&context.config.state_dir)? {
        Some(mut store) => store.whole(user.as_ref())?,
        None => (Vec::new(), Vec::new()),
    };
    let keys = used(keys, &entries)?;
    write(&keys, &entries, arguments.with_key, context)?;
    let with = match arguments.with_key {
        true => "with the key: keep it as safe as the store",
        false => "without the key: only a store that has it can import them",
    };
    output::say(&format!(
        "Exported {}, {with}.",
        output::counted(entries.len(), "app password")
    ));
    Ok(Code::Done)
}

/// The keys that the entries name, by their numbers, each with its fingerprint.
fn used(
    keys: Vec<NumberedKey>,
    entries: &[WholeEntry],
) -> Result<BTreeMap<i64, (NumberedKey, String)>, Failure> {
    let mut used = BTreeMap::new();
    for key in keys {
        if entries.iter().any(|entry| entry.key == key.id) {
            let fingerprint = key.key.fingerprint()?;
            used.insert(key.id, (key, fingerprint));
        }
    }
    Ok(used)
}

fn write(
    keys: &BTreeMap<i64, (NumberedKey, String)>,
    entries: &[WholeEntry],
    with_key: bool,
    context: &Context,
) -> Result<(), Failure> {
    let bar = progress::bar("exporting", entries.len() as u64, LARGE);
    let mut lines = Values::new(context.json);
    lines.put(&Line::Header(Header::new(context.now)))?;
    for (key, _) in keys.values().filter(|_| with_key) {
        lines.put(&Line::Key(KeyLine::new(&key.key)?))?;
    }
    for whole in entries {
        // Every entry has a key of the store: a foreign key of its table.
        let key = keys.get(&whole.key).map_or("", |(_, name)| name.as_str());
        lines.put(&Line::Entry(Box::new(EntryLine::new(whole, key))))?;
        bar.inc(1);
    }
    lines.end()?;
    bar.finish_and_clear();
    Ok(())
}
