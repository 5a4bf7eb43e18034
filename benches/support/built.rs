//! The modules that a login of ours is compared with, built from this source.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tests::machine::{cargo, client, profile_directory, target_directory};

/// Builds them all, and the PAM client.
pub fn all() {
    hash_only();
    let build = [
        "rustc",
        "--quiet",
        "--locked",
        "--lib",
        "--no-default-features",
    ];
    let mut module = cargo(&build, &other_target());
    succeeds(module.args(["--", "--cfg", "crate_allocation"]));
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-shared", "-fPIC", "-s", "-o"]);
    succeeds(gcc.arg(module_that_returns_0()).arg(source("returns_0.c")));
    client();
}

/// Builds the one that hashes and does nothing else.
pub fn hash_only() {
    let mut build = cargo(&["build", "--quiet", "--locked"], &target_directory());
    succeeds(build.args(["--no-default-features", "--example", "hash-only"]));
}

/// Hashes and does nothing else.
pub fn module_that_hashes() -> PathBuf {
    profile_directory().join("examples/libhash_only.so")
}

/// Ours, but argon2's memory is what its crate allocates.
pub fn module_with_crate_allocation() -> PathBuf {
    other_target().join("release/libpam_app_passwd.so")
}

/// A module in C that does nothing.
pub fn module_that_returns_0() -> PathBuf {
    profile_directory().join("examples/pam_returns_0.so")
}

/// Cargo would put it where ours is.
fn other_target() -> PathBuf {
    target_directory().join("crate-allocation")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/support")
        .join(name)
}

fn succeeds(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
