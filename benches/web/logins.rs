//! Who logs in beside them: a host that is not root, so the helper is asked.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, iter};

use crate::support::child;
use crate::support::login::micros;
use crate::support::report::said;
use crate::support::store::fill;
use crate::support::tests::machine::alter;
use crate::support::tests::{Code, Handle};

/// How long logins are measured ...
const TURN: Duration = Duration::from_secs(2);
/// ... once visitors have come for this long.
const BEFORE: Duration = Duration::from_millis(250);
/// One is due each time this has passed.
const BETWEEN: Duration = Duration::from_millis(20);
/// A service of Debian's www-data, by the default configuration.
const SERVICE: &str = "nginx";
const WEB_SERVER: u32 = 33;
/// How many entries the user has ...
const ENTRIES: usize = 5;
/// ... and others, who use them.
const OTHERS: usize = 10_000;

pub struct Logins {
    user: &'static str,
    password: String,
}

impl Logins {
    pub fn prepare(user: &'static str) -> Logins {
        let stack = "auth required pam_app_passwd.so\naccount required pam_permit.so\n";
        fs::write(Path::new("/etc/pam.d").join(SERVICE), stack).unwrap();
        let create = |number| {
            let label = format!("app {number}");
            let line = ["create", user, "--label", &label, "--service", SERVICE];
            said(&mut Command::new("/run/demo/bin/app-passwd"), &line)
        };
        let passwords: Vec<String> = (0..ENTRIES).map(create).collect();
        let logins = Logins {
            user,
            password: passwords[0].clone(),
        };
        logins.measure(); // the first one begins the notes of last use
        let state = Path::new("/var/lib/app-passwd");
        fill(&state.join("store.db"), OTHERS);
        let used = format!(
            "WITH RECURSIVE other(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM other WHERE n < {OTHERS})
             INSERT INTO used (entry, service, at, origin, uid, count)
             SELECT n, 'imap', 1700000000, '192.0.2.7', 0, 1 FROM other"
        );
        alter(&state.join("usage.db"), &used);
        logins
    }

    /// What logins take that are due at fixed times, in microseconds from then.
    pub fn measure(&self) -> Vec<f64> {
        let all = child::start_for(|| {
            child::become_user(WEB_SERVER);
            sleep(BEFORE);
            self.log_in(); // what is done for the first time is dearer
            let began = Instant::now();
            let due = iter::successors(Some(began), |due| Some(*due + BETWEEN));
            let due = due.take_while(|due| *due < began + TURN);
            due.map(|due| {
                sleep(due.saturating_duration_since(Instant::now()));
                self.log_in();
                micros(due.elapsed())
            })
            .collect()
        });
        all.wait()
    }

    fn log_in(&self) {
        let mut handle = Handle::start(
            "/etc/pam.d".as_ref(),
            SERVICE.as_ref(),
            Some(self.user.as_ref()),
        );
        let code = handle.password(&self.password).authenticate();
        assert_eq!(code, Code::SUCCESS);
    }
}
