// SPDX-License-Identifier: GPL-3.0-or-later
//! Which entries a bulk `revoke` means: those that meet every condition that is given.

use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{Credential, ServiceName};
use pam_app_passwd::error::Error;
use pam_app_passwd::store::Entries;
use pam_app_passwd::usage::AllNotes;

use super::super::failure::{Code, Failure};
use super::super::{Context, output, when};

#[derive(clap::Args)]
#[group(id = "conditions", multiple = true)]
pub(super) struct Arguments {
    /// Those that nobody has used since 2026-01-31, 2026-01-31T12:00:00+01:00, or for 90d
    #[arg(long, value_name = "WHEN")]
    unused_since: Option<String>,
    /// Those that nobody has ever used
    #[arg(long)]
    never_used: bool,
    /// Those that name this service or group
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Those that were made before 2026-01-31, 2026-01-31T12:00:00+01:00, or more than 90d ago
    #[arg(long, value_name = "WHEN")]
    created_before: Option<String>,
}

/// The conditions, understood.
pub(super) struct Conditions {
    unused_since: Option<Timestamp>,
    never_used: bool,
    service: Option<ServiceName>,
    created_before: Option<Timestamp>,
}

impl Conditions {
    pub(super) fn read(arguments: &Arguments, now: Timestamp) -> Result<Self, Failure> {
        let time = |text: &Option<String>| {
            text.as_deref()
                .map(|text| when::since(text, now))
                .transpose()
        };
        let unused_since = time(&arguments.unused_since)?;
        // Not even what is in use has been used since then.
        if unused_since.is_some_and(|since| since > now) {
            let message = "--unused-since wants a time in the past";
            return Err(Failure::new(Code::Usage, message));
        }
        let service = arguments.service.as_deref().map(ServiceName::parse);
        Ok(Self {
            unused_since,
            never_used: arguments.never_used,
            service: service.transpose()?,
            created_before: time(&arguments.created_before)?,
        })
    }

    /// What is known of uses of these entries, if a condition looks at it.
    pub(super) fn notes(
        &self,
        entries: impl FnOnce() -> Result<Entries, Error>,
        context: &Context,
    ) -> Result<Option<AllNotes>, Failure> {
        let looks = self.never_used || self.unused_since.is_some();
        let sound_notes = || sound_notes(&entries()?.sound, context);
        looks.then(sound_notes).transpose()
    }

    /// Whether an entry meets them all.
    pub(super) fn are_met_by(&self, entry: &Credential, notes: Option<&AllNotes>) -> bool {
        self.is_met_by_what_is_stored(entry)
            && notes.is_none_or(|notes| self.is_met_by_its_use(entry, notes))
    }

    fn is_met_by_what_is_stored(&self, entry: &Credential) -> bool {
        let names = |service| entry.services.contains(service);
        self.service.as_ref().is_none_or(names)
            && self
                .created_before
                .is_none_or(|limit| entry.created < limit)
    }

    fn is_met_by_its_use(&self, entry: &Credential, notes: &AllNotes) -> bool {
        let used = notes.of(entry.id).used.as_ref().map(|last| last.at);
        let last = used.map_or(entry.created, |used| used.max(entry.created));
        (used.is_none() || !self.never_used) && self.unused_since.is_none_or(|since| last < since)
    }
}

/// The notes, if all can be read: else what is in use might be taken for unused.
fn sound_notes(entries: &[Credential], context: &Context) -> Result<AllNotes, Failure> {
    let notes = AllNotes::about(&context.config.state_dir, entries);
    let Some(problem) = notes.problems().first() else {
        return Ok(notes);
    };
    let message = format!(
        "when app passwords were last used is not fully known, so nothing is revoked: {problem}"
    );
    Err(Failure::new(Code::Unusable, message)
        .hint("--service and --created-before do not look at that"))
}

/// Notes that were lost make what is in use look unused, until it is used again.
pub(super) fn warn_of_what_was_not_noted(unused: &[Credential], notes: &AllNotes) {
    match notes.begin() {
        Some(begin) if unused.iter().any(|entry| entry.created < begin) => output::say(&format!(
            "warning: uses are noted since {} only; an earlier one is not known",
            when::local(begin)
        )),
        None if !unused.is_empty() => output::say("warning: no use of any app password is noted"),
        _ => {}
    }
}
