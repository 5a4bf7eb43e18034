// SPDX-License-Identifier: GPL-3.0-or-later
//! The command of `[notify]`: it gets what has changed as JSON on its standard input, never a
//! secret. What becomes of it changes nothing about what was done.

use pam_app_passwd::credential::Credential;
use serde::Serialize;

use super::change::Stamp;
use super::entry::{View, Viewer};
use super::when::Utc;
use super::{Context, operator, output, program};

/// What has changed. Names are a promise: the first five are those of an event of the log.
#[derive(Serialize)]
struct Notice<'a> {
    at: Utc,
    by: &'a str,
    action: &'a str,
    /// Whose entries they are; `None`: those of several users, or the whole store.
    user: Option<&'a str>,
    /// The entry; `None`: several, or the whole store.
    entry: Option<i64>,
    entries: Vec<View<'a>>,
}

/// Tells of entries that were made, once for all.
pub(super) fn tell(action: &str, entries: &[Credential], context: &Context) {
    let (at, by) = (context.now, operator::name());
    tell_of(action, &Stamp { at, by }, entries, context);
}

/// Tells of a change, once for all entries that it concerns.
pub(super) fn tell_of(action: &str, stamp: &Stamp, entries: &[Credential], context: &Context) {
    let command = &context.config.notify.command;
    if command.is_empty() || entries.is_empty() {
        return;
    }
    let viewer = Viewer::of(entries, context);
    let notice = Notice {
        at: Utc(stamp.at),
        by: &stamp.by,
        action,
        user: same(entries.iter().map(|entry| entry.user.as_str())),
        entry: same(entries.iter().map(|entry| entry.id.0)),
        entries: viewer.views(entries),
    };
    send(&notice, command);
}

/// Tells of a change of the whole store: it names no entries.
pub(super) fn tell_of_all(action: &str, context: &Context) {
    let command = &context.config.notify.command;
    if command.is_empty() {
        return;
    }
    let notice = Notice {
        at: Utc(context.now),
        by: &operator::name(),
        action,
        user: None,
        entry: None,
        entries: Vec::new(),
    };
    send(&notice, command);
}

fn send(notice: &Notice<'_>, command: &[String]) {
    let told = serde_json::to_vec(notice).map_err(|error| error.to_string());
    let why = match told.and_then(|json| program::run(command, &json)) {
        Ok(status) if status.success() => return,
        Ok(status) => status.to_string(),
        Err(why) => why,
    };
    let command = command.join(" ");
    output::to_root(&format!("warning: [notify] {command}: {why}"));
}

/// What all of them are.
fn same<T: PartialEq>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.all(|item| item == first).then_some(first)
}
