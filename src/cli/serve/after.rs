// SPDX-License-Identifier: GPL-3.0-or-later
//! What the helper does once it has answered: it ends what revoked app passwords have opened, and
//! tells the command of `[notify]`. Each has a thread that does one after the other: whoever changes
//! the passwords of thousands takes no connection that a login needs, and starts no thousand
//! commands; and nothing stays open while a command takes its time to tell somebody.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use pam_app_passwd::credential::Credential;

use super::STACK;
use crate::cli::Context;
use crate::cli::change::Stamp;
use crate::cli::failure::{Code, Failure};
use crate::cli::notify::tell_of;
use crate::cli::output;
use crate::cli::signout::{Asker, sign_out_for};

/// How many notices may wait for their turn, which may take seconds each.
const NOTICES: usize = 10_000;

/// Entries that were revoked for somebody who has asked.
pub(super) struct Revoked {
    pub(super) entries: Vec<Credential>,
    pub(super) stamp: Stamp,
    pub(super) context: Context,
    /// Who has asked, whose session ends last.
    pub(super) asker: Asker,
}

/// The way to the thread that ends it all.
#[derive(Clone)]
pub(super) struct After(Sender<Revoked>);

impl After {
    pub(super) fn begin() -> Result<Self, Failure> {
        let (to_notices, notices) = sync_channel(NOTICES);
        let (sender, receiver) = channel();
        start(move || tell(&notices))?;
        start(move || end(&receiver, &to_notices))?;
        Ok(Self(sender))
    }

    pub(super) fn end(&self, revoked: Revoked) {
        if self.0.send(revoked).is_err() {
            output::say("warning: what was opened by app passwords goes on: restart the helper");
        }
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    let failed = |error| Failure::new(Code::Failed, format!("no thread: {error}"));
    thread.map(drop).map_err(failed)
}

fn end(receiver: &Receiver<Revoked>, to_notices: &SyncSender<Revoked>) {
    for revoked in receiver {
        sign_out_for(&revoked.asker, &revoked.entries, &revoked.context);
        if to_notices.try_send(revoked).is_err() {
            output::say(
                "warning: [notify]: too many notices wait already, so nobody is told of a change",
            );
        }
    }
}

fn tell(notices: &Receiver<Revoked>) {
    for Revoked {
        entries,
        stamp,
        context,
        ..
    } in notices
    {
        tell_of("revoked", &stamp, &entries, &context);
    }
}
