//! How the module is linked.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    // libpam unloads a module at every pam_end. Code that may have left a thread-local destructor
    // or a panic hook behind must not disappear from under it, so the module stays mapped. A
    // long-lived host then loads it once.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    link_the_unwinder_in();
}

/// What unwinds a panic is some 60 KiB of libgcc. As a library of its own it is loaded at every login
/// of a host that forks, which takes longer than the look into the store. std asks for it by the
/// name of the shared library; the linker finds this file first.
fn link_the_unwinder_in() {
    let script = "INPUT(-lgcc_eh -lgcc)\n";
    let out = env::var("OUT_DIR").unwrap_or_default();
    match fs::write(Path::new(&out).join("libgcc_s.so"), script) {
        Ok(()) => println!("cargo::rustc-link-search=native={out}"),
        Err(error) => println!("cargo::warning=libgcc stays a shared library: {error}"),
    }
}
