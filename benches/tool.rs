//! `cargo bench --bench tool`: what the verbs cost, beside `sqlite3` doing the same to the same rows.

#![allow(clippy::unwrap_used)] // a step that fails ends it

mod support;

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use support::child::{Spent, fork};
use support::goal::{self, Goal, at_most};
use support::login::micros;
use support::private;
use support::report::{Page, number, row};
use support::rounds::{self, Series};
use support::store::filled;
use support::tests::Machine;
use support::tests::machine::set_mode;

const ENTRIES: usize = 1_000_000;
const IMPORTED: usize = 100_000;

/// A verb, and the same by `sqlite3`.
#[derive(Default)]
struct Pair {
    what: &'static str,
    ours: Measured,
    sqlite: Measured,
}

#[derive(Default)]
struct Measured {
    wall: Series,
    peak: Series,
}

impl Measured {
    fn push(&mut self, spent: &Spent) {
        self.wall.push(micros(spent.wall));
        self.peak.push(spent.peak_kib);
    }
}

impl Pair {
    fn of(what: &'static str) -> Pair {
        Pair {
            what,
            ..Pair::default()
        }
    }

    fn ratio(&self) -> f64 {
        self.ours.wall.over(&self.sqlite.wall).median()
    }
}

fn main() {
    private::enter(&["sqlite3"], || ());
    let large = filled(ENTRIES, "policy.max_per_user = 0").machine;
    let mut list = Pair::of("list --json of 1,000,000 entries");
    let mut create = Pair::of("create, among 1,000,000 entries");
    let mut revoke = Pair::of("revoke, among 1,000,000 entries");
    let mut import = Pair::of("import of 100,000 entries");
    let moved = moved();
    let mut number = 0;
    let rounds = rounds::each(10, || {
        number += 1;
        measure_list(&large, &mut list);
        measure_change(&large, number, &mut create, &mut revoke);
        measure_import(&moved, &mut import);
    });
    report(&[list, create, revoke, import], rounds);
}

fn report(pairs: &[Pair], rounds: usize) {
    let mut page = Page::begin("tool", "The tool", rounds);
    page.text("Each verb as a process of its own, beside one of `sqlite3` that does the same to the same rows.");
    let rows: Vec<_> = pairs
        .iter()
        .map(|pair| {
            let medians =
                [&pair.ours.wall, &pair.sqlite.wall].map(|series| number(series.median() / 1000.0));
            let peak = number(pair.ours.peak.median() / 1024.0);
            row([pair.what.to_owned(), number(pair.ratio())]
                .into_iter()
                .chain(medians)
                .chain([peak]))
        })
        .collect();
    page.table(
        &["verb", "to sqlite3", "ms", "sqlite3, ms", "peak, MiB"],
        &rows,
    );
    page.text("## What is to be reached");
    page.table(&goal::HEAD, &goal::rows(&goals(pairs)));
    page.end();
}

fn goals(pairs: &[Pair]) -> Vec<Goal> {
    let bounds = [("list", 1.5, 0.8), ("import", 3.0, 2.0)];
    let goal = |(verb, reach, stretch)| {
        let pair = pairs.iter().find(|pair| pair.what.starts_with(verb))?;
        let what = format!("{}, to sqlite3", pair.what);
        Some(at_most(&what, pair.ratio(), reach, stretch))
    };
    bounds.into_iter().filter_map(goal).collect()
}

/// Everybody's.
fn measure_list(machine: &Machine, pair: &mut Pair) {
    pair.ours
        .push(&run(machine.tool_command(&["list", "--json"])));
    let rows = "SELECT id, user, label, services, networks, created_at, created_by, expires, disabled, revoked_at,
                revoked_by, revoked_why, replaces, replaced_by FROM credential WHERE revoked_at IS NULL ORDER BY id";
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg("-json").arg(machine.store()).arg(rows);
    pair.sqlite.push(&run(sqlite));
}

/// One app password is made and revoked, and so is another one by hand.
fn measure_change(machine: &Machine, number: u32, create: &mut Pair, revoke: &mut Pair) {
    let label = format!("app {number}");
    let user = "changing";
    create.ours.push(&run(
        machine.tool_command(&["create", user, "--label", &label])
    ));
    revoke
        .ours
        .push(&run(machine.tool_command(&["revoke", user, &label])));
    let event = |action| {
        format!(
            "INSERT INTO event (at, by, action, user, entry, detail) VALUES (1, 'root', '{action}', '{user}', 1, '')"
        )
    };
    let insert = format!(
        "INSERT INTO credential (user, label, key, tag, hash, services, networks, created_at, created_by)
         VALUES ('{user}', 'by hand {number}', 1, 1, 'hash', 'mail', '', 1, 'root'); {}",
        event("created")
    );
    let update = format!(
        "UPDATE credential SET revoked_at = 1, revoked_by = 'root', revoked_why = 'by hand'
         WHERE user = '{user}' AND label = 'by hand {number}'; {}",
        event("revoked")
    );
    create.sqlite.push(&run(transaction(machine, &insert)));
    revoke.sqlite.push(&run(transaction(machine, &update)));
}

/// As durable as ours.
fn transaction(machine: &Machine, sql: &str) -> Command {
    let mut sqlite = Command::new("sqlite3");
    let pragmas = "PRAGMA journal_mode = PERSIST; PRAGMA synchronous = FULL;";
    sqlite.arg(machine.store());
    sqlite.arg(format!("{pragmas} BEGIN IMMEDIATE; {sql}; COMMIT;"));
    sqlite
}

/// A machine whose entries are moved to others, as `export` and as `sqlite3` have written them.
fn moved() -> Machine {
    let source = filled(IMPORTED, "").machine;
    let written = |mut command: Command, name: &str| {
        let file = File::create(source.path(name)).unwrap();
        set_mode(&source.path(name), 0o600);
        command.stdout(file).stderr(Stdio::null());
        assert!(command.status().unwrap().success());
    };
    written(source.tool_command(&["export", "--with-key"]), EXPORTED);
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg("-csv").arg(source.store());
    sqlite.arg(format!("SELECT {COLUMNS} FROM credential"));
    written(sqlite, ROWS);
    source
}

const EXPORTED: &str = "exported";
const ROWS: &str = "rows.csv";
const COLUMNS: &str = "id, user, label, key, tag, hash, services, networks, created_at, created_by, expires, disabled";

/// Into a store that is empty, each time another one. `sqlite3` keeps the indexes, and leaves out the checks.
fn measure_import(source: &Machine, pair: &mut Pair) {
    let [one, other] = [(); 2].map(|()| Machine::new());
    let mut import = one.tool_command(&["import", "--with-key"]);
    import.arg(source.path(EXPORTED));
    pair.ours.push(&run(import));
    let tables = format!(
        "CREATE TABLE credential ({});
         CREATE INDEX by_tag ON credential (user, tag);
         CREATE UNIQUE INDEX by_label ON credential (user, label);",
        COLUMNS.replacen("id", "id INTEGER PRIMARY KEY", 1)
    );
    let import = format!(".import --csv {} credential", source.path(ROWS).display());
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(other.path("copy.db")).args([tables, import]);
    pair.sqlite.push(&run(sqlite));
}

/// Runs a program to its end, in the place of a child, so that its cost is the child's.
fn run(mut command: Command) -> Spent {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let spent = fork(|| {
        let _ = command.exec();
        false
    });
    assert!(spent.done, "{command:?}");
    spent
}
