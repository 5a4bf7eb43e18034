//! The private view of this machine on which everything runs: accounts, logs and daemons of its own, all of which
//! go with the benchmark (`tests/support/private-machine.sh`).

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Command};

use super::tests::{TOOL, cannot_run, module};

/// What a benchmark is started with once it is there.
const INSIDE: &str = "--inside";

/// Goes there and begins anew, unless something of `needs` is missing here (see `tests::cannot_run`): then that is said,
/// and it ends. What `before` does is done outside.
pub fn enter(needs: &[&str], before: impl FnOnce()) {
    enter_beside(&[], needs, before);
}

/// The same beside what these words start: scripts of the tests (`tests/support/NAME.sh`), with options behind them.
pub fn enter_beside(daemons: &[&str], needs: &[&str], before: impl FnOnce()) {
    if cannot_run(&[&["root", "unshare", "perl", "openssl"], needs].concat()) {
        process::exit(0);
    }
    if env::args().any(|argument| argument == INSIDE) {
        return;
    }
    before();
    let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
    let mut machine = Command::new(support.join("private-machine.sh"));
    machine.arg(module()).arg(TOOL);
    for word in daemons {
        match word.ends_with(".sh") {
            true => machine.arg(support.join(word)),
            false => machine.arg(word),
        };
    }
    machine.arg(env::current_exe().unwrap()).arg(INSIDE);
    panic!("no private machine: {}", machine.exec());
}
