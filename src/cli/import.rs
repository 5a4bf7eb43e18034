// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd import FILE [--with-key]`

mod successors;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pam_app_passwd::credential::{Credential, CredentialId};
use pam_app_passwd::hash::Key;
use pam_app_passwd::store::{Change, NumberedKey, Store, WholeEntry};
use pam_app_passwd::syslog;

use super::create::require_user;
use super::entry::Viewer;
use super::exported::Line;
use super::failure::{Code, Failure};
use super::output::Values;
use super::room::Room;
use super::{Context, lines, notify, operator, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// What "export" has written; "-" is standard input
    file: PathBuf,
    /// Also add the key that the file holds, beside the own one
    #[arg(long)]
    with_key: bool,
}

/// What a file holds.
#[derive(Default)]
struct Import {
    keys: BTreeMap<String, Key>,
    ids: HashSet<CredentialId>,
    entries: Vec<Imported>,
}

/// An entry, where it stands, and the name of its key.
struct Imported {
    line: usize,
    whole: WholeEntry,
    key: String,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let (file, state_dir) = (&arguments.file, &context.config.state_dir);
    // First, since who may not open the store is told so, whatever the file is.
    let there = Store::open_to_read(state_dir)?;
    let known = there.map(|store| store.keys()).transpose()?;
    let mut import = Import::read(file)?;
    import.require_users(file, context)?;
    import.require_keys(&arguments, &numbers(known.as_deref().unwrap_or_default())?)?;
    if known.is_none() {
        // Before one is made: what is refused leaves none behind.
        require_room(import.places(), None, file, context)?;
    }
    let mut store = Store::open_or_create(state_dir, context.now)?;
    let mut change = store.change()?;
    let (new, there) = import.add(&mut change, file, context)?;
    syslog::send(&change.commit()?, "", context.now);
    drop(store);
    let said = report(&new, there, context);
    notify::tell("imported", &new, context);
    said.map(|()| Code::Done)
}

impl Import {
    fn read(file: &Path) -> Result<Self, Failure> {
        let mut import = Self::default();
        let mut has_begun = false;
        lines::read(file, |line, text| {
            match lines::parse(text)? {
                Line::Header(header) if !has_begun => header.check()?,
                Line::Header(_) => return Err(malformed("a second header")),
                _ if !has_begun => return Err(malformed("not an export of app-passwd")),
                Line::Key(key) => import.keys.extend([key.read()?]),
                Line::Entry(entry) => {
                    let (whole, key) = entry.read()?;
                    if !import.ids.insert(whole.entry.id) {
                        let id = whole.entry.id;
                        return Err(malformed(format!("a second entry with the id {id}")));
                    }
                    import.entries.push(Imported { line, whole, key });
                }
            }
            has_begun = true;
            Ok(())
        })?;
        if !has_begun {
            return Err(malformed("not an export of app-passwd").at(&lines::place(file, 1)));
        }
        successors::require(&mut import.entries, file)?;
        if !import.keys.is_empty() {
            warn_if_others_may_read(file);
        }
        Ok(import)
    }

    /// Asks about each user of a live entry once, but for the virtual ones, which stay so. What is
    /// revoked opens nothing for anybody.
    fn require_users(&mut self, file: &Path, context: &Context) -> Result<(), Failure> {
        let mut asked = HashMap::new();
        for Imported { line, whole, .. } in &mut self.entries {
            if whole.is_virtual || whole.entry.revoked.is_some() {
                continue;
            }
            let user = &whole.entry.user;
            whole.is_virtual = match asked.get(user) {
                Some(answer) => *answer,
                None => {
                    let may_be_virtual = context.config.policy.virtual_users;
                    let answer = require_user(user, may_be_virtual).map_err(|failure| {
                        let hint = "make the account first, or set policy.virtual_users = true";
                        let failure = failure.at(&lines::place(file, *line));
                        match failure.code {
                            Code::Policy => failure.hint(hint),
                            _ => failure,
                        }
                    })?;
                    asked.insert(user.clone(), answer);
                    answer
                }
            };
        }
        Ok(())
    }

    /// Every entry needs its key: one of the store or, if that is asked for, of the file.
    fn require_keys(
        &mut self,
        arguments: &Arguments,
        known: &HashMap<String, i64>,
    ) -> Result<(), Failure> {
        let has = |key| arguments.with_key && self.keys.contains_key(key);
        let mut entries = self.entries.iter();
        let Some(entry) = entries.find(|entry| !known.contains_key(&entry.key) && !has(&entry.key))
        else {
            return Ok(());
        };
        let message = format!("the store has no key {}", entry.key);
        let failure = Failure::new(Code::Policy, message);
        let failure = failure.at(&lines::place(&arguments.file, entry.line));
        Err(match self.keys.contains_key(&entry.key) {
            true => failure.hint("--with-key adds the key that the file holds"),
            false => failure.hint("export them with their key: app-passwd export --with-key"),
        })
    }

    /// The entries, and where they stand.
    fn places(&self) -> impl Iterator<Item = (usize, &Credential)> {
        let entries = self.entries.iter();
        entries.map(|imported| (imported.line, &imported.whole.entry))
    }

    /// Adds what is not there yet. Returns it, and how many were there.
    fn add(
        self,
        change: &mut Change<'_>,
        file: &Path,
        context: &Context,
    ) -> Result<(Vec<Credential>, usize), Failure> {
        let (by, now) = (operator::name(), context.now);
        let mut keys = numbers(&change.keys()?)?;
        for (name, key) in &self.keys {
            if !keys.contains_key(name) && self.entries.iter().any(|entry| entry.key == *name) {
                keys.insert(name.clone(), change.add_key(key, now)?);
                change.record_whole(now, &by, "imported", &format!("key={name}"))?;
            }
        }
        let all = self.entries.len();
        let new = number(self.entries, &keys, change)?;
        let places = new.iter().map(|(line, whole)| (*line, &whole.entry));
        require_room(places, Some(change), file, context)?;
        let new: Vec<_> = new.into_iter().map(|(_, whole)| whole).collect();
        change.add(&new, "imported", &by, now)?;
        let there = all - new.len();
        Ok((new.into_iter().map(|whole| whole.entry).collect(), there))
    }
}

/// What is live and has no successor needs room for itself and its label.
fn require_room<'a>(
    entries: impl Iterator<Item = (usize, &'a Credential)>,
    change: Option<&Change<'_>>,
    file: &Path,
    context: &Context,
) -> Result<(), Failure> {
    let mut room = Room::of(change, context.config.policy.max_per_user)?;
    for (line, entry) in entries {
        if entry.revoked.is_none() && entry.replaced_by.is_none() {
            let taken = room.take(&entry.user, &entry.label);
            taken.map_err(|failure| failure.at(&lines::place(file, line)))?;
        }
    }
    Ok(())
}

/// The numbers of keys, by their names.
fn numbers(keys: &[NumberedKey]) -> Result<HashMap<String, i64>, Failure> {
    let named = keys.iter().map(|key| Ok((key.key.fingerprint()?, key.id)));
    named.collect()
}

/// Gives the entries that are not there yet numbers of this store, also where they name each other.
fn number(
    entries: Vec<Imported>,
    keys: &HashMap<String, i64>,
    change: &Change<'_>,
) -> Result<Vec<(usize, WholeEntry)>, Failure> {
    let mut hashes = change.hashes()?;
    let CredentialId(mut next) = change.next_id()?;
    hashes.reserve(entries.len());
    let mut numbers = HashMap::with_capacity(entries.len());
    let mut new = Vec::with_capacity(entries.len());
    for Imported {
        line,
        mut whole,
        key,
    } in entries
    {
        let hash = whole.hash.to_phc();
        let there = hashes.len();
        let id = *hashes.entry(hash).or_insert(CredentialId(next));
        numbers.insert(whole.entry.id, id);
        whole.entry.id = id;
        whole.key = keys.get(&key).copied().unwrap_or_default();
        if hashes.len() > there {
            next += 1;
            new.push((line, whole));
        }
    }
    for (_, WholeEntry { entry, .. }) in &mut new {
        let number = |before: CredentialId| numbers.get(&before).copied();
        entry.replaces = entry.replaces.and_then(number);
        entry.replaced_by = entry.replaced_by.and_then(number);
    }
    Ok(new)
}

fn malformed(what: impl Into<String>) -> Failure {
    Failure::new(Code::Usage, what)
}

fn warn_if_others_may_read(file: &Path) {
    let mode = file.metadata().map(|file| file.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let file = file.display();
        output::say(&format!(
            "warning: {file} holds a key, and others may read it; remove it, or chmod 0600 {file}"
        ));
    }
}

fn report(new: &[Credential], there: usize, context: &Context) -> Result<(), Failure> {
    if context.json {
        let viewer = Viewer::of(new, context);
        let mut values = Values::new(true);
        for entry in new {
            values.put(&viewer.view(entry))?;
        }
        return values.end();
    }
    let imported = output::counted(new.len(), "app password");
    output::say(&match there {
        0 => format!("Imported {imported}."),
        there => format!("Imported {imported}; {there} were there already."),
    });
    Ok(())
}
