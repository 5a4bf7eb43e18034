// SPDX-License-Identifier: GPL-3.0-or-later
//! What is known of other modules: whether they ask for a proof, keep people out for another
//! reason, or always say the same; and what they may answer.

use super::{Action, Calls, Code, Kind, Step};

/// What a module is in a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Nature {
    /// It lets in whoever proves something else than an app password.
    Judge,
    /// It keeps people out for another reason than their password.
    Gate,
    /// It gives one of these answers, whoever comes.
    Says(Vec<Code>),
    /// Nothing is known of it.
    Unknown,
}

const JUDGES: [&str; 18] = [
    "pam_duo.so",
    "pam_fprintd.so",
    "pam_google_authenticator.so",
    "pam_krb5.so",
    "pam_ldap.so",
    "pam_oath.so",
    "pam_pkcs11.so",
    "pam_radius_auth.so",
    "pam_rootok.so",
    "pam_ssh_agent_auth.so",
    "pam_sss.so",
    "pam_systemd_home.so",
    "pam_tcb.so",
    "pam_u2f.so",
    "pam_unix.so",
    "pam_userdb.so",
    "pam_winbind.so",
    "pam_yubico.so",
];

const GATES: [&str; 13] = [
    "pam_access.so",
    "pam_faillock.so",
    "pam_listfile.so",
    "pam_localuser.so",
    "pam_nologin.so",
    "pam_securetty.so",
    "pam_sepermit.so",
    "pam_shells.so",
    "pam_succeed_if.so",
    "pam_tally2.so",
    "pam_time.so",
    "pam_usertype.so",
    "pam_wheel.so",
];

/// They have something else to do than to judge, and say so.
const BYSTANDERS: [&str; 7] = [
    "pam_echo.so",
    "pam_env.so",
    "pam_faildelay.so",
    "pam_group.so",
    "pam_issue.so",
    "pam_mail.so",
    "pam_warn.so",
];

/// They do not judge either, but may say that all is well.
const HELPERS: [&str; 5] = [
    "pam_cap.so",
    "pam_gnome_keyring.so",
    "pam_keyinit.so",
    "pam_kwallet.so",
    "pam_kwallet5.so",
];

/// What is given to a session by `setcred`, which a login by key needs too.
const GIVERS: [&str; 4] = [
    "pam_afs_session.so",
    "pam_cap.so",
    "pam_group.so",
    "pam_krb5.so",
];

/// What changes a password in `/etc/shadow`.
const SHADOW_WRITERS: [&str; 2] = ["pam_tcb.so", "pam_unix.so"];

/// How a judge says no.
const REFUSALS: [Code; 6] = [
    Code::AUTH_ERR,
    Code::PERM_DENIED,
    Code::CRED_INSUFFICIENT,
    Code::AUTHINFO_UNAVAIL,
    Code::USER_UNKNOWN,
    Code::MAXTRIES,
];

impl Step {
    /// What its module is.
    pub(in super::super) fn nature(&self) -> Nature {
        let module = self.module();
        match module {
            _ if matches!(self.calls, Calls::Failure(_)) => Nature::Says(vec![Code::PERM_DENIED]),
            _ if matches!(self.calls, Calls::Substack) => Nature::Says(vec![Code::IGNORE]),
            "pam_permit.so" => Nature::Says(vec![Code::SUCCESS]),
            "pam_deny.so" => Nature::Says(vec![Code::AUTH_ERR]),
            "pam_debug.so" => Nature::Says(vec![self.debug_answer()]),
            "pam_faillock.so" if self.has("authfail") => Nature::Says(vec![Code::AUTH_ERR]),
            "pam_faillock.so" if self.has("authsucc") => Nature::Says(vec![Code::SUCCESS]),
            "pam_wheel.so" if self.has("trust") => Nature::Judge,
            _ if BYSTANDERS.contains(&module) => Nature::Says(vec![Code::IGNORE]),
            _ if HELPERS.contains(&module) => Nature::Says(vec![Code::SUCCESS, Code::IGNORE]),
            // Whoever lets people in without a password by a condition means to.
            _ if GATES.contains(&module) && self.action(Code::SUCCESS) == Action::Done => {
                Nature::Judge
            }
            _ if GATES.contains(&module) => Nature::Gate,
            _ if JUDGES.contains(&module) => Nature::Judge,
            _ => Nature::Unknown,
        }
    }

    /// What it may answer to somebody who can prove nothing to it.
    pub(in super::super) fn answers_without_proof(&self) -> Vec<Code> {
        match self.nature() {
            Nature::Says(codes) => codes,
            Nature::Gate => [&[Code::SUCCESS, Code::IGNORE], &REFUSALS[..]].concat(),
            Nature::Judge | Nature::Unknown => self.refusals(),
        }
    }

    /// What it may answer to somebody whom the gates let pass, but who can prove nothing to a judge.
    pub(in super::super) fn answers_to_the_welcome(&self) -> Vec<Code> {
        match self.nature() {
            Nature::Says(codes) => codes,
            Nature::Gate => vec![Code::SUCCESS, Code::IGNORE],
            // Who is let in is asked for no proof afterwards.
            Nature::Judge if self.kind == Kind::Auth => self.refusals(),
            _ => [&[Code::SUCCESS, Code::IGNORE], &REFUSALS[..]].concat(),
        }
    }

    /// What it may answer to somebody whom the gates let pass, and who proves whatever is asked.
    pub(in super::super) fn answers_with_proof(&self) -> Vec<Code> {
        match self.nature() {
            Nature::Says(codes) => codes,
            Nature::Gate => vec![Code::SUCCESS, Code::IGNORE],
            Nature::Judge | Nature::Unknown => vec![Code::SUCCESS],
        }
    }

    /// Whether it keeps people out, other than by the way.
    pub(in super::super) fn is_a_closed_gate(&self) -> bool {
        let denies = |code| matches!(self.action(code), Action::Bad | Action::Die);
        self.nature() == Nature::Gate && REFUSALS.into_iter().any(denies)
    }

    /// Whether a login by key needs it as well.
    pub(in super::super) fn gives_credentials(&self) -> bool {
        GIVERS.contains(&self.module())
    }

    /// Whether it changes passwords in `/etc/shadow`.
    pub(in super::super) fn writes_shadow(&self) -> bool {
        SHADOW_WRITERS.contains(&self.module())
    }

    fn refusals(&self) -> Vec<Code> {
        // Whoever has set up no code need not show one.
        let optional = self.module() == "pam_google_authenticator.so" && self.has("nullok");
        let mut refusals = REFUSALS.to_vec();
        refusals.extend(optional.then_some(Code::IGNORE));
        refusals
    }

    fn has(&self, word: &str) -> bool {
        self.words().iter().any(|argument| argument == word)
    }

    /// pam_debug answers what it is told to (pam_debug(8)).
    fn debug_answer(&self) -> Code {
        let name = match self.kind {
            Kind::Auth => "auth=",
            Kind::Account => "acct=",
            Kind::Password => "chauthtok=",
            Kind::Session => "open_session=",
        };
        let mut told = self
            .words()
            .iter()
            .filter_map(|word| word.strip_prefix(name));
        told.next_back()
            .and_then(Code::parse)
            .unwrap_or(Code::SUCCESS)
    }
}
