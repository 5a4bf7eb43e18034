// SPDX-License-Identifier: GPL-3.0-or-later
//! What an app password has opened, ended when it is refused from now on: sessions that the module
//! has noted, and whatever the commands of `[on_revoke]` reach. Says what was ended and what was
//! not; the change stands in any case.

pub(super) mod cache;
mod command;
mod process;

use std::collections::BTreeSet;

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, ServiceName};
use pam_app_passwd::helper::opened::Opened;
use pam_app_passwd::helper::own::{MAY_GO_ON, SIGNED_OUT};
use pam_app_passwd::policy::{self, Attempt, Facts, Request, Verdict};
use pam_app_passwd::session::{self, Open};
use pam_app_passwd::usage::{AllNotes, Note};

use super::{Context, output, person};
pub(super) use process::{Asker, kill_with_descendants};

/// Ends what these entries have opened.
pub(super) fn sign_out(entries: &[Credential], context: &Context) {
    sign_out_for(&Asker::current(), entries, context);
}

/// The same for `asker`, whose own session comes last: with it, it ends.
pub(super) fn sign_out_for(asker: &Asker, entries: &[Credential], context: &Context) {
    if entries.is_empty() {
        return;
    }
    let notes = read_notes(entries, context);
    let used = entries.iter().map(|entry| (entry, notes.uses_of(entry.id)));
    end_all(
        asker,
        sessions_of(entries, |_, _, _| true),
        used.collect(),
        context,
    );
}

/// Ends what these entries have opened and would not open any more, with the services and networks
/// that they have now.
pub(super) fn sign_out_where_refused(entries: &[Credential], context: &Context) {
    let rules = context.config.rules();
    let facts = Facts::at(context.now);
    let refused = |entry: &Credential, service: &str, origin: Option<&str>| {
        let request = request(service, origin);
        policy::judge(entry, &request, &facts, &rules) != Verdict::Accept
    };
    let notes = read_notes(entries, context);
    let mut used = Vec::new();
    for entry in entries {
        let mut uses = notes.uses_of(entry.id);
        uses.retain(|used| refused(entry, &used.service, used.origin.as_deref()));
        if !uses.is_empty() {
            used.push((entry, uses));
        }
    }
    end_all(
        &Asker::current(),
        sessions_of(entries, refused),
        used,
        context,
    );
}

/// A login, as it was noted. The PAM service behind one that `service=` renames was not.
fn request(service: &str, origin: Option<&str>) -> Request {
    let name = ServiceName::parse(service).unwrap_or_else(|_| ServiceName::other());
    let attempt = Attempt {
        user: None,
        service: name.into(),
        rhost: origin.map(str::to_owned),
    };
    attempt.request()
}

fn read_notes(entries: &[Credential], context: &Context) -> AllNotes {
    let notes = AllNotes::about(&context.config.state_dir, entries);
    for problem in notes.problems() {
        output::to_root(&format!(
            "warning: not every use is known, so a command may miss one: {problem}"
        ));
    }
    notes
}

/// Ends sessions, and whatever the commands reach of what was used.
fn end_all(
    asker: &Asker,
    sessions: Vec<Open>,
    used: Vec<(&Credential, Vec<Note>)>,
    context: &Context,
) {
    if sessions.is_empty() && used.is_empty() {
        return;
    }
    let (own, others): (Vec<_>, Vec<_>) = sessions
        .into_iter()
        .partition(|session| asker.is_in(session));
    let left = others.iter().filter(|session| !end(session)).count();
    // Looked for before the commands, which may restart them; asked afterwards, since that takes time.
    let mut daemons = cache::daemons();
    let (done, failed) = run_commands(&used, context);
    daemons.retain(|daemon| daemon.goes_on() && !daemon.forgets_by(&done));
    let caches = cache::among(daemons);
    for cache in &caches {
        output::to_root(&cache.warning());
    }
    if person::current().is_some() {
        let was_used = used.iter().any(|(_, uses)| !uses.is_empty());
        if failed || left > 0 || !caches.is_empty() {
            output::say(&format!("warning: {MAY_GO_ON}"));
        } else if was_used && !done.is_empty() {
            output::say(SIGNED_OUT);
        }
    }
    if !own.is_empty() {
        let asker = asker.clone();
        person::afterwards(move || {
            asker.let_finish();
            for session in &own {
                end(session);
            }
        });
    }
}

/// The sessions that any of the entries has opened, or may have, as far as `concerned` says: where
/// the ticket was forged, any of the user's entries may have. Once an older store was restored, an
/// entry may have the number of another user's.
fn sessions_of(
    entries: &[Credential],
    concerned: impl Fn(&Credential, &str, Option<&str>) -> bool,
) -> Vec<Open> {
    let mut sessions = session::all();
    sessions.retain(|Open { session, .. }| {
        entries.iter().any(|entry| {
            let opened = session.entry.is_none_or(|id| id == entry.id);
            opened
                && session.user == entry.user
                && concerned(entry, &session.service, session.origin.as_deref())
        })
    });
    sessions
}

/// Says that it has ended, or has root told that it has not.
fn end(open: &Open) -> bool {
    let session = &open.session;
    let (service, origin) = (quoted(&session.service), session.origin.as_deref());
    let origin = origin.map(quoted);
    let which = Opened {
        service: &service,
        origin: origin.as_deref(),
        pid: open.opener.pid,
    };
    let has_ended = process::end(open);
    if has_ended {
        session::forget(open.opener);
        output::say(&which.has_ended());
    } else {
        output::to_root(&format!("warning: could not end {which}; end it by hand"));
    }
    has_ended
}

/// Runs the configured commands, each distinct one once. Returns those that did what they were asked, and
/// whether one did not. Their words are root's to know.
fn run_commands(used: &[(&Credential, Vec<Note>)], context: &Context) -> (Vec<Vec<String>>, bool) {
    let mut commands = Vec::new();
    let mut known = BTreeSet::new();
    for template in &context.config.on_revoke.run {
        for (entry, uses) in used {
            for command in command::expand(template, entry, uses) {
                if known.insert(command.clone()) {
                    commands.push(command);
                }
            }
        }
    }
    let asked = commands.len();
    commands.retain(|command| {
        let shown = command
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" ");
        let result = command::run(command);
        match &result {
            Ok(()) => output::to_root(&format!("Ran {shown}.")),
            Err(why) => output::to_root(&format!("warning: {shown}: {why}")),
        }
        result.is_ok()
    });
    let failed = commands.len() < asked;
    (commands, failed)
}
