//! The rows: who logs in where.

use std::collections::BTreeMap;

use crate::machines::{BOTH, CRATE_ALLOCATION, HASH_ONLY, LOADED, Machines, RETURNS_0};
use crate::support::callgrind::instructions;
use crate::support::child;
use crate::support::login::{Login, Measured};
use crate::support::peers::{self, PASSWORD, SHA512CRYPT_USER, YESCRYPT_USER};
use crate::support::store::{COLLECTOR, Filled, SERVICE, USER};
use crate::support::tests::{Machine, WRONG};

pub const PERMIT: &str = "pam_permit";
pub const UNIX_YESCRYPT: &str = "pam_unix, yescrypt";
pub const UNIX_SHA512: &str = "pam_unix, sha512crypt";
pub const PWDFILE: &str = "pam_pwdfile, sha512crypt";
pub const USERDB: &str = "pam_userdb, plain text";
pub const CODE: &str = "pam_google_authenticator";
pub const OURS: &str = "app-passwd";
pub const OURS_25: &str = "app-passwd, 25 passwords of the user";
pub const OURS_SMALL: &str = "app-passwd, 10 entries";
pub const OURS_LARGE: &str = "app-passwd, 1,000,000 entries";
pub const OURS_19: &str = "app-passwd, 19 MiB/2/1";
pub const OURS_19_CRATE: &str = "the same with the crate's own allocation";
pub const HASH: &str = "a module that does nothing but the same hash";
pub const WRONG_PASSWORD: &str = "app-passwd, wrong password";
pub const WRONG_SMALL: &str = "app-passwd, wrong password, 10 entries";
pub const WRONG_LARGE: &str = "app-passwd, wrong password, 1,000,000 entries";
pub const BOTH_PERMIT: &str = "auth + account, pam_permit";
pub const BOTH_OURS: &str = "auth + account, app-passwd";
pub const HELPED: &str = "app-passwd, through the helper";
pub const NOT_DUE: &str = "app-passwd, its last use noted already";
pub const DUE: &str = "app-passwd, its last use to be noted";
pub const LOADING_C: &str = "loading a module in C that returns 0";
pub const LOADING: &str = "loading app-passwd";

/// Debian's www-data.
const WEB_SERVER: u32 = 33;

/// What helps to choose.
pub const PICTURED: [&str; 8] = [
    PERMIT,
    UNIX_YESCRYPT,
    UNIX_SHA512,
    PWDFILE,
    USERDB,
    CODE,
    OURS,
    WRONG_PASSWORD,
];

/// What was measured of each row, and the instructions of some.
#[derive(Default)]
pub struct Results {
    rows: Vec<(&'static str, Measured)>,
    instructions: BTreeMap<&'static str, f64>,
}

impl Results {
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|(name, _)| *name)
    }

    pub fn of(&self, name: &str) -> &Measured {
        &self.rows.iter().find(|(row, _)| *row == name).unwrap().1
    }

    pub fn instructions(&self, name: &str) -> f64 {
        self.instructions[name]
    }

    /// Measures every row once more, in turn.
    pub fn round(&mut self, machines: &Machines) {
        // Anew, since the code of a phone grows old.
        let rows = rows(machines);
        self.rows.resize_with(rows.len(), Default::default);
        for (row, (name, measured)) in rows.iter().zip(&mut self.rows) {
            *name = row.name;
            measured.measure(&row.login, row.before.as_deref());
        }
    }

    pub fn count_instructions(&mut self, machines: &Machines) {
        let usual = &machines.usual;
        let of = |filled: &Filled, service, user, password: &str| {
            instructions(&filled.machine, service, user, password)
        };
        self.instructions = [
            (PERMIT, of(usual, "permit", USER, "")),
            (HASH, of(usual, HASH_ONLY, USER, &usual.password)),
            (OURS, of(usual, SERVICE, USER, &usual.password)),
            (OURS_25, of(usual, SERVICE, COLLECTOR, &usual.collected)),
            (WRONG_SMALL, of(&machines.small, SERVICE, USER, WRONG)),
            (WRONG_LARGE, of(&machines.large, SERVICE, USER, WRONG)),
        ]
        .into();
    }
}

struct Row<'a> {
    name: &'static str,
    login: Login<'a>,
    before: Option<Box<dyn Fn() + 'a>>,
}

fn rows(machines: &Machines) -> Vec<Row<'_>> {
    let usual = &machines.usual;
    let at = |service| accepted(usual, service);
    let peer = |service, user| Login::new(&usual.machine, service, user, PASSWORD);
    let mut rows: Vec<Row> = [
        (PERMIT, at("permit")),
        (LOADING_C, at(RETURNS_0)),
        (LOADING, at(LOADED)),
        (UNIX_YESCRYPT, peer("unix", YESCRYPT_USER)),
        (UNIX_SHA512, peer("unix", SHA512CRYPT_USER)),
        (PWDFILE, peer("pwdfile", SHA512CRYPT_USER)),
        (USERDB, peer("userdb", SHA512CRYPT_USER)),
        (
            CODE,
            Login::new(&usual.machine, "code", USER, &peers::code()),
        ),
        (HASH, at(HASH_ONLY)),
        (OURS, at(SERVICE)),
        (
            OURS_25,
            Login::new(&usual.machine, SERVICE, COLLECTOR, &usual.collected),
        ),
        (OURS_SMALL, accepted(&machines.small, SERVICE)),
        (OURS_LARGE, accepted(&machines.large, SERVICE)),
        (WRONG_PASSWORD, refused(usual)),
        (WRONG_SMALL, refused(&machines.small)),
        (WRONG_LARGE, refused(&machines.large)),
        (BOTH_PERMIT, at("permit").with_account()),
        (BOTH_OURS, at(BOTH).with_account()),
        (
            HELPED,
            accepted(&machines.helped, SERVICE).by_uid(WEB_SERVER),
        ),
        (OURS_19, accepted(&machines.costly, SERVICE)),
        (OURS_19_CRATE, accepted(&machines.costly, CRATE_ALLOCATION)),
    ]
    .into_iter()
    .map(|(name, login)| Row {
        name,
        login,
        before: None,
    })
    .collect();
    // Both do the same beforehand, so that both find the caches the same.
    for (name, last) in [(NOT_DUE, JUST_NOW), (DUE, LONG_AGO)] {
        rows.push(Row {
            name,
            login: at(SERVICE),
            before: Some(Box::new(move || was_used(&usual.machine, last))),
        });
    }
    rows
}

fn accepted<'a>(filled: &'a Filled, service: &str) -> Login<'a> {
    Login::new(&filled.machine, service, USER, &filled.password)
}

fn refused(filled: &Filled) -> Login<'_> {
    Login::new(&filled.machine, SERVICE, USER, WRONG).that_fails()
}

/// When an entry was used whose use need not be noted ...
const JUST_NOW: &str = "unixepoch()";
/// ... and when it has to be.
pub const LONG_AGO: &str = "unixepoch() - 100";

/// Changes when the entries were last used, in a child, whose memory goes with it.
pub fn was_used(machine: &Machine, at: &str) {
    let changed = child::fork(|| {
        machine.alter_usage(&format!("UPDATE used SET at = {at}"));
        true
    });
    assert!(changed.done, "see standard error");
}
