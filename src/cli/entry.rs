// SPDX-License-Identifier: GPL-3.0-or-later
//! An entry as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use pam_app_passwd::audit::quoted;
use pam_app_passwd::credential::{Credential, Network, ServiceName};
use pam_app_passwd::policy::{self, Facts, Refusal, Rules};
use pam_app_passwd::store::Damaged;
use pam_app_passwd::usage::{AllNotes, Note};
use serde::Serialize;

use super::Context;
use super::when::{self, Utc};
use super::{operator, output};

/// Says which entries cannot be read. They open nothing, but they are not gone either.
pub(super) fn warn_of(damaged: &[Damaged]) {
    for Damaged { error, is_live } in damaged {
        let state = match is_live {
            true => "'revoke USER --all' revokes it, too",
            false => "it is revoked already",
        };
        output::to_root(&format!("warning: {error}; {state}"));
    }
}

fn warn_of_problems(problems: &[String]) {
    for problem in problems {
        output::to_root(&format!(
            "warning: when and where app passwords were used is not fully known: {problem}"
        ));
    }
}

/// What is needed to show entries as they are now.
pub(super) struct Viewer {
    rules: Rules,
    notes: AllNotes,
    facts: Facts,
}

impl Viewer {
    /// For these entries, and no others: whoever has a few does not read what is noted about everybody's.
    pub(super) fn of<'a>(
        entries: impl IntoIterator<Item = &'a Credential>,
        context: &Context,
    ) -> Self {
        let mut viewer = Self::of_pages(context);
        viewer.turn_to(entries);
        viewer
    }

    /// The same for very many entries: it has to be turned to them before it shows them.
    pub(super) fn of_pages(context: &Context) -> Self {
        let notes = AllNotes::open(&context.config.state_dir);
        warn_of_problems(notes.problems());
        Self {
            rules: context.config.rules(),
            notes,
            facts: Facts::at(context.now),
        }
    }

    /// Shows these entries next, and no others.
    pub(super) fn turn_to<'a>(&mut self, entries: impl IntoIterator<Item = &'a Credential>) {
        let known = self.notes.problems().len();
        self.notes
            .turn_to(entries.into_iter().map(|entry| entry.id));
        warn_of_problems(self.notes.problems().get(known..).unwrap_or_default());
    }

    /// The facts by which an entry is judged now.
    pub(super) fn facts(&self, entry: &Credential) -> Facts {
        Facts {
            unused_since: self.notes.unused_since(entry),
            ..self.facts
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn view<'a>(&'a self, entry: &'a Credential) -> View<'a> {
        let notes = self.notes.of(entry.id);
        let revoked = entry.revoked.as_ref().map(|revocation| Revoked {
            at: Utc(revocation.at),
            by: &revocation.by,
            why: revocation.why.as_str(),
        });
        View {
            id: entry.id.0,
            user: entry.user.as_str(),
            label: entry.label.as_str(),
            services: &entry.services,
            networks: &entry.networks,
            created: Utc(entry.created),
            created_by: &entry.created_by,
            expires: entry.expires.map(Utc),
            status: self.status(entry),
            revoked,
            replaces: entry.replaces.map(|id| id.0),
            replaced_by: entry.replaced_by.map(|id| id.0),
            last_used: notes.used.as_ref().map(Used::new),
            last_refused: notes.refused.as_ref().map(|refused| Refused {
                used: Used::new(&refused.note),
                reason: &refused.reason,
            }),
        }
    }

    pub(super) fn views<'a>(
        &'a self,
        entries: impl IntoIterator<Item = &'a Credential>,
    ) -> Vec<View<'a>> {
        entries.into_iter().map(|entry| self.view(entry)).collect()
    }

    /// The entry's state, in one word.
    pub(super) fn status(&self, entry: &Credential) -> &'static str {
        policy::dead(entry, &self.facts(entry), &self.rules).map_or("active", Refusal::as_str)
    }

    /// Whether no use of it is known.
    pub(super) fn is_unused(&self, entry: &Credential) -> bool {
        self.notes.of(entry.id).used.is_none()
    }

    /// The last use, for people: `2026-11-20 09:00 imap 192.0.2.7`.
    pub(super) fn last_used(&self, entry: &Credential) -> String {
        self.notes
            .of(entry.id)
            .used
            .as_ref()
            .map_or_else(|| "never".to_owned(), occasion)
    }

    /// The last refusal, for people, if there was one.
    pub(super) fn last_refused(&self, entry: &Credential) -> Option<String> {
        let refused = self.notes.of(entry.id).refused.as_ref()?;
        let (last, why) = (occasion(&refused.note), quoted(&refused.reason));
        Some(format!(
            "{last} ({why} since {})",
            when::local(refused.since)
        ))
    }

    /// When and where an entry that opens nothing any more was last tried in spite of it, and since
    /// when: `2026-11-20 09:00 imap 192.0.2.7, since 2026-11-01 08:12`.
    pub(super) fn still_tried(&self, entry: &Credential) -> Option<String> {
        let refused = self.notes.of(entry.id).refused.as_ref()?;
        let dead = policy::dead(entry, &self.facts(entry), &self.rules)?;
        let (last, since) = (occasion(&refused.note), when::local(refused.since));
        (refused.reason == dead.as_str()).then(|| format!("{last}, since {since}"))
    }
}

fn occasion(note: &Note) -> String {
    let origin = note
        .origin
        .as_deref()
        .map(|origin| format!(" {}", quoted(origin)));
    let asker = (note.uid != 0).then(|| format!(" (asked by {})", operator::name_of(note.uid)));
    let (at, service) = (when::local(note.at), quoted(&note.service));
    format!(
        "{at} {service}{}{}",
        origin.unwrap_or_default(),
        asker.unwrap_or_default()
    )
}

/// An entry in JSON. Names and order are a promise.
#[derive(Serialize)]
pub(super) struct View<'a> {
    id: i64,
    user: &'a str,
    label: &'a str,
    services: &'a [ServiceName],
    networks: &'a [Network],
    created: Utc,
    created_by: &'a str,
    expires: Option<Utc>,
    status: &'static str,
    revoked: Option<Revoked<'a>>,
    replaces: Option<i64>,
    replaced_by: Option<i64>,
    last_used: Option<Used<'a>>,
    last_refused: Option<Refused<'a>>,
}

#[derive(Serialize)]
struct Revoked<'a> {
    at: Utc,
    by: &'a str,
    why: &'static str,
}

#[derive(Serialize)]
struct Used<'a> {
    at: Utc,
    service: &'a str,
    from: Option<&'a str>,
    count: i64,
}

impl<'a> Used<'a> {
    fn new(note: &'a Note) -> Self {
        Self {
            at: Utc(note.at),
            service: &note.service,
            from: note.origin.as_deref(),
            count: note.count,
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    #[serde(flatten)]
    used: Used<'a>,
    reason: &'a str,
}

/// What an entry opens, for people.
pub(super) fn services(entry: &Credential) -> String {
    let names = entry.services.iter().map(|name| quoted(name.as_str()));
    joined(names, "none")
}

/// Where an entry may be used from, for people.
pub(super) fn networks(entry: &Credential) -> String {
    joined(entry.networks.iter().map(Network::to_string), "anywhere")
}

fn joined(items: impl Iterator<Item = String>, none: &str) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        none.to_owned()
    } else {
        items.join(" ")
    }
}

/// Says what was done with entries, in a line for each user: `Revoked: 3 "phone" of alice.`
pub(super) fn say_of_each_user<'a>(done: &str, entries: impl IntoIterator<Item = &'a Credential>) {
    let mut by_user = BTreeMap::<_, Vec<_>>::new();
    for entry in entries {
        by_user.entry(&entry.user).or_default().push(entry);
    }
    for (user, entries) in by_user {
        let (names, user) = (names(entries), user.as_str());
        output::say(&format!("{done}: {names} of {user}."));
    }
}

/// `3 "phone"`, and so on, for sentences.
pub(super) fn names<'a>(entries: impl IntoIterator<Item = &'a Credential>) -> String {
    let names: BTreeSet<_> = entries
        .into_iter()
        .map(|entry| (entry.id, quoted(entry.label.as_str())))
        .collect();
    let names: Vec<_> = names
        .iter()
        .map(|(id, label)| format!("{id} \"{label}\""))
        .collect();
    names.join(", ")
}
