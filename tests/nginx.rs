//! A browser logs in: a real nginx (auth_pam, one event loop of www-data's) and the stack that `pam.d/nginx` ships.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::time::{Duration, Instant};

use support::WRONG;
use support::daemon::Daemon;

const NGINX: Daemon = Daemon {
    service: "nginx",
    script: "nginx.sh",
    needs: &[
        "nginx",
        "curl",
        "/usr/lib/nginx/modules/ngx_http_auth_pam_module.so",
    ],
    user: "www-data",
    refusal: 22, // curl's word for an error of HTTP
    config: "",
};

tests_of_a_daemon_that_is_not_root!(NGINX);

#[test]
fn a_wrong_password_keeps_the_other_clients_of_the_worker_waiting_for_nothing() {
    let Some(nginx) = NGINX.start() else { return };
    nginx.create("demo", "browser");
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| nginx.keeps_out("demo", WRONG));
            scope.spawn(|| {
                let page = nginx.run("curl --silent --show-error --fail \"$(cat open-url)\"", "");
                assert_eq!(page.succeeds(), "Come in.\n");
            });
        }
    });
    // A module that delays would hold the event loop for a second and more each time.
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}
