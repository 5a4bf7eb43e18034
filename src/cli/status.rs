// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd status`

use std::collections::BTreeSet;

use pam_app_passwd::clock::Span;
use pam_app_passwd::credential::{Credential, ServiceName};
use pam_app_passwd::store::{Entries, Store};
use serde::Serialize;

use super::entry::{self, Viewer};
use super::failure::{Code, Failure};
use super::{Context, output};

/// What expires within this time expires soon.
const SOON: Span = Span::days(30);

/// The counts in JSON. Names are a promise. `active` to `idle` add up to `live`, and what follows
/// them is counted among these.
#[derive(Default, Serialize)]
struct Counts {
    users: usize,
    live: usize,
    active: usize,
    disabled: usize,
    expired: usize,
    idle: usize,
    expiring_soon: usize,
    never_expiring: usize,
    never_used: usize,
    any_service: usize,
    any_network: usize,
    protected: usize,
    below_cost: usize,
    revoked: usize,
    damaged: usize,
    keys: usize,
    store_bytes: u64,
}

pub(super) fn run(context: &Context) -> Result<Code, Failure> {
    let counts = match Store::open_to_read(&context.config.state_dir)? {
        Some(store) => count(&store, context)?,
        None => Counts::default(),
    };
    if context.json {
        output::json(&counts)?;
    } else {
        output::text(&describe(&counts))?;
    }
    Ok(Code::Done)
}

fn count(store: &Store, context: &Context) -> Result<Counts, Failure> {
    let Entries { sound, damaged } = store.entries(None)?;
    entry::warn_of(&damaged);
    let wanted = context.config.hash;
    let below_cost = store
        .costs()?
        .iter()
        .filter(|cost| cost.is_below(wanted))
        .count();
    let mut counts = Counts {
        below_cost,
        damaged: damaged.len(),
        keys: store.keys()?.len(),
        store_bytes: std::fs::metadata(store.path()).map_or(0, |file| file.len()),
        ..Counts::default()
    };
    let viewer = Viewer::of(&sound, context);
    let mut users = BTreeSet::new();
    for entry in &sound {
        match viewer.status(entry) {
            "revoked" => {
                counts.revoked += 1;
                continue;
            }
            "disabled" => counts.disabled += 1,
            "expired" => counts.expired += 1,
            "idle" => counts.idle += 1,
            _ => counts.active += 1,
        }
        users.insert(&entry.user);
        counts.add_live(entry, &viewer, context);
    }
    counts.users = users.len();
    Ok(counts)
}

impl Counts {
    fn add_live(&mut self, entry: &Credential, viewer: &Viewer, context: &Context) {
        let soon = context.now.plus(SOON);
        let expires_soon = |expires| expires > context.now && expires <= soon;
        let counts = [
            (&mut self.live, true),
            (
                &mut self.expiring_soon,
                entry.expires.is_some_and(expires_soon),
            ),
            (&mut self.never_expiring, entry.expires.is_none()),
            (&mut self.never_used, viewer.is_unused(entry)),
            (
                &mut self.any_service,
                entry.services.iter().any(ServiceName::is_any),
            ),
            (&mut self.any_network, entry.networks.is_empty()),
            (&mut self.protected, viewer.rules().opens_protected(entry)),
        ];
        for (count, applies) in counts {
            *count += usize::from(applies);
        }
    }
}

fn describe(counts: &Counts) -> String {
    let lines = [
        ("users", counts.users),
        ("live", counts.live),
        ("  active", counts.active),
        ("  disabled", counts.disabled),
        ("  expired", counts.expired),
        ("  idle", counts.idle),
        ("  expire within 30 days", counts.expiring_soon),
        ("  never expire", counts.never_expiring),
        ("  never used", counts.never_used),
        ("  good for any service", counts.any_service),
        ("  good from anywhere", counts.any_network),
        ("  good for protected services", counts.protected),
        ("  hashed below the configured cost", counts.below_cost),
        ("revoked", counts.revoked),
        ("damaged", counts.damaged),
        ("keys", counts.keys),
    ];
    lines
        .map(|(what, count)| format!("{what:<35} {count}\n"))
        .concat()
}
