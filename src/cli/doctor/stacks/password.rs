// SPDX-License-Identifier: GPL-3.0-or-later
//! Our line in a stack that changes passwords: it sees whether the password has changed, so it must
//! stand below what changes it, and be reached when that succeeds.

use super::Fault;
use crate::cli::doctor::pamd::{Code, Step, Walk};

pub(super) fn faults(stack: &[&Step]) -> Vec<Fault> {
    let ours = stack.iter().enumerate().filter(|(_, step)| step.is_ours());
    ours.filter_map(|(at, step)| fault(stack, at, step))
        .collect()
}

fn fault(stack: &[&Step], at: usize, ours: &Step) -> Option<Fault> {
    let mut writers = stack.iter().enumerate();
    let writer = writers.find(|(_, step)| step.writes_shadow());
    let Some((changes, writer)) = writer else {
        let what = format!(
            "{}: no line of this stack changes a password in /etc/shadow",
            ours.place
        );
        return Some(Fault::new(
            what,
            "take the line out: it cannot see changes made elsewhere",
        ));
    };
    let what = if at < changes {
        "stands above"
    } else if !is_reached(stack, changes, at) {
        "is not reached after"
    } else {
        return None;
    };
    let what = format!(
        "{}: this line {what} {}, which changes the password, so it never sees a change",
        ours.place,
        writer.module()
    );
    let hint = "put it last, as 'password optional', where a successful change leads: behind pam_permit.so, and not behind 'sufficient'";
    Some(Fault::new(what, hint))
}

/// Whether somebody whose password was changed by the step `changes`, with all others content, comes
/// to the step `at`.
fn is_reached(stack: &[&Step], changes: usize, at: usize) -> bool {
    let answers = |index: usize, step: &Step| match index == changes || step.is_ours() {
        true => vec![Code::SUCCESS],
        false => step.answers_to_the_welcome(),
    };
    let before = Walk::all(stack, answers);
    let behind = Walk::from(stack, changes, &before.sound_states_at(changes), answers);
    !behind.sound_states_at(at).is_empty()
}
