//! `cargo bench --bench dovecot`: logins a second through Dovecot, beside its other ways to know a password.
//!
//! | file | what is in it |
//! |---|---|
//! | `dovecot/servers.rs` | a Dovecot for each of them |
//! | `dovecot/clients.rs` | who logs in |

#![allow(unreachable_pub)] // a program of several files
#![allow(clippy::unwrap_used)] // a step that fails ends it

#[path = "dovecot/clients.rs"]
mod clients;
#[path = "dovecot/servers.rs"]
mod servers;
mod support;

use std::process::Command;

use servers::{OURS, PASSWD_FILE, PERMIT, Server};
use support::goal::{self, Goal, at_least};
use support::picture::{Bar, bars};
use support::private;
use support::report::{Page, Row, number, row, said};
use support::rounds::{self, Series};

/// Logins a second of so many clients.
type Rate = fn(&Server, usize) -> f64;

/// What is measured of each server.
const WAYS: [(&str, Rate, usize); 4] = [
    ("auth socket, 1 client", clients::sasl, 1),
    ("auth socket, 8 clients", clients::sasl, 8),
    ("IMAP, 1 client", clients::imap, 1),
    ("IMAP, 8 clients", clients::imap, 8),
];

/// A server, and how many logins a second it takes by each of the ways.
struct Measured {
    server: Server,
    rates: [Series; WAYS.len()],
}

impl Measured {
    fn round(&mut self) {
        for ((_, rate, clients), series) in WAYS.iter().zip(&mut self.rates) {
            series.push(rate(&self.server, *clients));
        }
    }

    /// By the one that is to reach something.
    fn by_auth_socket(&self) -> &Series {
        let [_, eight_clients, ..] = &self.rates;
        eight_clients
    }
}

fn main() {
    private::enter(&["dovecot", "base64"], || ());
    let version = said(&mut Command::new("dovecot"), &["--version"]);
    if !version.starts_with("2.3.") {
        eprintln!("not measured: this is written for Dovecot 2.3, here is {version}");
        return;
    }
    let (_store, servers) = servers::start();
    let measured = |server| Measured {
        server,
        rates: Default::default(),
    };
    let mut all: Vec<Measured> = servers.into_iter().map(measured).collect();
    let rounds = rounds::each(10, || all.iter_mut().for_each(Measured::round));
    let mut page = Page::begin("dovecot", "Logins through Dovecot", rounds);
    page.text(&format!(
        "Dovecot {version}, logins a second by the socket of its auth process, as Postfix asks, and by IMAP without \
         TLS, on one machine with the clients. Every {{ARGON2ID}} is of 19 MiB and two passes; app-passwd's hash is \
         that of the default configuration."
    ));
    page.picture("dovecot.svg", &picture(&all));
    let ways = WAYS.map(|(way, ..)| way);
    page.table(&[&["passdb"], ways.as_slice()].concat(), &table(&all));
    page.text("## What is to be reached");
    page.table(&goal::HEAD, &goal::rows(&goals(&all)));
    page.end();
}

fn table(all: &[Measured]) -> Vec<Row> {
    let cells = |Measured { server, rates }: &Measured| {
        let rates = rates.iter().map(|series| number(series.median()));
        row([server.name.to_owned()].into_iter().chain(rates))
    };
    all.iter().map(cells).collect()
}

fn goals(all: &[Measured]) -> [Goal; 2] {
    let of = |name| {
        let named = all.iter().find(|one| one.server.name == name);
        named.unwrap().by_auth_socket()
    };
    let to = |name| of(OURS).over(of(name)).median();
    [
        at_least(
            "auth socket, 8 clients, to pam_permit",
            to(PERMIT),
            0.22,
            0.33,
        ),
        at_least(
            "the same, to passwd-file {ARGON2ID}",
            to(PASSWD_FILE),
            25.0,
            38.0,
        ),
    ]
}

fn picture(all: &[Measured]) -> String {
    let bar = |one: &Measured| Bar {
        name: one.server.name,
        value: one.by_auth_socket().median(),
        ours: one.server.name == OURS,
    };
    let shown: Vec<Bar> = all.iter().map(bar).collect();
    bars(
        "Dovecot: logins a second by its auth socket, eight clients at once",
        shown,
    )
}
