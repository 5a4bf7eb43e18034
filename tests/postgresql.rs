//! A person queries a database: a real PostgreSQL (`pam` in pg_hba.conf, a process of postgres's for each connection), a
//! real psql, and the stack that `pam.d/postgresql` ships.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use support::daemon::Daemon;

const POSTGRESQL: Daemon = Daemon {
    service: "postgresql",
    script: "postgresql.sh",
    needs: &["/usr/lib/postgresql", "psql"],
    user: "postgres",
    refusal: 2, // psql's word for no connection
    config: "[helper.callers]\npostgres = [\"postgresql\"]",
};

tests_of_a_daemon_that_is_not_root!(POSTGRESQL);

#[test]
fn it_is_no_named_caller_unless_the_configuration_says_so() {
    let by_default = Daemon {
        config: "",
        ..POSTGRESQL
    };
    let Some(postgresql) = by_default.start() else {
        return;
    };
    let good = postgresql.create("demo", "reports");
    postgresql.keeps_out("demo", &good);
    postgresql.says("[helper.callers]");
}

#[test]
fn a_psql_that_has_yet_to_ask_for_the_password_is_no_failure() {
    let Some(postgresql) = POSTGRESQL.start() else {
        return;
    };
    postgresql.create("demo", "reports");
    let psql = "psql --no-password --host=127.0.0.1 --port=$(cat port) --username=demo postgres";
    let ran = postgresql.run(psql, "");
    assert_eq!(ran.status, Some(2), "{ran:?}");
    let log = postgresql.run("cat auth.log", "").succeeds();
    assert!(!log.contains("pam_app_passwd"), "{log}");
}
