// SPDX-License-Identifier: GPL-3.0-or-later
//! Who asks, as far as the kernel says: an account holder's process, or the web page's.

use std::net::IpAddr;

use nix::unistd::User;
use pam_app_passwd::config::Config;
use pam_app_passwd::helper::own::Wish;
use rustix::net::UCred;

use super::tries::Who;
use crate::cli::failure::{Code, Failure};

/// Who asks, as far as the kernel says.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) uid: u32,
    pub(super) pid: i32,
    /// It is the web page.
    pub(super) is_web: bool,
}

impl Peer {
    pub(super) fn of(peer: UCred, config: &Config) -> Self {
        let web = User::from_name(&config.self_service.web_user);
        let web = web.ok().flatten().map(|user| user.uid.as_raw());
        let uid = peer.uid.as_raw();
        Self {
            uid,
            pid: peer.pid.as_raw_nonzero().get(),
            is_web: uid != 0 && web == Some(uid),
        }
    }

    /// Where the wish comes from, if not from this machine.
    pub(super) fn origin(self, wish: &Wish) -> Result<Option<String>, Failure> {
        let Some(origin) = &wish.origin else {
            return Ok(None);
        };
        if !self.is_web {
            return Err(not_for_others());
        }
        let address: IpAddr = origin.parse().map_err(|_| {
            let message = format!("not an address: '{origin}'");
            Failure::new(Code::Usage, message)
        })?;
        Ok(Some(address.to_canonical().to_string()))
    }

    /// By what the tries to prove that somebody is this user are counted.
    pub(super) fn counted_as(self, user: &str, origin: Option<&str>) -> Vec<Who> {
        if !self.is_web {
            return vec![Who::Uid(self.uid)];
        }
        let address = origin.and_then(|origin| origin.parse().ok());
        let network = address.map(Who::from);
        network
            .into_iter()
            .chain([Who::User(user.to_lowercase())])
            .collect()
    }
}

/// What only the web page does.
pub(super) fn not_for_others() -> Failure {
    let message = "nobody but the web page's user speaks for others";
    Failure::new(Code::Unusable, message).hint("ask for yourself")
}
