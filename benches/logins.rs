//! `cargo bench --bench logins`: what a login costs through libpam, beside what else people log in with.
//!
//! | file | what is in it |
//! |---|---|
//! | `logins/machines.rs` | the machines, with all that is installed on them |
//! | `logins/rows.rs` | the rows: who logs in where |
//! | `logins/goals.rs` | what is to be reached |

#![allow(unreachable_pub)] // a program of several files
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a step that fails ends it

#[path = "logins/goals.rs"]
mod goals;
#[path = "logins/machines.rs"]
mod machines;
#[path = "logins/rows.rs"]
mod rows;
mod support;

use machines::Machines;
use rows::Results;
use support::picture::{Bar, bars};
use support::report::{Page, Row, number, row};
use support::{built, goal, private, rounds};

const NEEDS: [&str; 6] = [
    "gcc", "db_load", "oathtool", "readelf", "strace", "valgrind",
];

fn main() {
    private::enter(&NEEDS, built::all);
    let machines = Machines::new();
    let mut results = Results::default();
    let rounds = rounds::each(60, || results.round(&machines));
    results.count_instructions(&machines);
    let mut page = Page::begin("logins", "Logins", rounds);
    page.text(
        "Through the real libpam. If nothing else is said the password is right, and app-passwd has 10,000 entries and \
         the default configuration. *Forked*: a child for each login, as sshd does it, from before the fork to after \
         the wait. *Worker*: one of many in one process, as Dovecot does it. CPU and peak memory are those of the \
         forked child.",
    );
    page.picture("logins.svg", &picture(&results));
    page.table(&HEAD, &table(&results));
    page.text("## What is to be reached");
    page.table(&goal::HEAD, &goal::rows(&goals::all(&machines, &results)));
    page.end();
}

const HEAD: [&str; 6] = [
    "login by",
    "forked, to pam_permit",
    "forked, us",
    "worker, us",
    "CPU, us",
    "peak, KiB",
];

fn table(results: &Results) -> Vec<Row> {
    let cells = |(name, ratio): (&str, f64)| {
        let measured = results.of(name);
        let medians = [
            &measured.wall,
            &measured.worker,
            &measured.cpu,
            &measured.peak,
        ];
        let medians = medians.map(|series| number(series.median()));
        row([name.to_owned(), number(ratio)].into_iter().chain(medians))
    };
    ratios(results).map(cells).collect()
}

/// Every row, and how much longer than pam_permit it takes.
fn ratios(results: &Results) -> impl Iterator<Item = (&'static str, f64)> {
    let permit = &results.of(rows::PERMIT).wall;
    let ratio = move |name| results.of(name).wall.over(permit).median();
    results.names().map(move |name| (name, ratio(name)))
}

/// Those rows that say something to whoever is to choose.
fn picture(results: &Results) -> String {
    let shown: Vec<Bar> = ratios(results)
        .filter(|(name, _)| rows::PICTURED.contains(name))
        .map(|(name, value)| Bar {
            name,
            value,
            ours: name.starts_with("app-passwd"),
        })
        .collect();
    bars(
        "One login in a process of its own; pam_permit, which checks nothing, is 1",
        shown,
    )
}
