//! Who looks at the page, and how fast it answers.

use std::fs;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::support::login::micros;
use crate::support::peers::{self, PASSWORD, SHA512CRYPT};
use crate::support::tests::visitor::Visitor;

/// How long visitors come: while logins are measured, and a little before and after.
const WHILE: Duration = Duration::from_millis(2_500);
/// Connections that stay open, as a proxy has them.
const CONNECTIONS: u32 = 50;
/// As many as the page lets sign in at once.
const SIGN_INS: u32 = 6;

/// The page, and somebody who is signed in there.
pub struct Site {
    port: u16,
    url: String,
    signed_in: Visitor,
}

/// What visitors got who came for a while.
pub struct Visits {
    /// What each took that was served, in microseconds.
    pub times: Vec<f64>,
    /// How long all of them together took, in seconds.
    lasted: f64,
}

impl Site {
    /// `user` signs in.
    pub fn open(user: &str) -> Site {
        (0..SIGN_INS).for_each(|number| peers::account(&somebody(number), SHA512CRYPT));
        let said = |name: &str| {
            let text = fs::read_to_string(format!("/run/demo/{name}")).unwrap();
            text.trim_end().to_owned()
        };
        let (port, url) = (said("web-port").parse().unwrap(), said("web-url"));
        let mut signed_in = Visitor::new(port, &url, "192.0.2.1");
        let list = signed_in.sign_in(user, &[&said(&format!("{user}.password"))]);
        assert_eq!(list.status, 200, "{list:?}");
        Site {
            port,
            url,
            signed_in,
        }
    }

    /// So many views a second of a page, at fixed times. A view that is late counts from when it was due.
    pub fn views(&self, path: &str, rate: f64) -> Visits {
        let between = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
        Visits::of(CONNECTIONS, |number| {
            let mut visitor = match path {
                "/sign-in" => self.visitor("192.0.2.1"),
                _ => self.viewer(),
            };
            let mut due = Instant::now() + between * number / CONNECTIONS;
            move || {
                sleep(due.saturating_duration_since(Instant::now()));
                let (began, status) = (due, visitor.get(path).status);
                due += between;
                (status == 200).then(|| began.elapsed())
            }
        })
    }

    /// As many views of a page as the connections bring.
    pub fn flood(&self, path: &str) -> Visits {
        Visits::of(CONNECTIONS, |_| {
            let mut visitor = self.viewer();
            move || {
                let began = Instant::now();
                (visitor.get(path).status == 200).then(|| began.elapsed())
            }
        })
    }

    /// As many as can sign in, and when they are in they do it again.
    pub fn sign_ins(&self) -> Visits {
        Visits::of(SIGN_INS, |number| {
            move || {
                let mut visitor = self.visitor(&format!("198.51.{number}.1"));
                let began = Instant::now();
                let list = visitor.sign_in(&somebody(number), &[PASSWORD]);
                (list.status == 200).then(|| began.elapsed())
            }
        })
    }

    /// The one who is signed in, over a connection of their own.
    fn viewer(&self) -> Visitor {
        let mut viewer = self.visitor("192.0.2.1");
        viewer.cookies.clone_from(&self.signed_in.cookies);
        viewer
    }

    fn visitor(&self, address: &str) -> Visitor {
        Visitor::new(self.port, &self.url, address)
    }
}

impl Visits {
    /// Of so many visitors at once, who come again and again. What `begin` makes is a visit, and how long it took if
    /// it was served.
    fn of<Visit: FnMut() -> Option<Duration>>(
        visitors: u32,
        begin: impl Fn(u32) -> Visit + Sync,
    ) -> Visits {
        let began = Instant::now();
        let one = |number| {
            let mut visit = begin(number);
            let visits = std::iter::from_fn(|| (began.elapsed() < WHILE).then(&mut visit));
            visits.flatten().map(micros).collect()
        };
        let times = thread::scope(|scope| {
            let one = &one;
            let all = (0..visitors).map(|number| scope.spawn(move || one(number)));
            let all: Vec<thread::ScopedJoinHandle<'_, Vec<f64>>> = all.collect();
            all.into_iter()
                .flat_map(|one| one.join().unwrap())
                .collect()
        });
        let lasted = began.elapsed().as_secs_f64();
        Visits { times, lasted }
    }

    pub fn a_second(&self) -> f64 {
        self.times.len() as f64 / self.lasted
    }

    /// As a child sends them to its parent.
    pub fn into_numbers(mut self) -> Vec<f64> {
        self.times.push(self.lasted);
        self.times
    }

    pub fn from_numbers(mut times: Vec<f64>) -> Visits {
        let lasted = times.pop().expect("how long it lasted");
        Visits { times, lasted }
    }
}

/// One of those who sign in.
fn somebody(number: u32) -> String {
    format!("somebody{number}")
}
