// SPDX-License-Identifier: GPL-3.0-or-later
//! Which entries of a file have a successor. Only the last of them counts towards the limit and has
//! the label to itself, so a file is not believed that says so of all.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use pam_app_passwd::credential::{Credential, CredentialId};

use super::{Imported, lines, malformed};
use crate::cli::failure::Failure;

/// Whether each successor is another entry of the same user, which names the one that it replaces,
/// and has an end. One that the file has not is none: it may have been purged; nor is a revoked one that of
/// a live entry, unless it leads to one that is live.
pub(super) fn require(entries: &mut [Imported], file: &Path) -> Result<(), Failure> {
    let has_one = |imported: &Imported| imported.whole.entry.replaced_by.is_some();
    if !entries.iter().any(has_one) {
        return Ok(());
    }
    let all = entries.iter().map(|imported| &imported.whole.entry);
    let told: HashMap<_, _> = all
        .map(|entry| (entry.id, (entry.revoked.is_none(), entry.replaced_by)))
        .collect();
    for Imported { whole, .. } in entries.iter_mut() {
        let is_revoked = whole.entry.revoked.is_some();
        let may_be = |id: &CredentialId| {
            told.contains_key(id) && (is_revoked || leads_to_a_live_one(*id, &told))
        };
        whole.entry.replaced_by = whole.entry.replaced_by.filter(may_be);
    }
    let all = entries.iter().map(|imported| &imported.whole.entry);
    let all: HashMap<_, _> = all.map(|entry| (entry.id, entry)).collect();
    let ending = with_an_end(&all);
    for Imported { line, whole, .. } in entries.iter() {
        if !ending.contains(&whole.entry.id) {
            let message = "\"replaced_by\" names no successor of this entry";
            return Err(malformed(message).at(&lines::place(file, *line)));
        }
    }
    Ok(())
}

/// Whether it, or a successor of it, is live.
fn leads_to_a_live_one(
    first: CredentialId,
    told: &HashMap<CredentialId, (bool, Option<CredentialId>)>,
) -> bool {
    let next = |id: &CredentialId| told.get(id).and_then(|(_, successor)| *successor);
    // No chain is longer than the file; one that is has no end.
    std::iter::successors(Some(first), next)
        .take(told.len())
        .any(|id| told.get(&id).is_some_and(|(is_live, _)| *is_live))
}

/// The entries without a successor, and from there back whoever agrees with theirs.
fn with_an_end(all: &HashMap<CredentialId, &Credential>) -> HashSet<CredentialId> {
    let mut ending = HashSet::new();
    for last in all.values().filter(|entry| entry.replaced_by.is_none()) {
        let mut next = Some(*last);
        while let Some(entry) = next {
            ending.insert(entry.id);
            let before = entry.replaces.and_then(|id| all.get(&id).copied());
            next = before
                .filter(|before| before.replaced_by == Some(entry.id) && before.user == entry.user);
        }
    }
    ending
}
