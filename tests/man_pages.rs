//! The man pages have an entry for everything there is: verbs, options, fields, arguments, reasons and
//! keys; and the configuration in them is sound.

#![allow(clippy::unwrap_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pam_app_passwd::config::Config;
use pam_app_passwd::policy::{PROTECTED, SELF_SERVICE};
use serde_json::Value as Json;
use support::machine::run;
use support::source::rust_files;
use support::{Machine, TOOL, WRONG, cannot_run};

// -- app-passwd(8)

#[test]
fn every_verb_has_an_entry() {
    let commands = Page::read("app-passwd.8").part("COMMANDS");
    for verb in verbs() {
        assert!(commands.has_entry(&verb), "nothing about {verb}");
    }
}

#[test]
fn every_long_option_has_an_entry() {
    let options = Page::read("app-passwd.8").part("OPTIONS");
    let verbs = verbs();
    let of_verbs = verbs.iter().map(|verb| help(&[verb, "--help"]));
    for text in of_verbs.chain([help(&["--help"])]) {
        for option in long_options(&text) {
            assert!(options.has_entry(option), "nothing about {option}");
        }
    }
}

#[test]
fn every_field_of_the_json_has_an_entry() {
    let output = Page::read("app-passwd.8").part("OUTPUT");
    let machine = Machine::new();
    let created = machine
        .tool(&["create", "root", "--label", "phone", "--json"])
        .json();
    let revoked = machine.tool(&["revoke", "root", "phone", "--json"]).json();
    let check = machine.tool_reading(WRONG.as_bytes(), &["check", "root", "--json"]);
    let answer: Json = serde_json::from_str(&check.stdout).unwrap();
    let log = machine.tool(&["log", "--json"]).json();
    let status = machine.tool(&["status", "--json"]).json();
    for object in [
        &revoked[0],
        &revoked[0]["revoked"],
        &answer,
        &log[0],
        &status,
    ] {
        for field in object.as_object().unwrap().keys() {
            assert!(output.has_entry(field), "nothing about {field}");
        }
    }
    let mut fields = created.as_object().unwrap().keys();
    let only_here: Vec<&String> = fields
        .by_ref()
        .filter(|field| revoked[0].get(field).is_none())
        .collect();
    assert_eq!(only_here, ["password"]);
}

#[test]
fn every_field_of_doctor_has_an_entry() {
    if cannot_run(&["root"]) {
        return;
    }
    let output = Page::read("app-passwd.8").part("OUTPUT");
    let ran = Machine::new().tool(&["doctor", "--json", "--pam-dir", "/no/such/directory"]);
    let answer: Json = serde_json::from_str(&ran.stdout).unwrap();
    for object in [&answer, &answer["findings"][0]] {
        for field in object.as_object().unwrap().keys() {
            assert!(output.has_entry(field), "nothing about {field}");
        }
    }
}

#[test]
fn every_check_of_doctor_has_an_entry() {
    let source = source("cli/doctor/finding.rs");
    let words = quoted_words(between(&source, "const fn as_str(self)", "\n    }"));
    assert!(words.contains(&"stack".to_owned()), "{words:?}");
    let page = Page::read("app-passwd.8").part("What doctor looks at");
    for check in words {
        assert!(page.has_entry(&check), "nothing about {check}");
    }
}

#[test]
fn every_action_of_an_event_is_named_and_shown_in_the_log() {
    let page = Page::read("app-passwd.8");
    let named = page.part("OUTPUT").entry("action").unwrap();
    let lines = page.part("Log").displays().concat();
    let actions = actions();
    assert!(actions.contains("imported"), "{actions:?}");
    for action in actions {
        assert!(named.contains(&format!(".Ql {action} ")), "no {action}");
        let begins = format!("{action}; ");
        let shown = lines.lines().any(|line| line.starts_with(&begins));
        assert!(shown, "no line of {action}");
    }
}

#[test]
fn every_exit_status_has_an_entry() {
    let statuses = Page::read("app-passwd.8").part("EXIT STATUS");
    let source = source("cli/failure.rs");
    let codes = between(&source, "enum Code {", "\n}");
    for code in codes.lines().filter_map(|line| line.split_once(" = ")) {
        let number = code.1.trim_end_matches(',');
        assert!(statuses.has_entry(number), "nothing about {number}");
    }
}

// -- app-passwd-web(8)

#[test]
fn every_key_and_option_of_the_page_has_an_entry() {
    let page = Page::read("app-passwd-web.8");
    let sample = include_str!("../packaging/web/app-passwd-web.toml");
    let keys = sample.lines().filter_map(|line| {
        let (key, _) = line.strip_prefix('#')?.split_once(" = ")?;
        (!key.contains(' ')).then_some(key)
    });
    let configuration = page.part("CONFIGURATION");
    for key in keys {
        assert!(configuration.text().contains(key), "nothing about {key}");
    }
    let source = source("web/main.rs");
    let arguments = between(&source, "struct Arguments {", "\n}");
    for field in arguments.lines().filter(|line| line.ends_with(',')) {
        let option = format!("--{}", field.trim().split(':').next().unwrap());
        assert!(
            page.part("OPTIONS").has_entry(&option),
            "nothing about {option}"
        );
    }
}

// -- pam_app_passwd(8)

#[test]
fn every_argument_of_the_module_has_an_entry() {
    let page = Page::read("pam_app_passwd.8");
    let (synopsis, options) = (page.part("SYNOPSIS"), page.part("OPTIONS"));
    let source = source("arguments.rs");
    let taken = quoted_words(between(&source, "fn take(", "\n    }"));
    assert!(taken.contains(&"debug".to_owned()), "{taken:?}");
    for argument in taken {
        let with_value = format!("{argument}=");
        let known = options.has_entry(&argument) || options.has_entry(&with_value);
        assert!(known, "nothing about {argument}");
        assert!(synopsis.text().contains(&argument), "no {argument}");
    }
}

#[test]
fn every_reason_has_an_entry_in_the_order_of_judging() {
    let source = source("policy.rs");
    let words = quoted_words(between(&source, "const fn as_str(self)", "\n    }"));
    assert!(words.contains(&"revoked".to_owned()), "{words:?}");
    let page = Page::read("pam_app_passwd.8").part("What a refused line means");
    let described: Vec<String> = page.entries().map(|entry| entry.join(" ")).collect();
    // Of a login whose entry is gone.
    assert_eq!(described, [words, vec!["unknown".to_owned()]].concat());
}

// -- app-passwd.toml(5)

#[test]
fn every_key_has_an_entry_with_its_default() {
    let page = Page::read("app-passwd.toml.5");
    for (table, key, default) in settings() {
        let entry = page.part(&table).entry(&key);
        let entry = entry.unwrap_or_else(|| panic!("nothing about {key} in {table}"));
        let expected = format!("Default: {default}.");
        assert!(entry.contains(&expected), "{key}: not {expected}");
    }
}

#[test]
fn every_protected_service_is_listed() {
    let keys = Page::read("app-passwd.toml.5").part("[policy]").text();
    for service in PROTECTED.iter().chain([&SELF_SERVICE]) {
        let listed = keys.lines().any(|line| {
            let line = line.strip_prefix(".Cm ").unwrap_or_default();
            line.trim_end_matches([' ', ',', '.']) == *service
        });
        assert!(listed, "nothing about {service}");
    }
}

#[test]
fn every_example_of_the_configuration_is_sound() {
    let page = Page::read("app-passwd.toml.5");
    let mut tables: Vec<String> = settings().into_iter().map(|(table, ..)| table).collect();
    tables.dedup();
    for table in tables {
        let header = if table.starts_with('[') { &table } else { "" };
        let examples = page.part(&table).displays();
        assert!(!examples.is_empty(), "{table}: no example");
        for example in examples {
            assert_is_configuration(&format!("{header}\n{example}"));
        }
    }
    let whole = &page.part("EXAMPLES").displays()[0];
    assert_is_configuration(whole);
}

#[track_caller]
fn assert_is_configuration(text: &str) {
    let machine = Machine::new();
    machine.write_config(text);
    let loaded = Config::load(&machine.config());
    assert!(loaded.is_ok(), "{text}: {loaded:?}");
    assert_ne!(loaded.unwrap(), Config::default(), "{text}: says nothing");
}

// -- what there is

/// The participles in what changes the store: in its own code, and where a verb tells a change its name.
fn actions() -> BTreeSet<String> {
    let mut code = source("store.rs");
    for file in rust_files(&root().join("src/store")) {
        code += &fs::read_to_string(file).unwrap();
    }
    for file in rust_files(&root().join("src/cli")) {
        let text = fs::read_to_string(file).unwrap();
        let changes = text.lines().filter(|line| line.contains("change."));
        code.extend(changes.map(|line| line.to_owned() + "\n"));
    }
    let words = code.lines().flat_map(quoted_words);
    words
        .filter(|word| word.ends_with("ed") && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect()
}

fn verbs() -> Vec<String> {
    let help = help(&["--help"]);
    let commands = between(&help, "Commands:\n", "\n\n");
    commands
        .lines()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

fn long_options(help: &str) -> impl Iterator<Item = &str> {
    let options = help.split("Options:\n").nth(1).unwrap();
    options
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
}

fn help(arguments: &[&str]) -> String {
    let mut tool = std::process::Command::new(TOOL);
    tool.args(arguments);
    run(tool, b"").succeeds()
}

/// Table, key and default of each setting of the sample: `#key = value` below `#[table]`.
fn settings() -> Vec<(String, String, String)> {
    let sample = fs::read_to_string(root().join("packaging/app-passwd.toml")).unwrap();
    let mut table = "Without a table".to_owned();
    let mut settings = Vec::new();
    for line in sample.lines().filter_map(|line| line.strip_prefix('#')) {
        if line.starts_with('[') {
            table = line.to_owned();
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with(' '))
        {
            settings.push((table.clone(), key.to_owned(), value.to_owned()));
        }
    }
    assert!(settings.len() > 10, "{settings:?}");
    settings
}

fn source(file: &str) -> String {
    fs::read_to_string(root().join("src").join(file)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let rest = text.split_once(begin).unwrap().1;
    rest.split_once(end).unwrap().0
}

fn quoted_words(code: &str) -> Vec<String> {
    code.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

// -- mdoc, as far as these pages use it

/// The lines of a page, or of a part of it, without escapes.
struct Page(Vec<String>);

impl Page {
    fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join("packaging/man").join(name)).unwrap();
        let escapes = [("\\&", ""), ("\\-", "-"), ("\\(dq", "\""), ("\\e", "\\")];
        let plain = escapes
            .iter()
            .fold(text, |text, (escape, meant)| text.replace(escape, meant));
        Self(plain.lines().map(str::to_owned).collect())
    }

    /// What stands below a heading: a section with its subsections, or a subsection.
    fn part(&self, heading: &str) -> Self {
        let mut lines = self.0.iter();
        let found = lines.find_map(|line| {
            let (level, title) = line.split_at_checked(4)?;
            (title == heading && [".Sh ", ".Ss "].contains(&level)).then_some(level)
        });
        let level = found.unwrap_or_else(|| panic!("no heading {heading}"));
        let ends = |line: &str| line.starts_with(".Sh ") || line.starts_with(level);
        Self(lines.take_while(|line| !ends(line)).cloned().collect())
    }

    fn text(&self) -> String {
        self.0.join("\n")
    }

    /// The head of each entry of a list, as words.
    fn entries(&self) -> impl Iterator<Item = Vec<String>> {
        self.0.iter().filter_map(|line| entry_head(line))
    }

    fn has_entry(&self, word: &str) -> bool {
        self.entries().any(|head| head.iter().any(|w| w == word))
    }

    /// What is said about `word`, in one line.
    fn entry(&self, word: &str) -> Option<String> {
        let is_about = |line: &String| entry_head(line).is_some_and(|head| head == [word]);
        let mut lines = self.0.iter().skip_while(|line| !is_about(line));
        lines.next()?;
        let body: Vec<&str> = lines
            .map(String::as_str)
            .take_while(|line| !line.starts_with(".It") && !line.starts_with(".El"))
            .collect();
        Some(body.join(" "))
    }

    /// What is shown as it is, between `.Bd` and `.Ed`.
    fn displays(&self) -> Vec<String> {
        let text = self.text() + "\n";
        let displays = text.split(".Bd -literal\n").skip(1);
        displays
            .map(|rest| rest.split(".Ed\n").next().unwrap().to_owned())
            .collect()
    }
}

/// `.It Fl \-from Ar net` is `--from net`.
fn entry_head(line: &str) -> Option<Vec<String>> {
    let mut head = Vec::new();
    let mut dash = "";
    for word in line.strip_prefix(".It ")?.split_whitespace() {
        match word {
            "Fl" => dash = "-",
            "Ar" | "Cm" | "Ev" | "Dv" | "Ns" | "Op" | "Pa" | "," => {}
            _ => head.push(std::mem::take(&mut dash).to_owned() + word),
        }
    }
    Some(head)
}
