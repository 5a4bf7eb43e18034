//! What the tests stand on: a machine of their own, the real libpam, the real tool.
//!
//! | file | what is in it |
//! |---|---|
//! | `holder.rs` | account holders in a shell, whom the helper serves |
//! | `machine.rs` | a fresh directory with configuration, stacks and state; running the tool and the client |
//! | `pam.rs` | libpam through `pam_start_confdir`; the only unsafe code of the tests |
//! | `pam_client.rs` | the same as a program, for tests that need a clean process |
//! | `auth_log.rs` | a `/dev/log` of our own |
//! | `browser.rs` | Chromium, driven as a person would |
//! | `daemon.rs` | a real daemon that is not root, on a private machine, and what every such daemon must do |
//! | `helper.rs` | the helper, and those who ask it |
//! | `mail.rs` | a Dovecot and a Postfix of our own, and clients that log in |
//! | `private_machine.rs` | a private machine with a daemon on it |
//! | `private_mounts.rs` | a mount namespace that ends with the test |
//! | `source.rs` | the files of Rust, for tests that read them |
//! | `ssh.rs` | an OpenSSH server on a private machine, and its clients |
//! | `strace.rs` | programs whose calls are watched, fail, or are the last |
//! | `terminal.rs` | a pseudo-terminal to answer questions on |
//! | `visitor.rs` | whoever speaks HTTP without being a browser |
//! | `web.rs` | the self-service page on a private machine |

// Every test crate compiles this for itself and uses its own part. Here a failed step is a failed test.
#![allow(dead_code, unreachable_pub, unused_imports)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::string_slice)]

pub mod auth_log;
pub mod browser;
pub mod daemon;
pub mod helper;
pub mod holder;
pub mod machine;
pub mod mail;
pub mod pam;
pub mod private_machine;
pub mod private_mounts;
pub mod source;
pub mod ssh;
pub mod strace;
pub mod terminal;
pub mod visitor;
pub mod web;

use std::env;
use std::io::Write;
use std::path::Path;

pub use machine::{Client, Machine, Ran, TOOL, WRONG, module};
pub use pam::{Answer, Code, Handle};

/// Whether something of `needs` is missing here, so that the test has to return at once.
///
/// `"root"` is the user, `"unshare"` also the permission to use it, `"/..."` a file, every other word a program. What is skipped is said on the terminal even though
/// the test passes; with `APP_PASSWD_TESTS_MUST_RUN` set nothing is skipped: the test fails.
pub fn cannot_run(needs: &[&str]) -> bool {
    let missing: Vec<&str> = needs
        .iter()
        .copied()
        .filter(|need| !is_here(need))
        .collect();
    if missing.is_empty() {
        return false;
    }
    let sentence = format!("not run, for want of {}", missing.join(", "));
    assert!(
        env::var_os("APP_PASSWD_TESTS_MUST_RUN").is_none(),
        "{sentence}"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not eprintln!, which the test harness hides.
    let _ = writeln!(std::io::stderr(), "{test}: {sentence}");
    true
}

fn is_here(need: &str) -> bool {
    match need {
        "root" => is_root(),
        "unshare" => private_mounts::are_permitted(),
        file if file.starts_with('/') => Path::new(file).exists(),
        program => env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .chain(["/usr/sbin".into(), "/sbin".into()])
            .any(|directory| directory.join(program).is_file()),
    }
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
