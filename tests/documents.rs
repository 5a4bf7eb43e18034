//! The documents say what the programs do: the sample configuration is the defaults, and every verb and
//! option is in the README. What is in the man pages is tested in `man_pages.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::machine::run;
use support::{Machine, TOOL};

#[test]
fn the_sample_configuration_parses() {
    let machine = Machine::new();
    let state = format!("state_dir = \"{}\"\n", machine.state().display());
    machine.write_config(&sample());
    // Its state directory is the real one; without a store it would be empty, with one it is not ours.
    machine.write_config(&(state.clone() + &without_state_dir(&sample())));
    machine.tool(&["list"]).succeeds();
    machine.write_config(&(state + &without_state_dir(&uncommented(&sample()))));
    machine.tool(&["list"]).succeeds();
}

#[test]
fn the_sample_configuration_says_the_defaults() {
    let sample: toml::Table = uncommented(&sample()).parse().unwrap();
    let defaults: toml::Table = DEFAULTS.parse().unwrap();
    for (section, expected) in &defaults {
        let said = sample.get(section);
        match expected.as_table() {
            None => assert_eq!(said, Some(expected), "{section}"),
            Some(keys) => {
                for (key, expected) in keys {
                    let said = said.and_then(|section| section.get(key));
                    assert_eq!(said, Some(expected), "{section}.{key}");
                }
            }
        }
    }
}

#[test]
fn the_defaults_are_what_the_tool_does_without_a_configuration() {
    // The same entry, made under an empty configuration and under the sample.
    let entry_under = |text: &str| {
        let machine = Machine::new();
        machine.write_config(&format!(
            "state_dir = \"{}\"\n{text}",
            machine.state().display()
        ));
        machine
            .tool(&["create", "root", "--label", "phone"])
            .succeeds();
        let mut entry = machine.show("root", "phone");
        let _created = entry["created"].take();
        let hash = machine.dump();
        let parameters = hash.split('$').nth(3).unwrap_or_default().to_owned();
        (entry, parameters)
    };
    let plain = entry_under("");
    assert_eq!(plain.1, "m=1024,t=1,p=1");
    assert_eq!(plain.0["services"], serde_json::json!(["mail"]));
    assert_eq!(
        entry_under(&without_state_dir(&uncommented(&sample()))),
        plain
    );
}

/// What a missing configuration means; the file of it has more: comments, and what a value looks like.
const DEFAULTS: &str = r#"
state_dir = "/var/lib/app-passwd"

[hash]
memory_kib = 1024
passes = 1
lanes = 1

[policy]
max_per_user = 25
max_lifetime = "none"
idle_expiry = "none"
keep_revoked = "365d"
keep_events = "730d"
on_password_change = "revoke"
virtual_users = false
default_services = ["mail"]
protected_services = []
protected_except = []

[services]
mail = ["imap", "pop3", "pop", "smtp", "submission", "sieve", "managesieve", "dovecot", "exim"]

[on_revoke]
run = []

[notify]
command = []

[self_service]
enabled = false
groups = []
services = ["mail"]
scopes = true
max_lifetime = "none"
admin_groups = []
web_user = "app-passwd-web"
"#;

#[test]
fn every_verb_and_option_is_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for verb in verbs() {
        assert!(readme.contains(&verb), "nothing about {verb}");
        for option in options_of(&verb) {
            assert!(readme.contains(&option), "nothing about {verb} {option}");
        }
    }
}

#[test]
fn stacks_name_arguments_that_exist() {
    let known = [
        "debug",
        "use_first_pass",
        "try_first_pass",
        "quiet",
        "log_failures",
        "nodelay",
    ];
    for stack in files_in("pam.d") {
        for line in fs::read_to_string(&stack).unwrap().lines() {
            let Some((_, arguments)) = line.split_once("pam_app_passwd.so") else {
                continue;
            };
            let arguments = arguments.split('#').next().unwrap().split_whitespace();
            let unknown: Vec<&str> = arguments
                .filter(|argument| !known.contains(argument) && !argument.contains('='))
                .collect();
            assert!(
                line.trim_start().starts_with('#') || unknown.is_empty(),
                "{}: {unknown:?}",
                stack.display()
            );
        }
    }
}

// -- what there is to read

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sample() -> String {
    fs::read_to_string(root().join("packaging/app-passwd.toml")).unwrap()
}

/// The sample with every setting in force: `#key = value` and `#[section]`, but not `# a sentence`.
fn uncommented(sample: &str) -> String {
    let line = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| !rest.starts_with(' '))
            .unwrap_or(line)
            .to_owned()
            + "\n"
    };
    sample.lines().map(line).collect()
}

fn without_state_dir(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("state_dir"))
        .map(|line| line.to_owned() + "\n")
        .collect()
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect()
}

/// What the tool's own help says it can do.
fn verbs() -> Vec<String> {
    let help = help(&["--help"]);
    let commands = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    commands
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect()
}

fn options_of(verb: &str) -> Vec<String> {
    let help = help(&[verb, "--help"]);
    let options = help.split("Options:\n").nth(1).unwrap();
    let words = options
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
    words
        .filter(|word| *word != "--help")
        .map(str::to_owned)
        .collect()
}

fn help(arguments: &[&str]) -> String {
    let mut tool = Command::new(TOOL);
    tool.args(arguments);
    run(tool, b"").succeeds()
}
