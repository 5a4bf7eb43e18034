// SPDX-License-Identifier: GPL-3.0-or-later
//! What may be wrong with a stack that lets people in: it lets in whom the module refuses, or keeps
//! out whom it accepts; or what stands below our line is passed over and should not be.

use pam_app_passwd::policy::SELF_SERVICE;

use super::Fault;
use crate::cli::doctor::pamd::{Action, Code, Kind, Step, Walk};
use crate::cli::doctor::services::Named;

/// How the module says no, or cannot be asked.
const OUR_REFUSALS: [Code; 5] = [
    Code::AUTH_ERR,
    Code::PERM_DENIED,
    Code::AUTHINFO_UNAVAIL,
    Code::ABORT,
    Code::MODULE_UNKNOWN,
];

/// What the shape of a line is, as it is recommended.
const SHAPE: &str = "[success=N perm_denied=die default=ignore]";

/// The service that asks again before somebody makes an app password of their own.
pub(super) fn self_service(named: &Named) -> Option<Fault> {
    let auth = named.service.stack(Kind::Auth);
    let step = auth.iter().find(|step| step.is_ours());
    let step = step.filter(|_| named.name.eq_ignore_ascii_case(SELF_SERVICE))?;
    let what = format!("{}: no app password ever opens this service", step.place);
    Some(Fault::new(what, "take the line out"))
}

pub(super) fn faults(stack: &[&Step]) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(lets_in(stack));
    for (at, step) in stack.iter().enumerate().filter(|(_, step)| step.is_ours()) {
        faults.extend(keeps_out(stack, at, step));
        faults.extend(takes_credentials(stack, at, step));
    }
    faults.extend(gates(stack));
    faults
}

/// Somebody whom the module refuses, and who can prove nothing else, must not get in.
fn lets_in(stack: &[&Step]) -> Option<Fault> {
    let at = stack.iter().position(|step| step.is_ours())?;
    let lets_in = |code: &Code| {
        let answers = |_: usize, step: &Step| match step.is_ours() {
            true => vec![*code],
            false => step.answers_without_proof(),
        };
        // Who gets in without coming to our line does so by somebody else's leave.
        let before = Walk::all(stack, answers);
        Walk::from(stack, at, before.states_at(at), answers).may_succeed()
    };
    let codes: Vec<_> = OUR_REFUSALS.into_iter().filter(lets_in).collect();
    let place = &stack.get(at)?.place;
    let words: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let what = match codes.len() {
        0 => return None,
        n if n == OUR_REFUSALS.len() => "whatever it was".to_owned(),
        _ => words.join(", "),
    };
    let what = format!("{place}: a login that is refused here ({what}) can get in all the same");
    let hint = "what always succeeds, as pam_permit.so, must stand behind a required or requisite line that asks for \
                something, or pam_deny.so; only the success of this line may jump to it";
    Some(Fault::new(what, hint))
}

/// An accepted app password must open the stack by itself.
fn keeps_out(stack: &[&Step], at: usize, ours: &Step) -> Option<Fault> {
    let (before, with_it) = accepted(stack, at);
    let what = if !before.reaches(at) {
        "nobody with an app password comes as far as this line"
    } else if !with_it.may_succeed() {
        "an app password that is accepted here does not get in"
    } else {
        return None;
    };
    let hint = format!(
        "its control should be {SHAPE}, where N jumps over every line that asks for another password, to pam_permit.so; \
         no such line may stand above it"
    );
    Some(Fault::new(format!("{}: {what}", ours.place), hint))
}

/// The ways to the line `at`, and those from there on of somebody whose app password is accepted.
fn accepted(stack: &[&Step], at: usize) -> (Walk, Walk) {
    let answers = |index: usize, step: &Step| match step.is_ours() {
        true if index == at => vec![Code::SUCCESS],
        true => OUR_REFUSALS.to_vec(),
        false => step.answers_to_the_welcome(),
    };
    let before = Walk::all(stack, answers);
    let with_it = Walk::from(stack, at, before.states_at(at), answers);
    (before, with_it)
}

/// A login by key runs through here for its credentials only, and our answer to that is always
/// success: `done` would keep them from it.
fn takes_credentials(stack: &[&Step], at: usize, ours: &Step) -> Option<Fault> {
    let mut below = stack.iter().skip(at + 1);
    let giver = below.find(|step| step.gives_credentials())?;
    if ours.action(Code::SUCCESS) != Action::Done {
        return None;
    }
    let what = format!(
        "{}: 'done', as in 'sufficient', keeps {} below it from giving sessions their credentials, also those by key",
        ours.place,
        giver.module()
    );
    Some(Fault::new(what, format!("jump instead: {SHAPE}")))
}

/// What keeps people out for another reason than their password, and whoever has another password
/// must pass, must not be passed over by an app password.
pub(super) fn gates(stack: &[&Step]) -> Vec<Fault> {
    let ours = stack.iter().enumerate().filter(|(_, step)| step.is_ours());
    ours.flat_map(|(at, step)| passed_over(stack, at, step))
        .collect()
}

fn passed_over(stack: &[&Step], at: usize, ours: &Step) -> Vec<Fault> {
    let (before, with_it) = accepted(stack, at);
    let others = |_: usize, step: &Step| match step.is_ours() {
        true => vec![Code::AUTH_ERR, Code::IGNORE],
        false => step.answers_with_proof(),
    };
    let without_it = Walk::from(stack, at, before.states_at(at), others);
    let gates = stack.iter().enumerate().filter(|(index, step)| {
        step.is_a_closed_gate() && without_it.reaches(*index) && !with_it.reaches(*index)
    });
    let fault = |(_, gate): (usize, &&Step)| {
        let what = format!(
            "{}: an app password passes over {}, which stands below {}",
            gate.place,
            gate.module(),
            ours.place
        );
        Fault::new(what, "put the line of that module above ours")
    };
    gates.map(fault).collect()
}
