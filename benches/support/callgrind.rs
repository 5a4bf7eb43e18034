//! How many instructions a login takes. Unlike a time, it is the same each time.

use super::tests::strace::wrapped;
use super::tests::{Client, Machine};

/// How many logins more the second of two runs has.
const LOGINS: u64 = 10;

/// Of one login among many in one process: what the second half of twice as many adds.
pub fn instructions(machine: &Machine, service: &str, user: &str, password: &str) -> f64 {
    // The first one of a minute is dearer than those after it: its use is noted.
    let before = machine.client(service, user).password(password);
    before.run(&["authenticate"]);
    let of = |logins: u64| -> f64 {
        let client = machine.client(service, user).command;
        let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let ran = Client::from(wrapped("valgrind", &options, client))
            .option(&["--repeat", &logins.to_string()])
            .password(password)
            .run(&["authenticate"]);
        let mut words = ran.stderr.split_whitespace();
        let found = words
            .find(|word| *word == "Collected")
            .and_then(|_| words.nth(1));
        found.unwrap_or_else(|| panic!("{ran:?}")).parse().unwrap()
    };
    (of(2 * LOGINS) - of(LOGINS)) / LOGINS as f64
}
