//! `make bench-check`: whether a login has become dearer, by its instructions, which are the same each time.
//!
//! They are compared with those of pam_permit in the same run, since libpam is another one on another machine.

#![allow(clippy::unwrap_used)] // a step that fails ends it

mod support;

use std::process::ExitCode;

use support::callgrind::instructions;
use support::store::{COLLECTOR, Filled, SERVICE, USER, filled};
use support::tests::WRONG;
use support::tests::machine::client;
use support::{built, peers, private};

/// What is compared, and where it has become dearer: a few per cent above what it was, since another compiler makes
/// other instructions. A change that makes it cheaper brings its bound down.
const BOUNDS: [(&str, f64); 5] = [
    ("wrong password, 10 entries, to pam_permit", 8.4),
    (
        "accepted minus a module that does nothing but the same hash, to pam_permit",
        12.2,
    ),
    ("wrong password, 100,000 entries to 10", 1.04),
    ("accepted, 100,000 entries to 10", 1.03),
    ("accepted, 25 passwords of the user to 1", 1.02),
];

fn main() -> ExitCode {
    private::enter(&["valgrind"], || {
        built::hash_only();
        client();
    });
    let mut code = ExitCode::SUCCESS;
    for ((what, bound), ratio) in BOUNDS.into_iter().zip(ratios()) {
        let dearer = ratio > bound;
        let verdict = if dearer { "DEARER" } else { "good" };
        println!("{ratio:6.2} <= {bound:5.2} {verdict}: {what}");
        if dearer {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// In the order of the bounds.
fn ratios() -> [f64; 5] {
    let small = filled(10, "").with_a_collector();
    let large = filled(100_000, "");
    let of = |filled: &Filled, user, password: &str| {
        instructions(&filled.machine, SERVICE, user, password)
    };
    for (service, module) in [
        ("permit", "pam_permit.so"),
        ("hash", built::module_that_hashes().to_str().unwrap()),
    ] {
        peers::stack(&small.machine, service, module);
    }
    let permit = instructions(&small.machine, "permit", USER, "");
    let hash = instructions(&small.machine, "hash", USER, WRONG);
    let accepted = of(&small, USER, &small.password);
    let wrong = of(&small, USER, WRONG);
    [
        wrong / permit,
        (accepted - hash) / permit,
        of(&large, USER, WRONG) / wrong,
        of(&large, USER, &large.password) / accepted,
        of(&small, COLLECTOR, &small.collected) / accepted,
    ]
}
