// SPDX-License-Identifier: GPL-3.0-or-later
//! What the helper does once it has answered: it ends what revoked app passwords have opened, and
//! tells the command of `[notify]`. One after the other, in a thread of its own: whoever changes the passwords of thousands takes no
//! connection that a login needs, and starts no thousand commands.

use std::sync::mpsc::{Receiver, Sender, channel};

use pam_app_passwd::credential::Credential;

use super::STACK;
use crate::cli::Context;
use crate::cli::change::Stamp;
use crate::cli::failure::{Code, Failure};
use crate::cli::notify::tell_of;
use crate::cli::output;
use crate::cli::signout::{Asker, sign_out_for};

/// Entries that were revoked for somebody who has asked.
pub(super) struct Revoked {
    pub(super) entries: Vec<Credential>,
    pub(super) stamp: Stamp,
    pub(super) context: Context,
    /// Who has asked, whose session ends last.
    pub(super) asker: Asker,
}

/// The way to that thread.
#[derive(Clone)]
pub(super) struct After(Sender<Revoked>);

impl After {
    pub(super) fn begin() -> Result<Self, Failure> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new().stack_size(STACK);
        thread
            .spawn(move || work(&receiver))
            .map_err(|error| Failure::new(Code::Failed, format!("no thread: {error}")))?;
        Ok(Self(sender))
    }

    pub(super) fn end(&self, revoked: Revoked) {
        if self.0.send(revoked).is_err() {
            output::say("warning: what was opened by app passwords goes on: restart the helper");
        }
    }
}

fn work(receiver: &Receiver<Revoked>) {
    for Revoked {
        entries,
        stamp,
        context,
        asker,
    } in receiver
    {
        sign_out_for(&asker, &entries, &context);
        tell_of("revoked", &stamp, &entries, &context);
    }
}
