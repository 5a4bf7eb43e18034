//! Stores of any number of entries.

use std::path::Path;

use super::child;
use super::tests::Machine;
use super::tests::machine::alter;

/// Whose logins are measured.
pub const USER: &str = "alice";
/// Somebody with as many app passwords as the policy allows.
pub const COLLECTOR: &str = "collector";
/// How many these are.
pub const COLLECTED: usize = 25;
/// The services that the stacks of a machine are for, and the entries as well.
pub const SERVICE: &str = "bench";

/// A machine and the app passwords that open it.
pub struct Filled {
    pub machine: Machine,
    /// Of USER, who has no other.
    pub password: String,
    /// One of COLLECTOR's.
    pub collected: String,
}

/// A machine whose store has about `entries` entries: those of USER and COLLECTOR, the rest of others.
pub fn filled(entries: usize, lines: &str) -> Filled {
    let machine = Machine::configured(lines);
    // libpam loads the modules of `other` at every login, whatever the service is.
    machine.stack("other", "");
    machine.stack(
        SERVICE,
        "auth required APP_PASSWD\naccount required pam_permit.so",
    );
    let password = create(&machine, USER, "phone");
    fill(&machine.store(), entries);
    Filled {
        machine,
        password,
        collected: String::new(),
    }
}

impl Filled {
    /// Gives COLLECTOR what they collect.
    pub fn with_a_collector(self) -> Filled {
        let give = |number| create(&self.machine, COLLECTOR, &format!("app {number}"));
        let collected = give(0);
        (1..COLLECTED).for_each(|number| drop(give(number)));
        Filled { collected, ..self }
    }
}

fn create(machine: &Machine, user: &str, label: &str) -> String {
    machine.create(user, label, &["--service", "any"])
}

/// Adds entries of others, whom the system does not know, in a child, whose memory goes with it: forks of a large process are slow.
pub fn fill(store: &Path, entries: usize) {
    let filled = child::fork(|| {
        let sql = format!(
            "WITH RECURSIVE other(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM other WHERE n < {entries})
             INSERT INTO credential (user, label, key, tag, hash, services, networks, created_at, created_by,
                                     virtual)
             SELECT 'user' || n || '@example.org', 'phone', 1, abs(random()) % 65536, {HASH},
                    'mail', '', 1700000000, 'root', 1 FROM other WHERE n <= {entries}"
        );
        alter(store, &sql);
        true
    });
    assert!(filled.done, "see standard error");
}

/// Any hash, as SQL: nobody knows what it is of. In base64 the last digits of salt and hash are even ones.
const HASH: &str = "'$argon2id$v=19$m=1024,t=1,p=1$' || substr(hex(randomblob(11)), 2) || 'A$' || \
                    hex(randomblob(21)) || 'A'";
