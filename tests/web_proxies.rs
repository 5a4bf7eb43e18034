//! The self-service page behind nginx and Apache, with the configuration that is shipped for them; and without them, with
//! a certificate of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use support::browser::Browser;
use support::private_machine::eventually;
use support::web::Web;

#[test]
fn nginx() {
    let web = Web::behind("nginx", "--proxy", &["nginx"]);
    the_page_works_and_knows_where_the_browser_is(web);
}

#[test]
fn nginx_over_a_socket_that_nobody_else_may_open() {
    let Some(web) = Web::behind("nginx", "--socket", &["nginx"]) else {
        return;
    };
    let page = "curl --silent --insecure --output /dev/null --write-out '%{http_code}'";
    let through_nginx = format!("{page} \"$(cat web-url)/sign-in\"");
    assert_eq!(web.machine.shell(&through_nginx), "200");
    let itself = "--unix-socket /run/app-passwd-web/socket http://localhost/sign-in";
    let nobody = "setpriv --reuid nobody --regid nogroup --clear-groups";
    let refused = web.machine.run(&format!("{nobody} {page} {itself}"), "");
    assert_eq!(refused.status, Some(7), "{refused:?}"); // could not connect
    // Whoever comes this way is a proxy, and has to say where the browser is.
    assert_eq!(web.machine.shell(&format!("{page} {itself}")), "400");
    web.machine.shell("kill $(cat web.pid); sleep 0.3");
    web.machine.shell("test ! -e /run/app-passwd-web/socket");
}

#[test]
fn apache() {
    let module = "/usr/lib/apache2/modules/mod_proxy_http.so";
    let web = Web::behind("apache", "--proxy", &["apache2", module]);
    the_page_works_and_knows_where_the_browser_is(web);
}

fn the_page_works_and_knows_where_the_browser_is(web: Option<Web>) {
    let Some(web) = web else { return };
    let password = web.machine.account_password("neighbour");
    let browser = Browser::start("en");
    browser.go(&web.at("/"));
    browser.press("#user", "neighbour\n");
    browser.sees("Password");
    browser.press("#answer", &format!("{password}\n"));
    browser.sees("No app-specific passwords yet");
    browser.click("main .button");
    browser.fill("#label", "phone");
    browser.click("main button");
    browser.sees("Password");
    browser.press("#answer", &format!("{password}\n"));
    browser.sees("It is shown this once");
    let secret = browser.text_of("main code").replace('\n', "");
    web.machine
        .run("app-passwd check neighbour --service imap", &secret)
        .succeeds();
    let events = web.machine.shell("app-passwd log neighbour");
    assert!(events.contains("from=127.0.0.1"), "{events}");
    let logs = web.machine.shell("cat access.log proxy.log web.log");
    assert!(
        logs.contains("/answer") && !logs.contains(&secret),
        "{logs}"
    );

    // What the browser says of its address is not passed on.
    let said = "curl --silent --insecure --header 'X-Forwarded-For: 203.0.113.9, rubbish' --output /dev/null \
                --write-out '%{http_code}' \"$(cat web-url)/sign-in\"";
    assert_eq!(web.machine.shell(said), "200");
}

#[test]
fn a_new_certificate_is_shown_when_the_page_is_told_and_a_broken_one_never() {
    let Some(web) = Web::alone() else { return };
    let shown = || {
        web.machine.shell(
            "openssl s_client -connect localhost:$(cat web-port) </dev/null 2>/dev/null |
             openssl x509 -noout -serial",
        )
    };
    let reload = |said: &str| {
        web.machine.shell("kill -HUP $(cat web.pid)");
        let log = || web.machine.shell("cat web.log");
        assert!(eventually(|| log().contains(said)), "{}", log());
    };
    let first = shown();
    web.machine.shell(
        "openssl req -x509 -key web.key -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out web.pem",
    );
    assert_eq!(shown(), first);
    reload("certificate and key were read again");
    let second = shown();
    assert_ne!(second, first);
    web.machine.shell("echo rubbish >web.pem");
    reload("error: the certificate stays as it was: /run/demo/web.pem: ");
    assert_eq!(shown(), second);
}
