// SPDX-License-Identifier: GPL-3.0-or-later
//! Our line in a stack that opens sessions: its place among those that it needs, and those that it
//! must precede.

use super::Fault;
use crate::cli::doctor::pamd::Step;

pub(super) fn faults(stack: &[&Step]) -> Vec<Fault> {
    let ours = stack.iter().enumerate().filter(|(_, step)| step.is_ours());
    ours.flat_map(|(at, step)| {
        let (above, below) = stack.split_at(at);
        [behind_env(above, step), before_loginuid(below, step)]
    })
    .flatten()
    .collect()
}

fn behind_env(above: &[&Step], ours: &Step) -> Option<Fault> {
    let env = above.iter().find(|step| step.module() == "pam_env.so")?;
    let what = format!(
        "{}: this line stands below pam_env.so ({}), with which users can say that another app password opened their session",
        ours.place, env.place
    );
    Some(Fault::new(what, "put it above every pam_env.so"))
}

fn before_loginuid(below: &[&Step], ours: &Step) -> Option<Fault> {
    let loginuid = below
        .iter()
        .find(|step| step.module() == "pam_loginuid.so")?;
    let what = format!(
        "{}: this line stands above pam_loginuid.so ({}), so that what a session leaves behind is not found when its app password is revoked",
        ours.place, loginuid.place
    );
    Some(Fault::new(what, "put it behind pam_loginuid.so"))
}
