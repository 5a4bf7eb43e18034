//! A browser logs in: a real Apache (mod_authnz_pam, event MPM, many threads of www-data's) and the stack that
//! `pam.d/apache2` ships.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use support::WRONG;
use support::daemon::Daemon;

const APACHE: Daemon = Daemon {
    service: "apache2",
    script: "apache.sh",
    needs: &[
        "apache2",
        "curl",
        "/usr/lib/apache2/modules/mod_authnz_pam.so",
    ],
    user: "www-data",
    refusal: 22, // curl's word for an error of HTTP
    config: "",
};

tests_of_a_daemon_that_is_not_root!(APACHE);

#[test]
fn a_hundred_threads_of_one_process_ask_at_once() {
    let Some(apache) = APACHE.start() else { return };
    let good = apache.create("demo", "browser");
    let page = format!("user = \"demo:{good}\"");
    // One client with as many connections as there are threads, a thousand times the page.
    let answers = apache.run(
        "curl --silent --show-error --parallel --parallel-immediate --parallel-max 100 --output /dev/null --write-out '%{http_code}\\n' \
            --config - \"$(cat url)?[1-1000]\"",
        &page,
    );
    let refused = answers.stdout.lines().filter(|code| *code != "200");
    let refused: Vec<_> = refused.collect();
    assert!(refused.is_empty(), "{refused:?}\n{}", apache.logs());
    assert_eq!(answers.succeeds().lines().count(), 1_000);
    apache.keeps_out("demo", WRONG);
}
