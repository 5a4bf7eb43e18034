//! The machines on which people log in, and the stacks that ask for it.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::support::store::{Filled, SERVICE, filled};
use crate::support::tests::Machine;
use crate::support::tests::helper::{Running, open_to_everybody};
use crate::support::{built, peers};

/// How many entries a store has where nothing else is said.
const USUAL: usize = 10_000;

/// Ours, for `account` too.
pub const BOTH: &str = "both";
/// Ours, loaded and not asked.
pub const LOADED: &str = "loaded";
/// A module in C that does nothing, loaded and not asked.
pub const RETURNS_0: &str = "returns-0";
/// A module that hashes and does nothing else.
pub const HASH_ONLY: &str = "hash-only";
/// Ours, with argon2's own allocation.
pub const CRATE_ALLOCATION: &str = "crate-allocation";

pub struct Machines {
    /// The peers are here as well.
    pub usual: Filled,
    pub small: Filled,
    pub large: Filled,
    /// Its rules ask for 19 MiB and two passes.
    pub costly: Filled,
    /// Where a host that is not root asks a helper.
    pub helped: Filled,
    _helper: Running,
}

impl Machines {
    pub fn new() -> Machines {
        let helped = filled(USUAL, &format!("helper.callers.www-data = [{SERVICE:?}]"));
        Machines {
            usual: usual(),
            small: filled(10, ""),
            large: filled(1_000_000, ""),
            costly: costly(),
            _helper: serve(&helped.machine),
            helped,
        }
    }
}

fn usual() -> Filled {
    let filled = filled(USUAL, "").with_a_collector();
    let machine = &filled.machine;
    peers::stacks(machine);
    let hash_only = format!("auth required {}", built::module_that_hashes().display());
    let ours = "auth required APP_PASSWD";
    // What stands behind a module that suffices is loaded and not asked.
    let loaded = |module: &str| format!("auth sufficient pam_permit.so\nauth required {module}");
    let returns_0 = loaded(&built::module_that_returns_0().display().to_string());
    for (service, auth, account) in [
        (HASH_ONLY, hash_only.as_str(), "pam_permit.so"),
        (BOTH, ours, "APP_PASSWD"),
        (LOADED, &loaded("APP_PASSWD"), "pam_permit.so"),
        (RETURNS_0, &returns_0, "pam_permit.so"),
    ] {
        machine.stack(service, &format!("{auth}\naccount required {account}"));
    }
    filled
}

fn costly() -> Filled {
    let filled = filled(USUAL, "hash.memory_kib = 19456\nhash.passes = 2");
    let machine = &filled.machine;
    let module = built::module_with_crate_allocation();
    let ours = format!("{} conf={}", module.display(), machine.config().display());
    let lines = format!("auth required {ours}\naccount required pam_permit.so");
    machine.stack(CRATE_ALLOCATION, &lines);
    filled
}

/// A helper, ready to answer.
fn serve(machine: &Machine) -> Running {
    open_to_everybody(machine);
    let helper = Running(machine.tool_command(&["serve"]).spawn().unwrap());
    while !Path::new("/run/app-passwd/socket").exists() {
        sleep(Duration::from_millis(20));
    }
    helper
}
