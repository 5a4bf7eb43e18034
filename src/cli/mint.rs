// SPDX-License-Identifier: GPL-3.0-or-later
//! A new app password: made, and shown once. One that cannot be shown is taken back.

use std::slice::from_ref;

use pam_app_passwd::authenticate::recognise;
use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{Credential, Label, Network, RevokedWhy, ServiceName, UserName};
use pam_app_passwd::hash::Hash;
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::random;
use pam_app_passwd::store::{Change, NewCredential, Store};
use serde::Serialize;
use zeroize::Zeroizing;

use super::entry::{self, View, Viewer};
use super::failure::Failure;
use super::{Context, change, operator, output, shell};

/// What is asked for, understood.
pub(super) struct Order {
    pub(super) user: UserName,
    pub(super) label: Label,
    pub(super) services: Vec<ServiceName>,
    pub(super) networks: Vec<Network>,
    pub(super) expires: Option<Timestamp>,
    /// The system does not know the user. A successor takes this from the old one.
    pub(super) is_virtual: bool,
}

/// The entry in JSON, and its password, once.
#[derive(Serialize)]
pub(super) struct Created<'a> {
    #[serde(flatten)]
    pub(super) entry: View<'a>,
    pub(super) password: &'a str,
}

/// Makes what is ordered, by `make`, and shows its password.
pub(super) fn mint(
    store: &mut Store,
    order: Order,
    context: &Context,
    make: impl FnOnce(&mut Change<'_>, &mut NewCredential) -> Result<Credential, Failure>,
) -> Result<Credential, Failure> {
    let password = AppPassword::generate(random::fill)?;
    let user = order.user.clone();
    let entry = store_entry(store, order, &password, context, make)
        .map_err(|failure| undo(store, &user, &password, failure))?;
    match show(&entry, &password, context) {
        Ok(()) => Ok(entry),
        Err(failure) => Err(take_back(store, &entry, failure)),
    }
}

/// What is slow, the hash, is done before the store is locked.
fn store_entry(
    store: &mut Store,
    order: Order,
    password: &AppPassword,
    context: &Context,
    make: impl FnOnce(&mut Change<'_>, &mut NewCredential) -> Result<Credential, Failure>,
) -> Result<Credential, Failure> {
    let key = store.own_key()?;
    let proof = key.key.proof(&order.user, password)?;
    let mut new = NewCredential {
        key,
        tag: proof.tag(),
        hash: Hash::of(&proof, random::bytes()?, context.config.hash)?,
        user: order.user,
        label: order.label,
        services: order.services,
        networks: order.networks,
        created: context.now,
        created_by: operator::name(),
        expires: order.expires,
        is_virtual: order.is_virtual,
    };
    let (entry, _) = change::make(store, |change, _| make(change, &mut new))?;
    Ok(entry)
}

/// A change whose commit has failed may be there all the same, if what failed came after. Whether it
/// is, the password itself tells.
fn undo(store: &mut Store, user: &UserName, password: &AppPassword, failure: Failure) -> Failure {
    match recognise(store, user, password) {
        Ok((Some((entry, _)), _)) => take_back(store, &entry, failure),
        _ => failure,
    }
}

/// Revokes what nobody has seen.
fn take_back(store: &mut Store, entry: &Credential, failure: Failure) -> Failure {
    let (user, id) = (shell::word(entry.user.as_str()), entry.id);
    if change::revoke_each(store, from_ref(entry), RevokedWhy::NotShown).is_err() {
        return failure.hint(format!(
            "nobody has seen {id}, so revoke it: app-passwd revoke {user} {id}"
        ));
    }
    failure.hint(match entry.replaces {
        None => "the app password was revoked, since nobody has seen it".to_owned(),
        Some(old) => format!("nobody has seen {id}, so it was revoked; {old} is as it was"),
    })
}

/// Shows the password: alone on standard output, so that it can be piped into a clipboard.
fn show(entry: &Credential, password: &AppPassword, context: &Context) -> Result<(), Failure> {
    let shown = password.reveal();
    if context.json {
        let viewer = Viewer::of(from_ref(entry), context);
        let entry = viewer.view(entry);
        let password = str::from_utf8(&*shown).unwrap_or_default();
        return output::secret(&output::to_json(&Created { entry, password })?);
    }
    let (name, user) = (entry::names([entry]), entry.user.as_str());
    output::say(&format!("App password {name} of {user}. It is shown once:"));
    // Of its full length at once, so that it does not grow and leave a copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(shown.len() + 1));
    line.extend_from_slice(shown.as_slice());
    line.push(b'\n');
    output::secret(&line)
}
