// SPDX-License-Identifier: GPL-3.0-or-later
//! Our line in a stack that judges accounts: it ignores whom it did not let in.

use pam_app_passwd::policy::PROTECTED;

use super::{Fault, auth};
use crate::cli::doctor::pamd::Kind;
use crate::cli::doctor::services::Named;

pub(super) fn faults(named: &Named) -> Vec<Fault> {
    let mut faults = auth::gates(&named.service.stack(Kind::Account));
    faults.extend(stands_alone(named));
    faults
}

/// A stack of nothing but ignores refuses: all who come by key, or by root's leave. Where everybody
/// shows a password, that is nobody; `other` is for services that nobody has thought of.
fn stands_alone(named: &Named) -> Option<Fault> {
    let account = named.service.stack(Kind::Account);
    let first = account.first()?;
    let shows_none = PROTECTED.contains(&named.name.as_str()) && named.name != "other";
    if !shows_none || !account.iter().all(|step| step.is_ours()) {
        return None;
    }
    let what = format!(
        "{}: alone it refuses everybody who comes without an app password, also by key",
        first.place
    );
    Some(Fault::new(
        what,
        "add: account required pam_unix.so no_pass_expiry",
    ))
}
