//! `cargo bench --bench scaling`: how the cost of what is done all day grows, with entries and with clients at once.

#![allow(clippy::unwrap_used)] // a step that fails ends it

mod support;

use std::process::{Command, Stdio};
use std::time::Instant;

use support::child::{Child, fork};
use support::login::{Login, micros};
use support::picture::{Curve, curves};
use support::private;
use support::report::{Page, Row, number, row};
use support::rounds::{self, Series};
use support::store::{Filled, SERVICE, USER, filled};
use support::tests::WRONG;

const ENTRIES: [usize; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
const CLIENTS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// How many entries there are for clients at once.
const USUAL: usize = 10_000;

/// What is done all day. A tool is a process of its own, a login a forked child or, of clients at once, one of many
/// in each client.
#[derive(Clone, Copy)]
enum Task {
    Login,
    Refuse,
    Create,
    List,
    ListAll,
}

const TASKS: [(Task, &str); 5] = [
    (Task::Login, "login"),
    (Task::Refuse, "wrong password"),
    (Task::Create, "create"),
    (Task::List, "list USER"),
    (Task::ListAll, "list"),
];
/// Nobody lists everything again and again.
const AT_ONCE: [(Task, &str); 4] = [TASKS[0], TASKS[1], TASKS[2], TASKS[3]];
const OPERATIONS: usize = 192;

impl Task {
    /// Does it once; whether it was done.
    fn run(self, filled: &Filled, number: usize) -> bool {
        let Filled {
            machine, password, ..
        } = filled;
        let user = format!("user-{}", std::process::id());
        let label = format!("app {number}");
        match self {
            Task::Login => Login::new(machine, SERVICE, USER, password).run(),
            Task::Refuse => Login::new(machine, SERVICE, USER, WRONG).that_fails().run(),
            Task::Create => done(machine.tool_command(&["create", &user, "--label", &label])),
            Task::List => done(machine.tool_command(&["list", USER, "--json"])),
            Task::ListAll => done(machine.tool_command(&["list", "--json"])),
        }
    }

    /// Milliseconds for one.
    fn takes(self, filled: &Filled) -> f64 {
        let spent = fork(|| self.run(filled, 0));
        assert!(spent.done, "see standard error");
        micros(spent.wall) / 1000.0
    }

    /// How many a second `clients` get done together.
    fn rate(self, filled: &Filled, clients: usize) -> f64 {
        let each = OPERATIONS / clients;
        let began = Instant::now();
        let clients: Vec<Child> = (0..clients)
            .map(|_| Child::start(|| (0..each).all(|number| self.run(filled, number))))
            .collect();
        let count = each * clients.len();
        for client in clients {
            assert!(client.wait().done, "see standard error");
        }
        count as f64 / began.elapsed().as_secs_f64()
    }
}

fn done(mut tool: Command) -> bool {
    let tool = tool.stdout(Stdio::null()).stderr(Stdio::null());
    tool.status().unwrap().success()
}

fn main() {
    private::enter(&[], || ());
    let lines = "policy.max_per_user = 0";
    let stores = ENTRIES.map(|entries| filled(entries, lines));
    let usual = filled(USUAL, lines);
    let mut by_entries = Table::new(&TASKS, ENTRIES);
    let mut by_clients = Table::new(&AT_ONCE, CLIENTS);
    let rounds = rounds::each(7, || {
        by_entries.round(&stores, Task::takes);
        by_clients.round(&CLIENTS, |task, clients| task.rate(&usual, *clients));
    });
    report(&by_entries, &by_clients, rounds);
}

/// For each task a series for each number of entries, or of clients.
struct Table {
    tasks: &'static [(Task, &'static str)],
    columns: [usize; 7],
    cells: Vec<[Series; 7]>,
}

impl Table {
    fn new(tasks: &'static [(Task, &'static str)], columns: [usize; 7]) -> Table {
        let cells = tasks.iter().map(|_| Default::default()).collect();
        Table {
            tasks,
            columns,
            cells,
        }
    }

    /// Measures every task once for each of the `columns`.
    fn round<T>(&mut self, columns: &[T; 7], measure: impl Fn(Task, &T) -> f64) {
        for ((task, _), cells) in self.tasks.iter().zip(&mut self.cells) {
            for (column, series) in columns.iter().zip(cells) {
                series.push(measure(*task, column));
            }
        }
    }

    fn write(&self, page: &mut Page, unit: &str) {
        let columns = self.columns.map(|column| column.to_string());
        let head = [unit.to_owned()].into_iter().chain(columns);
        let cells = |((_, name), cells): (&(Task, &str), &[Series; 7])| {
            let medians = cells.iter().map(|series| number(series.median()));
            row([(*name).to_owned()].into_iter().chain(medians))
        };
        let rows: Vec<Row> = self.tasks.iter().zip(&self.cells).map(cells).collect();
        page.table(&row(head), &rows);
    }

    fn curves(&self) -> Vec<Curve> {
        let curve = |((_, name), cells): (&(Task, &'static str), &[Series; 7])| {
            let points = self.columns.iter().zip(cells);
            Curve {
                name,
                points: points
                    .map(|(x, series)| (*x as f64, series.median()))
                    .collect(),
            }
        };
        self.tasks.iter().zip(&self.cells).map(curve).collect()
    }
}

fn report(by_entries: &Table, by_clients: &Table, rounds: usize) {
    let mut page = Page::begin("scaling", "How the cost grows", rounds);
    page.text("## With entries");
    let title = "Milliseconds, by entries in the store";
    page.picture("scaling-entries.svg", &curves(title, &by_entries.curves()));
    by_entries.write(&mut page, "milliseconds");
    page.text(BOUND_BY_ENTRIES);
    page.text("## With clients at once");
    let title = "Operations a second, by clients at once, with 10,000 entries";
    page.picture("scaling-clients.svg", &curves(title, &by_clients.curves()));
    by_clients.write(&mut page, "operations a second");
    page.text(BOUND_BY_CLIENTS);
    page.end();
}

const BOUND_BY_ENTRIES: &str = "\
A login and a refusal are one probe of an index, which becomes one page deeper when there are a hundred times as many \
entries. What bounds them is the same for all: the start of libpam and of SQLite and, for a login, one argon2. \
`create` waits for the disk, which gets the same few pages whatever there is. `list` of one user is a probe as well; \
`list` of everybody is as long as what it prints.";

const BOUND_BY_CLIENTS: &str = "\
Logins and refusals take no lock that another would have to wait for: the processors bound them, and once all are busy \
more clients make it neither faster nor slower. The same goes for `list`. `create` is bound by the disk: one writes at \
a time, and waits until the disk has it.";
