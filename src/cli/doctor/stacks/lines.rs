// SPDX-License-Identifier: GPL-3.0-or-later
//! Lines that libpam or the module cannot read.

use super::Fault;
use crate::cli::doctor::pamd::{Calls, Control, Place, Service, Step};

pub(super) fn faults(service: &Service) -> Vec<Fault> {
    let steps = service.steps.iter();
    let unread = steps.clone().filter(|step| cannot_be_read(step));
    let unread = unread.map(|step| &step.place).chain(&service.unreadable);
    let mut faults: Vec<_> = unread.map(unreadable).collect();
    faults.extend(steps.filter(|step| step.is_ours()).flat_map(arguments));
    faults
}

/// A line that libpam takes for a failure, or a line of ours whose every answer is one.
fn cannot_be_read(step: &Step) -> bool {
    match &step.calls {
        Calls::Failure(_) => true,
        Calls::Module { control, .. } => step.is_ours() && *control == Control::BAD,
        Calls::Substack => false,
    }
}

fn unreadable(place: &Place) -> Fault {
    let what = format!("{place}: libpam cannot read this line, and takes it for a failure");
    let hint =
        "look for a misspelt word, or for the file that it includes; pam.conf(5) has the words";
    Fault::new(what, hint)
}

fn arguments(step: &Step) -> Vec<Fault> {
    let unknown = step.our_arguments().unknown;
    let fault = |word: &String| {
        let what = format!("{}: the module knows no argument '{word}'", step.place);
        Fault::new(
            what,
            "it is ignored; pam_app_passwd(8) has those that there are",
        )
    };
    unknown.iter().map(fault).collect()
}
