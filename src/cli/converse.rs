// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd converse USER`, which nobody types: has PAM say whether somebody is who they say they are.
//!
//! The modules of a stack are foreign code, so they run in a process of their own, that has nothing to
//! lose and ends with its one question. The helper starts it, sits at its standard input, and relays
//! what is said there; it hears who it is, or that it is nobody, and kills what takes too long.

mod libpam;

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use pam_app_passwd::helper::TALK;
use pam_app_passwd::helper::own::Said;
use pam_app_passwd::policy::SELF_SERVICE;
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};
use zeroize::Zeroizing;

use super::client::{Client, cut};
use super::failure::{Code, Failure};
use libpam::{Refused, Request, Style, vouch};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// About whom
    user: String,
    /// The account that asks
    #[arg(long)]
    ruser: Option<String>,
    /// The machine that asks
    #[arg(long)]
    rhost: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Code, Failure> {
    let failed = |error: io::Error| Failure::new(Code::Failed, format!("standard input: {error}"));
    // What is typed here is in no core dump, and nobody's when the helper is gone.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| failed(error.into()))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failed(error.into()))?;
    let helper = std::io::stdin().as_fd().try_clone_to_owned();
    let helper = Client {
        connection: helper.map_err(failed)?,
        has_terminal: false,
        deadline: Instant::now() + TALK,
    };
    let request = Request {
        service: SELF_SERVICE,
        user: &arguments.user,
        ruser: arguments.ruser.as_deref(),
        rhost: arguments.rhost.as_deref(),
    };
    let code = match vouch(&request, &mut |style, text| relay(&helper, style, text)) {
        Ok(user) => {
            helper.out(user.as_bytes()).map_err(failed)?;
            Code::Done
        }
        Err(Refused(code)) => {
            log_refusal(&arguments.user, code);
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

/// The modules say why, but the code tells a stack that is wrong from a password that is.
fn log_refusal(user: &str, code: i32) {
    super::output::say(&format!(
        "PAM does not let in {user} by the service {SELF_SERVICE}: code {code}"
    ));
}
