//! What is to be reached, in ratios of one run.

use std::fs;
use std::process::Command;

use crate::machines::Machines;
use crate::rows::*;
use crate::support::goal::{Goal, at_most, exactly};
use crate::support::login::Login;
use crate::support::report::said;
use crate::support::store::{Filled, SERVICE, USER};
use crate::support::tests::strace::{trace_in, traced};
use crate::support::tests::{Client, module};

/// A MiB of blocks, as a system with huge pages gives it.
const MEMORY_OF_THE_HASH_KIB: f64 = 2048.0;
const MIB: f64 = 1024.0 * 1024.0;

pub fn all(machines: &Machines, results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    goals.extend(accepted(results));
    goals.extend(wrong(results));
    goals.extend(hashing(results));
    goals.extend(flatness(results));
    goals.extend(loading(results));
    goals.extend(memory(machines, results));
    goals.extend(last_use(machines, results));
    goals
}

fn accepted(results: &Results) -> [Goal; 5] {
    let to = |one, other| {
        let [one, other] = [one, other].map(|name| &results.of(name).wall);
        one.over(other).median()
    };
    [
        at_most(
            "accepted login, default cost, forked, to pam_permit",
            to(OURS, PERMIT),
            3.0,
            2.5,
        ),
        at_most(
            "the same, to pam_userdb with plain text",
            to(OURS, USERDB),
            1.35,
            1.0,
        ),
        at_most(
            "the same, to pam_unix yescrypt",
            to(OURS, UNIX_YESCRYPT),
            1.0 / 25.0,
            1.0 / 32.0,
        ),
        at_most(
            "auth + account together, ours in both, forked, to pam_permit in both",
            to(BOTH_OURS, BOTH_PERMIT),
            3.6,
            3.0,
        ),
        at_most(
            "accepted through the helper, forked, to the same without it",
            to(HELPED, OURS),
            2.0,
            1.5,
        ),
    ]
}

fn wrong(results: &Results) -> [Goal; 3] {
    let [wrong, permit] = [WRONG_PASSWORD, PERMIT].map(|name| results.of(name));
    let forked = wrong.wall.over(&permit.wall).median();
    let worker = wrong.worker.over(&permit.worker).median();
    let beside_permit = |name| results.instructions(name) - results.instructions(PERMIT);
    let hashes = (beside_permit(WRONG_LARGE) / beside_permit(HASH)).floor();
    [
        at_most("wrong password, forked, to pam_permit", forked, 1.8, 1.5),
        at_most("wrong password, worker, to pam_permit", worker, 2.7, 2.0),
        exactly(
            "wrong password: argon2 calls, by instructions",
            &hashes.to_string(),
            "0",
        ),
    ]
}

fn hashing(results: &Results) -> [Goal; 2] {
    let wall = |name| &results.of(name).wall;
    let allocation = wall(OURS_19).over(wall(OURS_19_CRATE)).median();
    let rest = wall(OURS).minus(wall(HASH)).over(wall(PERMIT)).median();
    [
        at_most(
            "accepted login at 19 MiB/2/1, to the same module with the crate's own allocation",
            allocation,
            0.66,
            0.45,
        ),
        at_most(
            "accepted login minus a module that does nothing but the same hash, to pam_permit",
            rest,
            1.0,
            0.6,
        ),
    ]
}

/// What must not depend on how much there is.
fn flatness(results: &Results) -> [Goal; 4] {
    let walls = |large, small| {
        let [large, small] = [large, small].map(|name| &results.of(name).wall);
        large.over(small).median()
    };
    let counts = |large, small| results.instructions(large) / results.instructions(small);
    [
        at_most(
            "wrong password, 1,000,000 entries to 10: wall",
            walls(WRONG_LARGE, WRONG_SMALL),
            1.05,
            1.02,
        ),
        at_most(
            "wrong password, 1,000,000 entries to 10: instructions",
            counts(WRONG_LARGE, WRONG_SMALL),
            1.03,
            1.02,
        ),
        at_most(
            "25 passwords of the user to 1: wall",
            walls(OURS_25, OURS),
            1.05,
            1.0,
        ),
        at_most(
            "25 passwords of the user to 1: instructions",
            counts(OURS_25, OURS),
            1.02,
            1.0,
        ),
    ]
}

fn loading(results: &Results) -> [Goal; 3] {
    let permit = &results.of(PERMIT).wall;
    // Not a ratio in each round: the difference of the module in C is so small that in some it is next to nothing.
    let loading = |name| results.of(name).wall.minus(permit).median();
    let ratio = loading(LOADING) / loading(LOADING_C);
    let size = fs::metadata(module()).unwrap().len() as f64 / MIB;
    [
        at_most(
            "loading the module, to a module in C that returns 0",
            ratio,
            2.0,
            1.4,
        ),
        at_most("stripped size, MiB", size, 1.7, 1.3),
        exactly("needed libraries", &needed_libraries(), "libc libpam"),
    ]
}

/// Without the loader, which every program has already.
fn needed_libraries() -> String {
    let dynamic = said(Command::new("readelf").arg("--dynamic").arg(module()), &[]);
    let names = dynamic.lines().filter_map(|line| {
        let name = line.split_once("Shared library: [")?.1;
        name.split_once(".so").map(|(name, _)| name)
    });
    let mut names: Vec<&str> = names.filter(|name| !name.starts_with("ld-")).collect();
    names.sort_unstable();
    names.join(" ")
}

fn memory(machines: &Machines, results: &Results) -> [Goal; 2] {
    let peak = results
        .of(OURS)
        .peak
        .minus(&results.of(PERMIT).peak)
        .median();
    let beside = (peak - MEMORY_OF_THE_HASH_KIB) / 1024.0;
    let usual = &machines.usual;
    let login = Login::new(&usual.machine, SERVICE, USER, &usual.password);
    let growth = login.growth(10_000);
    [
        at_most(
            "peak memory minus pam_permit's minus that of the hash, MiB",
            beside,
            2.5,
            1.7,
        ),
        at_most(
            "growth over 10,000 logins in one worker, KiB",
            growth,
            64.0,
            0.0,
        ),
    ]
}

fn last_use(machines: &Machines, results: &Results) -> [Goal; 3] {
    let wall = |name| &results.of(name).wall;
    let cost = wall(DUE).minus(wall(NOT_DUE)).over(wall(PERMIT)).median();
    let usual = &machines.usual;
    was_used(&usual.machine, LONG_AGO);
    let waits = calls(usual, "fsync,fdatasync");
    // It is noted now.
    let writes = calls(usual, "pwrite64,ftruncate");
    [
        at_most(
            "last-used write, due minus not due, to pam_permit",
            cost,
            0.3,
            0.15,
        ),
        exactly(
            "last-used write, due: waits for the disk",
            &waits.to_string(),
            "0",
        ),
        exactly("last-used write, not due: writes", &writes.to_string(), "0"),
    ]
}

/// How often a login makes one of these calls.
fn calls(filled: &Filled, names: &str) -> usize {
    let trace = filled.machine.path("trace");
    let client = filled.machine.client(SERVICE, USER).command;
    let watched = Client::from(traced(client, names, &trace));
    let login = watched.password(&filled.password).run(&["authenticate"]);
    assert_eq!(login.status, Some(0), "{login:?}");
    trace_in(&trace).matches(" = ").count()
}
