//! Every call to the kernel that the module or the tool makes, failing once: the answer is the right one or
//! an error, never a wrong one, and nobody is killed.
//!
//! Only calls after the configuration was looked for are let fail: those before are the loader's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use support::machine::run;
use support::strace::{failing, trace_in, traced};
use support::{Code, Machine, Ran, WRONG, cannot_run};

/// What can go wrong with a call that can go wrong at all.
const ERRORS: [(&str, &str); 23] = [
    ("open", "EMFILE"),
    ("openat", "EMFILE"),
    ("read", "EIO"),
    ("pread64", "EIO"),
    ("write", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("newfstatat", "EACCES"),
    ("fstat", "EIO"),
    ("statx", "EACCES"),
    ("lseek", "EINVAL"),
    ("fcntl", "ENOLCK"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("ftruncate", "ENOSPC"),
    ("fchmod", "EPERM"),
    ("fchown", "EPERM"),
    ("mkdir", "ENOSPC"),
    ("rename", "EACCES"),
    ("unlink", "EACCES"),
    ("mmap", "ENOMEM"),
    ("getrandom", "ENOSYS"),
    ("socket", "EMFILE"),
    ("connect", "EAGAIN"),
];

/// A machine on which one thing is tried again and again, each time from the same state.
struct Trial<'a> {
    machine: &'a Machine,
    /// Makes that state.
    prepare: &'a dyn Fn(),
    /// What is tried.
    command: &'a dyn Fn() -> Command,
    input: &'a [u8],
}

impl Trial<'_> {
    /// Lets each call of ours fail once; `judge` gets what came of it, and what was wrong.
    fn fail_each_call(&self, mut judge: impl FnMut(Ran, &str)) {
        let counts = self.calls();
        let mut faults = 0;
        for (call, error) in ERRORS {
            let (before, all) = counts.get(call).copied().unwrap_or((0, 0));
            let most = ((all - before) / 16).max(1);
            for nth in (before + 1..=all).step_by(most) {
                (self.prepare)();
                let ran = run(failing((self.command)(), call, error, nth), self.input);
                judge(ran, &format!("{error} at {call} number {nth}"));
                faults += 1;
            }
        }
        assert!(faults > 20, "only {faults} calls failed");
    }

    /// How often each call is made before the configuration comes into play, and altogether.
    fn calls(&self) -> BTreeMap<String, (usize, usize)> {
        let trace = self.machine.path("trace");
        (self.prepare)();
        run(traced((self.command)(), "all", &trace), self.input);
        let mut counts = BTreeMap::new();
        let mut ours = false;
        for line in trace_in(&trace)
            .lines()
            .take_while(|line| !is_after_the_answer(line))
        {
            ours |= line.contains("newfstatat") && line.contains("app-passwd.toml");
            let mut words = line.split([' ', '(']);
            if let Some(call) = words.find(|word| word.contains(char::is_alphabetic)) {
                let (before, all) = counts.entry(call.to_owned()).or_insert((0, 0));
                *before += usize::from(!ours);
                *all += 1;
            }
        }
        counts
    }
}

/// libpam's report to the kernel, and what the client does with the answer.
fn is_after_the_answer(line: &str) -> bool {
    line.contains("NETLINK_AUDIT") || line.contains("write(1, \"authenticate")
}

#[test]
fn a_login_with_any_failing_call_is_right_or_unavailable() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = &Machine::configured("hash.memory_kib = 8");
    let good = machine.create("alice", "phone", &[]);
    let revoked = machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    let logins = [
        (good.as_str(), Code::SUCCESS),
        (&revoked, Code::PERM_DENIED),
        (WRONG, Code::AUTH_ERR),
    ];
    for (password, right) in logins {
        let trial = Trial {
            machine,
            // So that there is always something to note.
            prepare: &|| drop(fs::remove_file(machine.usage())),
            command: &|| {
                machine
                    .client("imap", "alice")
                    .option(&["authenticate"])
                    .command
            },
            input: password.as_bytes(),
        };
        trial.fail_each_call(|ran, fault| {
            assert!(
                ran.status.is_some() && ran.stderr.is_empty(),
                "{fault}: {ran:?}"
            );
            let code = ran.code("authenticate");
            assert!(
                [right, Code::AUTHINFO_UNAVAIL].contains(&code),
                "{fault}: {code:?}, not {right:?}"
            );
        });
        assert_eq!(machine.login("imap", "alice", password), right);
    }
}

#[test]
fn a_create_with_any_failing_call_shows_what_is_stored_and_stores_what_it_shows() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = &Machine::configured("policy.max_per_user = 0\nhash.memory_kib = 8");
    let trial = Trial {
        machine,
        prepare: &|| {
            drop(
                machine
                    .tool(&["revoke", "alice", "--all", "--yes"])
                    .succeeds(),
            )
        },
        command: &|| machine.tool_command(&["create", "alice", "--label", "phone"]),
        input: b"",
    };
    trial.fail_each_call(|ran, fault| {
        let list = machine.tool(&["list", "alice", "--json"]).json();
        match ran.status {
            Some(0) => {
                let code = machine.login("imap", "alice", ran.stdout.trim());
                assert_eq!(code, Code::SUCCESS, "{fault}: {ran:?}");
            }
            Some(1 | 5) => assert_eq!(list.as_array().unwrap().len(), 0, "{fault}: {ran:?}"),
            _ => panic!("{fault}: {ran:?}"),
        }
    });
}

#[test]
fn a_revoke_with_any_failing_call_has_revoked_or_says_that_it_has_not() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = &Machine::configured("policy.max_per_user = 0\nhash.memory_kib = 8");
    let password = RefCell::new(String::new());
    let trial = Trial {
        machine,
        prepare: &|| {
            machine
                .tool(&["revoke", "alice", "--all", "--yes"])
                .succeeds();
            *password.borrow_mut() = machine.create("alice", "phone", &[]);
        },
        command: &|| machine.tool_command(&["revoke", "alice", "phone"]),
        input: b"",
    };
    trial.fail_each_call(|ran, fault| {
        let code = machine.login("imap", "alice", password.borrow().as_bytes());
        match ran.status {
            Some(0) => assert_eq!(code, Code::PERM_DENIED, "{fault}: {ran:?}"),
            Some(1 | 5) => assert!(
                [Code::SUCCESS, Code::PERM_DENIED].contains(&code),
                "{fault}"
            ),
            _ => panic!("{fault}: {ran:?}"),
        }
    });
}

#[test]
fn a_rotate_with_any_failing_call_locks_nobody_out() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = &Machine::configured("policy.max_per_user = 0\nhash.memory_kib = 8");
    let old = RefCell::new(String::new());
    let trial = Trial {
        machine,
        prepare: &|| {
            machine
                .tool(&["revoke", "alice", "--all", "--yes"])
                .succeeds();
            *old.borrow_mut() = machine.create("alice", "phone", &[]);
        },
        command: &|| machine.tool_command(&["rotate", "alice", "phone"]),
        input: b"",
    };
    trial.fail_each_call(|ran, fault| {
        let code_of_old = machine.login("imap", "alice", old.borrow().as_bytes());
        let code_of_shown = machine.login("imap", "alice", ran.stdout.trim());
        match ran.status {
            Some(0) => assert_eq!(
                (code_of_old, code_of_shown),
                (Code::PERM_DENIED, Code::SUCCESS),
                "{fault}: {ran:?}"
            ),
            Some(1 | 5) => assert!(
                [code_of_old, code_of_shown].contains(&Code::SUCCESS),
                "{fault}: {ran:?}"
            ),
            _ => panic!("{fault}: {ran:?}"),
        }
    });
}
