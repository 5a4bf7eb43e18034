// SPDX-License-Identifier: GPL-3.0-or-later
//! Who asks, as far as the kernel says: an account holder's process, or the web page's.

use std::net::IpAddr;

use nix::unistd::User;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::UserName;
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

    /// By what the tries of somebody who is known already are counted, to prove once more that they are
    /// this user. Strangers have others, so that they cannot use these up.
    pub(super) fn counted_as(self, user: &UserName) -> Who {
        match self.is_web {
            true => Who::Signed(user.as_str().to_owned()),
            false => Who::Uid(self.uid),
        }
    }
}

/// By what the tries to sign in as this user are counted.
pub(super) fn strangers(user: &UserName, origin: Option<&str>) -> Vec<Who> {
    let address = origin.and_then(|origin| origin.parse().ok());
    let network = address.map(Who::from);
    let user = Who::User(user.as_str().to_lowercase());
    network.into_iter().chain([user]).collect()
}

/// What only the web page does.
pub(super) fn not_for_others() -> Failure {
    let message = "nobody but the web page's user speaks for others";
    Failure::new(Code::Unusable, message).hint("ask for yourself")
}
