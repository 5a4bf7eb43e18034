//! After an upgrade daemons still run the module that they have loaded. (Of the whole machine, so it has a
//! file of its own: no other test looks meanwhile.)

#![allow(clippy::unwrap_used)] // a step that fails is a failed test

mod support;

use std::fs;
use std::process::Command;

use support::private_machine::eventually;
use support::{Machine, cannot_run};

#[test]
fn a_program_that_runs_a_replaced_module_is_named() {
    if cannot_run(&["root"]) {
        return;
    }
    let machine = Machine::new();
    let module = machine.path("pam_app_passwd.so.old");
    fs::copy(support::machine::module(), &module).unwrap();
    let old = machine.path("old");
    fs::create_dir(&old).unwrap();
    let old = old.join("pam_app_passwd.so");
    fs::rename(module, &old).unwrap();
    let mut daemon = Command::new("sleep");
    let mut daemon = daemon.arg("60").env("LD_PRELOAD", &old).spawn().unwrap();
    let has_it = || fs::read_to_string(format!("/proc/{}/maps", daemon.id())).unwrap();
    assert!(eventually(|| has_it().contains("pam_app_passwd.so")));
    let sentence = format!("sleep (process {}) still runs a module", daemon.id());
    let said = || machine.tool(&["doctor"]).stdout;
    let before = said();
    fs::remove_file(&old).unwrap();
    let after = said();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(!before.contains(&sentence), "{before}");
    assert!(
        after.contains(&sentence) && after.contains("hint: restart sleep"),
        "{after}"
    );
    assert!(!said().contains(&sentence));
}
