//! One login through libpam: in a forked child of its own, as sshd does it, or one of many in a worker, as Dovecot
//! does it.

use std::fs;
use std::time::{Duration, Instant};

use super::child::{self, Spent};
use super::rounds::{Series, median};
use super::tests::{Code, Machine};

/// How long one row is measured before it is the next one's turn ...
const TURN: Duration = Duration::from_millis(10);
/// ... but at least that many times.
const LEAST: usize = 3;

pub struct Login<'a> {
    machine: &'a Machine,
    service: String,
    user: String,
    password: String,
    account: bool,
    expected: Code,
    uid: Option<u32>,
}

impl<'a> Login<'a> {
    /// One that is let in.
    pub fn new(machine: &'a Machine, service: &str, user: &str, password: &str) -> Login<'a> {
        Login {
            machine,
            service: service.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            account: false,
            expected: Code::SUCCESS,
            uid: None,
        }
    }

    /// ... by the account lines of the stack as well.
    pub fn with_account(self) -> Login<'a> {
        Login {
            account: true,
            ..self
        }
    }

    /// One that is kept out.
    pub fn that_fails(self) -> Login<'a> {
        Login {
            expected: Code::AUTH_ERR,
            ..self
        }
    }

    /// By a host that is not root.
    pub fn by_uid(self, uid: u32) -> Login<'a> {
        Login {
            uid: Some(uid),
            ..self
        }
    }

    /// From `pam_start` to `pam_end`; whether it ended as it should.
    pub fn run(&self) -> bool {
        let mut handle = self.machine.pam(&self.service, &self.user);
        let mut code = handle.password(&self.password).authenticate();
        if self.account {
            code = handle.acct_mgmt();
        }
        code == self.expected
    }

    fn take_rights(&self) {
        if let Some(uid) = self.uid {
            child::become_user(uid);
        }
    }

    fn forked(&self) -> Spent {
        let spent = child::fork(|| {
            self.take_rights();
            self.run()
        });
        assert!(
            spent.done,
            "not {:?}: {} at {}",
            self.expected, self.user, self.service
        );
        spent
    }

    /// What one costs that has a worker done before, in microseconds.
    fn in_a_worker(&self) -> f64 {
        child::fork_for(|| {
            self.take_rights();
            assert!(self.run() && self.run());
            let walls = for_a_turn(|| {
                let began = Instant::now();
                assert!(self.run());
                micros(began.elapsed())
            });
            median(&walls)
        })
    }

    /// How much a worker's memory grows over `logins`, in KiB.
    pub fn growth(&self, logins: usize) -> f64 {
        child::fork_for(|| {
            assert!((0..100).all(|_| self.run()));
            let before = own_memory_kib();
            assert!((0..logins).all(|_| self.run()));
            own_memory_kib() - before
        })
    }
}

/// What is measured of a login: times in microseconds, memory in KiB.
#[derive(Clone, Default)]
pub struct Measured {
    pub wall: Series,
    pub cpu: Series,
    pub peak: Series,
    pub worker: Series,
}

impl Measured {
    /// One round. Before each login in a child of its own happens what `before` does.
    pub fn measure(&mut self, login: &Login, before: Option<&dyn Fn()>) {
        let children = for_a_turn(|| {
            if let Some(before) = before {
                before();
            }
            login.forked()
        });
        let median_of = |what: fn(&Spent) -> f64| {
            let values: Vec<f64> = children.iter().map(what).collect();
            median(&values)
        };
        self.wall.push(median_of(|spent| micros(spent.wall)));
        self.cpu.push(median_of(|spent| micros(spent.cpu)));
        self.peak.push(median_of(|spent| spent.peak_kib));
        if before.is_none() {
            self.worker.push(login.in_a_worker());
        }
    }
}

fn for_a_turn<T>(mut measure: impl FnMut() -> T) -> Vec<T> {
    let (began, mut values) = (Instant::now(), Vec::new());
    while values.len() < LEAST || began.elapsed() < TURN {
        values.push(measure());
    }
    values
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// What is the worker's own. Code that is run for the first time is not.
fn own_memory_kib() -> f64 {
    let sums = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let mut lines = sums.lines();
    let value = lines.find_map(|line| line.strip_prefix("Anonymous:"));
    value
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}
