//! Every outside thing has one door, and arrows run one way: the edges know the core, the core knows no
//! edge. Read from the source, without comments and without the unit tests at the end of a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

#[allow(unreachable_pub)] // what else includes it is of many parts
#[path = "support/source.rs"]
mod source;

use std::fs;
use std::path::Path;

use source::rust_files;

/// A crate, or a call, and the only files that may name it. A name that ends in `/` is a folder.
const DOORS: [(&str, &[&str]); 24] = [
    ("pamsm", &["pam.rs", "pam/"]),
    ("rusqlite", &["store.rs", "store/", "usage.rs", "usage/"]),
    ("toml::", &["config.rs"]),
    ("argon2", &["hash.rs", "hash/"]),
    ("blake2", &["hash.rs", "hash/"]),
    ("use syslog", &["syslog.rs"]),
    ("getrandom", &["random.rs"]),
    ("memmap2", &["hash/"]),
    ("clap", &["cli.rs", "cli/", "web/main.rs"]),
    ("serde_json", &["cli.rs", "cli/", "web/entry.rs"]),
    ("comfy_table", &["cli/table.rs"]),
    ("indicatif", &["cli/progress.rs"]),
    ("nix", &["cli.rs", "cli/"]),
    ("askama", &["web/page.rs", "web/pages/", "web/trouble.rs"]),
    ("axum", &["web/"]),
    ("form_urlencoded", &["web/form.rs"]),
    ("hyper", &["web/arriving.rs", "web/server.rs"]),
    ("rustls", &["web/tls.rs"]),
    ("tokio", &["web/"]),
    ("SystemTime", &["clock.rs"]),
    ("Instant", &["helper.rs", "cli/", "web/"]),
    (
        "unsafe",
        &[
            "pam/items.rs",
            "pam/message.rs",
            "hash/avx2.rs",
            "hash/memory.rs",
            "cli/converse/libpam.rs",
            "cli/converse/process.rs",
        ],
    ),
    ("no_mangle", &[]),
    ("lazy_static", &[]),
];

/// What each module of the core may name of ours. `clock` gives it the type of a time, never the time.
const CORE: [(&str, &[&str]); 8] = [
    ("credential", &["clock"]),
    ("password", &["error"]),
    ("hash", &["credential", "error", "password"]),
    ("policy", &["clock", "credential"]),
    ("ticket", &["clock", "credential", "hash"]),
    ("fingerprint", &["credential", "hash"]),
    ("arguments", &["credential"]),
    ("audit", &["arguments", "credential", "error", "policy"]),
];

/// What may not happen in the core.
const OUTSIDE_THE_CORE: [&str; 7] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "clock::now",
    "println!",
    "static mut",
];

/// What may not happen anywhere in the module: see what a guest may do in the process of its host.
const NEVER_IN_THE_MODULE: [&str; 9] = [
    "println!",
    "eprintln!",
    "dbg!",
    "std::thread",
    "process::Command",
    "process::exit",
    "set_var",
    "env::var",
    "set_current_dir",
];

#[test]
fn every_outside_thing_has_one_door() {
    for (name, code) in source() {
        for (thing, doors) in DOORS {
            let allowed = doors
                .iter()
                .any(|door| name == *door || (door.ends_with('/') && name.starts_with(door)));
            assert!(allowed || !names(&code, thing), "src/{name} names {thing}");
        }
    }
}

#[test]
fn every_door_is_used() {
    for (thing, doors) in DOORS.iter().filter(|(_, doors)| !doors.is_empty()) {
        let used = source().iter().any(|(_, code)| names(code, thing));
        assert!(used, "nothing names {thing} any more: {doors:?}");
    }
}

#[test]
fn the_core_knows_no_edge() {
    for (module, known) in CORE {
        for (name, code) in files_of(module) {
            for other in modules()
                .iter()
                .filter(|other| *other != module && !known.contains(&other.as_str()))
            {
                assert!(
                    !names(&code, &format!("crate::{other}")),
                    "src/{name} names {other}"
                );
            }
            for outside in OUTSIDE_THE_CORE {
                assert!(!names(&code, outside), "src/{name} names {outside}");
            }
        }
    }
}

#[test]
fn the_module_does_nothing_that_a_guest_may_not() {
    for (name, code) in source()
        .into_iter()
        .filter(|(name, _)| !is_of_the_tool(name))
    {
        for thing in NEVER_IN_THE_MODULE {
            assert!(!names(&code, thing), "src/{name} names {thing}");
        }
        assert!(!names(&code, "crate::cli"), "src/{name} names the tool");
    }
}

#[test]
fn only_authenticate_and_pam_know_the_whole_of_a_login() {
    for (name, code) in source()
        .into_iter()
        .filter(|(name, _)| !is_of_the_tool(name))
    {
        let may = ["authenticate.rs", "pam.rs"].contains(&name.as_str());
        assert!(
            may || !names(&code, "crate::authenticate"),
            "src/{name} names authenticate"
        );
        assert!(!names(&code, "crate::pam"), "src/{name} names pam");
    }
}

/// The page has no rights: whatever needs some it asks of the helper.
#[test]
fn the_page_knows_neither_the_store_nor_how_an_app_password_is_judged() {
    let known = [
        "audit",
        "clock",
        "config",
        "credential",
        "error",
        "helper",
        "random",
    ];
    for (name, code) in source()
        .into_iter()
        .filter(|(name, _)| is_of_the_page(name))
    {
        for module in modules()
            .iter()
            .filter(|module| !known.contains(&module.as_str()))
        {
            for way in ["pam_app_passwd::", "pam_app_passwd::{"] {
                assert!(
                    !names(&code, &format!("{way}{module}")),
                    "src/{name} names {module}"
                );
            }
        }
        for thing in ["std::fs", "process::Command", "std::env"] {
            assert!(!names(&code, thing), "src/{name} names {thing}");
        }
        // It makes its own socket.
        let may = name == "web/listener.rs";
        assert!(may || !names(&code, "rustix::fs"), "src/{name} names files");
    }
}

#[test]
fn a_pam_code_is_chosen_in_one_file() {
    for (name, code) in source() {
        assert!(
            name.starts_with("pam") || !names(&code, "PamError"),
            "src/{name} chooses a PAM code"
        );
    }
}

#[test]
fn the_tests_have_their_unsafe_code_in_two_files() {
    let doors = ["support/pam.rs", "support/pam_client.rs"];
    // Not this file, whose text names the word.
    for (name, code) in code_below("tests")
        .into_iter()
        .filter(|(name, _)| name != "boundaries.rs")
    {
        assert!(
            doors.contains(&name.as_str()) || !names(&code, "unsafe"),
            "tests/{name} has unsafe code"
        );
    }
}

#[test]
fn the_benchmarks_have_their_unsafe_code_in_one_file() {
    for (name, code) in code_below("benches") {
        assert!(
            name == "support/child.rs" || !names(&code, "unsafe"),
            "benches/{name} has unsafe code"
        );
    }
}

#[test]
fn no_function_is_longer_than_a_page_and_no_file_longer_than_a_chapter() {
    for (name, code) in source() {
        let lines: Vec<&str> = code.lines().collect();
        assert!(lines.len() <= 400, "src/{name} has {} lines", lines.len());
        for (start, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| names(line, "fn"))
        {
            let (indent, _) = line.split_at(line.len() - line.trim_start().len());
            let end = lines[start..]
                .iter()
                .position(|line| *line == format!("{indent}}}"));
            assert!(
                end.unwrap_or(0) <= 60,
                "src/{name}: {} has {end:?} lines",
                line.trim()
            );
        }
    }
}

/// The library's and the tool's code, by the file's name below `src`.
fn source() -> Vec<(String, String)> {
    code_below("src")
}

fn is_of_the_tool(name: &str) -> bool {
    name == "main.rs" || name == "cli.rs" || name.starts_with("cli/") || is_of_the_page(name)
}

fn is_of_the_page(name: &str) -> bool {
    name.starts_with("web/")
}

/// A module's file, and those in its folder.
fn files_of(module: &str) -> Vec<(String, String)> {
    let (file, folder) = (format!("{module}.rs"), format!("{module}/"));
    source()
        .into_iter()
        .filter(|(name, _)| *name == file || name.starts_with(&folder))
        .collect()
}

/// The modules that the map of the crate names.
fn modules() -> Vec<String> {
    let (_, map) = source()
        .into_iter()
        .find(|(name, _)| name == "lib.rs")
        .unwrap();
    let names = map
        .lines()
        .filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

fn code_below(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = rust_files(&root).into_iter();
    let name = |file: &Path| file.strip_prefix(&root).unwrap().display().to_string();
    files
        .map(|file| (name(&file), code(&fs::read_to_string(&file).unwrap())))
        .collect()
}

/// Without comments and without the unit tests.
fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.to_owned() + "\n")
        .collect()
}

/// Whether `code` has `thing`, as a word where it ends like one.
fn names(code: &str, thing: &str) -> bool {
    let of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts_whole = |at: usize| !code.split_at(at).0.ends_with(of_a_word);
    let ends_whole = |at: usize| {
        !thing.ends_with(of_a_word) || !code.split_at(at + thing.len()).1.starts_with(of_a_word)
    };
    code.match_indices(thing)
        .any(|(at, _)| starts_whole(at) && ends_whole(at))
}
