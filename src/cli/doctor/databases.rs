// SPDX-License-Identifier: GPL-3.0-or-later
//! The two databases: that they can be used, and that nothing in them is damaged.

use std::path::Path;

use pam_app_passwd::error::Error;
use pam_app_passwd::store::{self, Store};
use pam_app_passwd::usage;

use super::finding::{Check, Finding};

/// What to do about damage that cannot be repaired.
const COPY: &str = "put back a copy of the file";

/// The store, if there is one that can be used.
pub(super) fn store(state_dir: &Path) -> (Option<Store>, Vec<Finding>) {
    let path = store::path_in(state_dir);
    let store = match Store::open_to_read(state_dir) {
        Ok(Some(store)) => store,
        Ok(None) => {
            let what = format!("{}: no store yet; 'create' makes it", path.display());
            return (None, vec![Finding::ok(Check::Store, what)]);
        }
        Err(error) => return (None, vec![Finding::error(Check::Store, error)]),
    };
    match judge(&store, &path) {
        Ok(findings) => (Some(store), findings),
        Err(error) => (None, vec![Finding::error(Check::Store, error)]),
    }
}

fn judge(store: &Store, path: &Path) -> Result<Vec<Finding>, Error> {
    let path = path.display();
    let mut findings = Vec::new();
    let mut wrong = |what, hint| findings.push(Finding::wrong(Check::Store, what, hint));
    for damage in store.damage()? {
        wrong(format!("{path}: damaged: {damage}"), COPY);
    }
    let entries = store.entries(None)?;
    for damaged in &entries.damaged {
        let hint = match damaged.is_live {
            true => "'revoke USER --all' revokes it, too",
            false => COPY,
        };
        wrong(damaged.error.to_string(), hint);
    }
    if store.keys()?.is_empty() {
        let what = format!("{path}: no key, so no app password can be recognised or made");
        wrong(what, COPY);
    }
    if findings.is_empty() {
        let (schema, count) = (store.schema()?, entries.sound.len());
        let what = format!("{path}: sound, schema {schema}, entries: {count}");
        findings.push(Finding::ok(Check::Store, what));
    }
    Ok(findings)
}

/// The notes of last use.
pub(super) fn usage(state_dir: &Path) -> Vec<Finding> {
    let path = usage::path_in(state_dir);
    let path = path.display();
    let ok = |what| Finding::ok(Check::Usage, format!("{path}: {what}"));
    let wrong = |what| {
        let hint = format!("rm {path}; the next login begins it anew");
        Finding::wrong(Check::Usage, what, hint)
    };
    let file = match usage::damage(state_dir) {
        Ok(None) => ok("no notes yet"),
        Ok(Some(damage)) if damage.is_empty() => ok("sound"),
        Ok(Some(damage)) => wrong(format!("{path}: {}", damage.join("; "))),
        Err(error @ Error::Store { .. }) => wrong(error.to_string()),
        Err(error) => Finding::error(Check::Usage, error),
    };
    let aside = usage::set_aside_in(state_dir).map(|aside| {
        let aside = aside.display();
        let what = format!("{aside}: was damaged, and a login has set it aside");
        let hint = format!("look for what damaged it (disk, memory), then: rm {aside}");
        Finding::wrong(Check::Usage, what, hint)
    });
    [Some(file), aside].into_iter().flatten().collect()
}
