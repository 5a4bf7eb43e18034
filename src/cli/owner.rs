// SPDX-License-Identifier: GPL-3.0-or-later
//! What an account holder who does it alone may have, by `[self_service]`, and when they have to prove
//! once more that it is they: before a secret is made, and before an entry opens more than it did.

use std::cell::Cell;

use pam_app_passwd::audit::quoted;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{Credential, ServiceName};
use pam_app_passwd::policy::Rules;
use pam_app_passwd::policy::life::widens;

use super::failure::{Code, Failure};

/// Has the person prove that it is they.
pub(super) type Proof = Box<dyn Fn() -> Result<(), Failure> + Send>;

/// An account holder, during one wish.
pub(super) struct Owner {
    services: Vec<ServiceName>,
    /// They choose services, networks and an end.
    scopes: bool,
    rules: Rules,
    proof: Proof,
    is_proven: Cell<bool>,
}

impl Owner {
    pub(super) fn new(config: &Config, proof: Proof) -> Self {
        Self {
            services: config.self_service.services.clone(),
            scopes: config.self_service.scopes,
            rules: config.rules(),
            proof,
            is_proven: Cell::new(false),
        }
    }

    /// Whether they may choose what an entry is limited to.
    pub(super) fn require_scopes(&self, chosen: bool) -> Result<(), Failure> {
        if self.scopes || !chosen {
            return Ok(());
        }
        let message = "only a label can be chosen here";
        Err(Failure::new(Code::Policy, message)
            .hint("leave out the other options, or ask the administrator"))
    }

    /// Whether an entry may be made for them that opens these services.
    pub(super) fn require_services(&self, services: &[ServiceName]) -> Result<(), Failure> {
        let allowed = |service| self.rules.services_within(&[service], &self.services);
        let Some(refused) = services.iter().find(|name| !allowed((*name).clone())) else {
            return Ok(());
        };
        let refused = quoted(refused.as_str());
        let message = format!("only the administrator makes app passwords for {refused}");
        let names: Vec<_> = self
            .services
            .iter()
            .map(|name| quoted(name.as_str()))
            .collect();
        Err(
            Failure::new(Code::Policy, message).hint(match names.is_empty() {
                true => "no service may be named here".to_owned(),
                false => format!("those that may be named here: {}", names.join(", ")),
            }),
        )
    }

    /// Whether an entry may become what it is to be, as far as that is theirs to say. What it opened
    /// before it may go on to open.
    pub(super) fn require_edit(
        &self,
        before: &Credential,
        after: &Credential,
    ) -> Result<(), Failure> {
        let mut new = after.services.clone();
        new.retain(|service| {
            let service = std::slice::from_ref(service);
            !self.rules.services_within(service, &before.services)
        });
        self.require_services(&new)
    }

    /// Before an entry is made.
    pub(super) fn prove(&self) -> Result<(), Failure> {
        (self.proof)()?;
        self.is_proven.set(true);
        Ok(())
    }

    /// Before an entry is edited, if it is to open more.
    pub(super) fn prove_for_edit(
        &self,
        before: &Credential,
        after: &Credential,
    ) -> Result<(), Failure> {
        match widens(before, after, &self.rules) {
            true => self.prove(),
            false => Ok(()),
        }
    }

    /// While it is edited: somebody may have narrowed it since.
    pub(super) fn require_proof_for_edit(
        &self,
        before: &Credential,
        after: &Credential,
    ) -> Result<(), Failure> {
        if self.is_proven.get() || !widens(before, after, &self.rules) {
            return Ok(());
        }
        let message = format!("app password {} was changed meanwhile", before.id);
        Err(Failure::new(Code::Failed, message).hint("try again"))
    }
}
