// SPDX-License-Identifier: GPL-3.0-or-later
//! Entries as they are named on the command line: by id, or by exact label. A label means the live
//! entry of that name, or else the newest one that was revoked. While its predecessor still
//! overlaps, both have the label: what limits the one then limits the other.

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, CredentialId, Label, UserName};
use pam_app_passwd::store::{Change, Look, Store};

use super::failure::{Code, Failure};
use super::{Context, output, shell};

/// What names mean, each entry once.
pub(super) struct Named {
    /// The entry of each name.
    pub(super) entries: Vec<Credential>,
    /// The predecessors that labels mean as well.
    pub(super) predecessors: Vec<Credential>,
}

impl Named {
    /// All of them, in the order in which they were made.
    pub(super) fn together(&self) -> Vec<Credential> {
        once([self.entries.as_slice(), &self.predecessors].concat())
    }
}

/// The store. Without one, nobody has an entry of these names.
pub(super) fn store(
    context: &Context,
    user: &UserName,
    names: &[String],
) -> Result<Store, Failure> {
    let store = Store::open(&context.config.state_dir)?;
    store.ok_or_else(|| none(user, names.first().map_or("", String::as_str)))
}

/// The entry that `name` means, and the predecessors that a label means as well.
pub(super) fn with_predecessors(
    look: &Look<'_>,
    user: &UserName,
    name: &str,
) -> Result<(Credential, Vec<Credential>), Failure> {
    let mut found = match name.parse() {
        Ok(id) if name.bytes().all(|b| b.is_ascii_digit()) => {
            let entry = look.entry(CredentialId(id))?;
            entry
                .into_iter()
                .filter(|entry| entry.user == *user)
                .collect()
        }
        _ => labelled(look, user, name)?,
    };
    if found.is_empty() {
        return Err(none(user, name));
    }
    Ok((found.remove(0), found))
}

/// The one entry that `name` means.
pub(super) fn one(look: &Look<'_>, user: &UserName, name: &str) -> Result<Credential, Failure> {
    with_predecessors(look, user, name).map(|(entry, _)| entry)
}

/// What all the names mean.
pub(super) fn all(look: &Look<'_>, user: &UserName, names: &[String]) -> Result<Named, Failure> {
    let (mut entries, mut predecessors) = (Vec::new(), Vec::new());
    for name in names {
        let (entry, others) = with_predecessors(look, user, name)?;
        entries.push(entry);
        predecessors.extend(others);
    }
    predecessors.retain(|entry| entries.iter().all(|named| named.id != entry.id));
    Ok(Named {
        entries: once(entries),
        predecessors: once(predecessors),
    })
}

fn once(mut entries: Vec<Credential>) -> Vec<Credential> {
    entries.sort_by_key(|entry| entry.id);
    entries.dedup_by_key(|entry| entry.id);
    entries
}

/// Says which entry a label has taken along, and why.
pub(super) fn say_that_it_goes_along(predecessor: &Credential) {
    if let Some(successor) = predecessor.replaced_by {
        output::say(&format!(
            "{} goes along: it is the predecessor of {successor}.",
            predecessor.id
        ));
    }
}

/// The successor of an entry, unless that is revoked.
pub(super) fn live_successor(
    look: &Look<'_>,
    entry: &Credential,
) -> Result<Option<CredentialId>, Failure> {
    let Some(successor) = entry.replaced_by else {
        return Ok(None);
    };
    let successor = look.entry(successor)?;
    Ok(successor
        .filter(|successor| successor.revoked.is_none())
        .map(|successor| successor.id))
}

/// The entry as it is now, which nobody else can change any more.
pub(super) fn live(change: &Change<'_>, entry: &Credential) -> Result<Credential, Failure> {
    let found = change.entry(entry.id)?;
    let entry = found.ok_or_else(|| none(&entry.user, &entry.id.to_string()))?;
    require_live(&entry)?;
    Ok(entry)
}

/// What is revoked stays so.
pub(super) fn require_live(entry: &Credential) -> Result<(), Failure> {
    if entry.revoked.is_none() {
        return Ok(());
    }
    let (id, user) = (entry.id, entry.user.as_str());
    let message = format!("app password {id} of {user} is revoked, which cannot be undone");
    let user = shell::word(user);
    let hint = format!("make another: app-passwd create {user} --label LABEL");
    Err(Failure::new(Code::Policy, message).hint(hint))
}

/// No such entry.
pub(super) fn none(user: &UserName, name: &str) -> Failure {
    let user = user.as_str();
    let message = format!("{user} has no app password '{name}'");
    let hint = format!(
        "'app-passwd list {}' shows what there is",
        shell::word(user)
    );
    Failure::new(Code::NoSuchEntry, message).hint(hint)
}

/// Another live entry has the label.
pub(super) fn taken(user: &UserName, label: &Label, holder: CredentialId) -> Failure {
    let (user, label) = (user.as_str(), quoted(label.as_str()));
    let message = format!("{user} has an app password \"{label}\" already");
    let user = shell::word(user);
    Failure::new(Code::Policy, message).hint(format!(
        "choose another label, or revoke it: app-passwd revoke {user} {holder}"
    ))
}

/// Live ones, or else the newest that was revoked.
fn labelled(look: &Look<'_>, user: &UserName, name: &str) -> Result<Vec<Credential>, Failure> {
    let Ok(label) = Label::parse(name) else {
        return Ok(Vec::new());
    };
    let mut found = look.labelled(user, &label)?;
    let live = found
        .iter()
        .take_while(|entry| entry.revoked.is_none())
        .count();
    found.truncate(live.max(1));
    Ok(found)
}
