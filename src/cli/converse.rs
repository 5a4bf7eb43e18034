// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd converse`, which nobody types: has PAM say whether somebody is who they say they are.
//!
//! The modules of a stack are foreign code, so they run in a process of their own, that has nothing to
//! lose and ends with its one question. The helper starts it, sits at its standard input, and says in a
//! wish whom it is about; a name may be a password that was typed into the wrong field, so it is no
//! argument. The helper relays what is said then, hears who it is, or that it is nobody, and kills what
//! takes too long.

mod libpam;
mod process;

use std::io;
use std::os::fd::AsFd;

use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::{Said, Wish};
use pam_app_passwd::helper::read_frame;
use pam_app_passwd::policy::SELF_SERVICE;
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};
use zeroize::Zeroizing;

use super::client::{Client, cut};
use super::failure::{Code, Failure};
use super::output;
use libpam::{Refused, Request, Style, vouch};

pub(super) fn run() -> Result<Code, Failure> {
    let failed = |error: io::Error| Failure::new(Code::Failed, format!("standard input: {error}"));
    process::close_the_rest().map_err(failed)?;
    process::heed_signals();
    // What is typed here is in no core dump, and nobody's when the helper is gone.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| failed(error.into()))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failed(error.into()))?;
    let helper = std::io::stdin().as_fd().try_clone_to_owned();
    let helper = Client::new(helper.map_err(failed)?, false);
    let wish = read_frame(&helper.connection, helper.deadline).map_err(failed)?;
    let wish = Wish::decode(&wish).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    let request = Request {
        service: SELF_SERVICE,
        user: wish.user.as_ref().map_or("", UserName::as_str),
        ruser: wish.words.first().map(String::as_str),
        rhost: wish.origin.as_deref(),
    };
    let code = match vouch(&request, &mut |style, text| relay(&helper, style, text)) {
        Ok(user) => {
            helper.out(user.as_bytes()).map_err(failed)?;
            Code::Done
        }
        Err(Refused(code)) => {
            // The modules say why; the code tells a stack that is wrong from a password that is.
            output::say(&format!("PAM, by the service {SELF_SERVICE}: code {code}"));
            Code::Failed
        }
    };
    helper
        .say(&Said::End { code: code as u8 })
        .map_err(failed)?;
    Ok(Code::Done)
}

/// What is answered to a module; nothing to what is no question. `None`: nobody is there any more.
fn relay(helper: &Client, style: Style, text: &str) -> Option<Zeroizing<String>> {
    match style {
        Style::Hidden => helper.ask(text, true).ok()?,
        Style::Shown => helper.ask(text, false).ok()?,
        Style::Warn => said(helper, &Said::Warn(cut(text))),
        Style::Tell => said(helper, &Said::Tell(cut(text))),
    }
}

fn said(helper: &Client, said: &Said) -> Option<Zeroizing<String>> {
    helper.say(said).ok()?;
    Some(Zeroizing::default())
}
