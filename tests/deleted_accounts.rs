//! Accounts that go, deleted by the real userdel with our hook in its place: what they leave is revoked, since a new
//! account may get their name.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use support::cannot_run;
use support::private_machine::PrivateMachine;

const HOOK: &str = "/etc/shadow-maint/userdel-post.d/app-passwd";

/// A private machine with the hook as `make install prefix=/run/demo` installs it.
fn machine() -> Option<PrivateMachine> {
    let needs = ["root", "unshare", "nsenter", "perl", "userdel", "useradd"];
    if cannot_run(&needs) {
        return None;
    }
    let machine = PrivateMachine::with("");
    let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/userdel-post");
    let hook = fs::read_to_string(hook).unwrap();
    let file = machine.file(&hook.replace("/usr/bin/", "/run/demo/bin/"));
    machine.shell(&format!("install -D -m 0755 {file} {HOOK}"));
    Some(machine)
}

#[test]
fn deleting_an_account_revokes_what_it_leaves_and_nothing_else() {
    let Some(machine) = machine() else {
        return;
    };
    let left = machine.create("neighbour --label phone");
    machine.create("neighbour --label laptop");
    machine.create("demo --label phone");
    machine.create("neighbour@example.org --label phone --virtual");
    let told = machine.run("userdel neighbour", "");
    assert_eq!(told.status, Some(0), "{told:?}");
    let sentence = "Revoked: 1 \"phone\", 2 \"laptop\" of neighbour.";
    assert!(told.stderr.contains(sentence), "{told:?}");
    for label in ["phone", "laptop"] {
        let entry = machine.show("neighbour", label);
        assert_eq!(entry["revoked"]["why"], "account deleted");
    }
    for user in ["demo", "neighbour@example.org"] {
        assert_eq!(machine.show(user, "phone")["status"], "active", "{user}");
    }
    // Whoever gets the name does not inherit the app passwords.
    machine.shell("useradd neighbour");
    let check = machine.run("app-passwd check neighbour", &left);
    assert_eq!(check.stdout, "refused (revoked): 1 \"phone\"\n");
    let new = machine.create("neighbour --label phone");
    let check = machine.run("app-passwd check neighbour", &new);
    assert_eq!(check.stdout, "accepted: 5 \"phone\"\n");
}

#[test]
fn where_there_is_no_hook_prune_finds_them() {
    let Some(machine) = machine() else {
        return;
    };
    machine.shell(&format!("rm {HOOK}"));
    for user in ["demo", "neighbour"] {
        machine.create(&format!("{user} --label phone"));
    }
    machine.shell("userdel neighbour");
    assert_eq!(machine.show("neighbour", "phone")["status"], "active");
    let revoked = machine.tool("prune --gone-users --yes --json").json();
    assert_eq!(revoked.as_array().unwrap().len(), 1);
    assert_eq!(revoked[0]["user"], "neighbour");
    assert_eq!(revoked[0]["revoked"]["why"], "account deleted");
    assert_eq!(
        machine.tool("prune --gone-users --yes --json").json(),
        json!([])
    );
}

#[test]
fn an_account_that_is_still_there_keeps_its_app_passwords() {
    let Some(machine) = machine() else {
        return;
    };
    machine.create("demo --label phone");
    machine.shell(&format!("SUBJECT=demo {HOOK}"));
    assert_eq!(machine.show("demo", "phone")["status"], "active");
}

#[test]
fn whatever_becomes_of_the_hook_the_account_is_deleted() {
    let Some(machine) = machine() else {
        return;
    };
    // Nothing is known of this one, and there is no store.
    let told = machine.run("useradd first && userdel first", "");
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    machine.create("demo --label phone");
    machine.shell("echo broken >/var/lib/app-passwd/store.db");
    let told = machine.run("userdel neighbour", "");
    assert_eq!(told.status, Some(0));
    assert!(told.stderr.contains("app-passwd: error: "), "{told:?}");
    machine.shell("! getent passwd neighbour");
    // The tool is gone, its hook is not.
    machine.shell("rm bin/app-passwd");
    let told = machine.run("useradd last && userdel last", "");
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    machine.shell(HOOK);
}
