//! How the module is linked.

fn main() {
    println!("cargo::rerun-if-changed=packaging/build.rs");
    // libpam unloads a module at every pam_end. Code that may have left a thread-local destructor
    // or a panic hook behind must not disappear from under it, so the module stays mapped.
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
}
