// SPDX-License-Identifier: GPL-3.0-or-later
//! The line of type `password`. libpam runs through the stack twice: first to ask whether a change
//! would be possible, then to make it. We remember what the account's field is, and compare.
//!
//! Always success: whether the password can be changed is for others to say.

use std::ffi::c_int;

use pamsm::{PamError, PamFlags, PamLibExt};

use super::{Call, items, message};
use crate::audit;
use crate::fingerprint::Fingerprint;
use crate::password_change::{self, Settled};
use crate::session;

/// What `pamsm` has no names for.
const PRELIM_CHECK: c_int = 0x4000;
const UPDATE_AUTHTOK: c_int = 0x2000;
/// The name of our data on the handle; see `ACCEPTED`.
const FINGERPRINT: &str = concat!("pam_app_passwd-", env!("CARGO_PKG_VERSION"), "-fingerprint");

impl Call<'_> {
    pub(super) fn chauthtok(&self, flags: PamFlags) -> PamError {
        if flags.bits() & PRELIM_CHECK != 0 {
            self.look_before();
        } else if flags.bits() & UPDATE_AUTHTOK != 0 {
            self.look_after(flags.contains(PamFlags::SILENT));
        }
        PamError::SUCCESS
    }

    fn look_before(&self) {
        let user = self.attempt.user.as_ref();
        let seen = match user.map_or(Ok(None), password_change::look) {
            Ok(None) => {
                self.log_debug(audit::no_field());
                None
            }
            Ok(seen) => seen,
            Err(error) => {
                self.log(&[audit::unseen(&error)]);
                None
            }
        };
        self.keep(seen);
    }

    fn look_after(&self, silent: bool) {
        let Ok(bytes) = self.pam.retrieve_bytes(FINGERPRINT) else {
            return self.log(&[audit::no_preliminary_phase()]);
        };
        let Some(before) = Fingerprint::from_bytes(&bytes) else {
            return;
        };
        match password_change::has_changed(&before) {
            Ok(true) => {
                // A second line of ours in the stack has nothing left to do.
                self.keep(None);
                self.settle(before, silent);
            }
            Ok(false) => {}
            Err(error) => self.log(&[audit::unseen(&error)]),
        }
    }

    /// Keeps what was seen on the handle; without it, that there is nothing to compare with.
    fn keep(&self, seen: Option<Fingerprint>) {
        let bytes = seen.map(|seen| seen.to_bytes()).unwrap_or_default();
        // Should libpam have no memory left for it, it is as if there had been no preliminary phase.
        let _ = self.pam.send_bytes(FINGERPRINT, bytes, None);
    }

    fn settle(&self, before: Fingerprint, silent: bool) {
        let mut attempt = self.attempt.clone();
        attempt.user = Some(before.user);
        let conf = self.arguments.conf.as_deref();
        match password_change::settle(attempt, conf, || self.who_is_behind(), self.now) {
            Ok(Settled { fate, lines, .. }) => {
                self.log(&lines);
                if let (Some(sentence), false) = (audit::fate(fate), silent) {
                    message::say(self.pam, &sentence);
                }
            }
            Err(error) => self.log(&[audit::not_settled(&error)]),
        }
    }

    fn who_is_behind(&self) -> String {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let uid = session::uid_behind(pid).unwrap_or(self.caller.uid);
        let name = items::name_of(self.pam, uid);
        name.map_or_else(
            || uid.to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}
