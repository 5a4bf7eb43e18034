// SPDX-License-Identifier: GPL-3.0-or-later
//! What a revoked app password has opened, ended: sessions that the module has noted, and whatever
//! the commands of `[on_revoke]` reach. Says what was ended and what was not; the revocation stands
//! in any case.

mod cache;
mod command;
mod process;

use std::collections::BTreeSet;

use pam_app_passwd::audit::quoted;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::Credential;
use pam_app_passwd::session::{self, Open};
use pam_app_passwd::usage::AllNotes;

use super::{Context, output};
pub(super) use process::Asker;

/// Ends what these entries have opened.
pub(super) fn sign_out(entries: &[Credential], context: &Context) {
    sign_out_for(&Asker::ourselves(), entries, &context.config);
}

/// The same for `asker`, whose own session comes last: with it, it ends.
pub(super) fn sign_out_for(asker: &Asker, entries: &[Credential], config: &Config) {
    if entries.is_empty() {
        return;
    }
    let (own, others): (Vec<_>, Vec<_>) = sessions_of(entries)
        .into_iter()
        .partition(|session| asker.is_in(session));
    others.iter().for_each(end);
    let caches = cache::all();
    let done = run_commands(entries, config);
    for warning in caches.iter().filter_map(|cache| cache.warning(&done)) {
        output::say(&warning);
    }
    if !own.is_empty() {
        asker.let_finish();
    }
    own.iter().for_each(end);
}

/// The sessions that any of the entries has opened, or may have: where the ticket was forged, any
/// of the user's entries may have.
fn sessions_of(entries: &[Credential]) -> Vec<Open> {
    let mut sessions = session::all();
    sessions.retain(|Open { session, .. }| {
        entries.iter().any(|entry| match session.entry {
            Some(id) => id == entry.id,
            None => session.user == entry.user,
        })
    });
    sessions
}

fn end(open: &Open) {
    let session = &open.session;
    let service = quoted(&session.service);
    let origin = session
        .origin
        .as_deref()
        .map(|origin| format!(" from {}", quoted(origin)));
    let which = format!(
        "the {service} session{} (process {})",
        origin.unwrap_or_default(),
        open.opener.pid
    );
    if process::end(open) {
        session::forget(open.opener);
        output::say(&format!("Ended {which}."));
    } else {
        output::say(&format!("warning: could not end {which}; end it by hand"));
    }
}

/// Runs the configured commands, each distinct one once. Returns those that did what they were asked.
fn run_commands(entries: &[Credential], config: &Config) -> Vec<Vec<String>> {
    let notes = AllNotes::read(&config.state_dir);
    for problem in notes.problems() {
        output::say(&format!(
            "warning: not every use is known, so a command may miss one: {problem}"
        ));
    }
    let mut commands = Vec::new();
    let mut known = BTreeSet::new();
    for template in &config.on_revoke.run {
        for entry in entries {
            for command in command::expand(template, entry, &notes.uses_of(entry.id)) {
                if known.insert(command.clone()) {
                    commands.push(command);
                }
            }
        }
    }
    commands.retain(|command| {
        let shown = command
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" ");
        let result = command::run(command);
        match &result {
            Ok(()) => output::say(&format!("Ran {shown}.")),
            Err(why) => output::say(&format!("warning: {shown}: {why}")),
        }
        result.is_ok()
    });
    commands
}
