//! Somebody who logs in again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::machine::{Client, Machine};
use super::pam::Code;

/// Does `work` while the user logs in again and again, each time in a process of its own. Not one of
/// the logins may be refused.
pub fn while_logins_go_on(machine: &Machine, user: &str, password: &str, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let log_in = || {
        let mut codes = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let client: Client = machine.client("imap", user);
            codes.push(client.password(password).authenticate());
        }
        codes
    };
    thread::scope(|threads| {
        let logins = [threads.spawn(log_in), threads.spawn(log_in)];
        work();
        done.store(true, Ordering::Relaxed);
        for codes in logins.map(|logins| logins.join().unwrap()) {
            assert!(codes.len() > 3, "only {} logins", codes.len());
            assert!(codes.iter().all(|code| *code == Code::SUCCESS), "{codes:?}");
        }
    });
}
