//! A person in a browser: signs in, makes an app password, uses it, and takes it away again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::fs;
use std::path::PathBuf;

use support::browser::Browser;
use support::web::Web;

const LOOKS: [(u32, &str); 4] = [
    (360, "light"),
    (1280, "light"),
    (360, "dark"),
    (1280, "dark"),
];

/// A picture of the page, in every width and scheme, for people to look at.
fn pictures(browser: &Browser, step: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("web-pages");
    fs::create_dir_all(&folder).unwrap();
    for (width, scheme) in LOOKS {
        browser.looks(width, scheme);
        browser.picture(&folder.join(format!("{step}-{width}-{scheme}.png")));
    }
}

#[test]
fn first() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("en");
    browser.looks(1280, "light");
    browser.go(&web.at("/"));
    pictures(&browser, "1-sign-in");
    browser.fill("#user", "demo");
    browser.click("main button");
    browser.sees("Password");
    pictures(&browser, "2-password");
    browser.fill("#answer", &web.machine.account_password("demo"));
    browser.click("main button");
    browser.sees("Code");
    pictures(&browser, "3-code");
    browser.fill("#answer", &web.code(0));
    browser.click("main button");
    browser.sees("No app-specific passwords yet");
    pictures(&browser, "4-empty");
    browser.click("main .button");
    pictures(&browser, "5-new");
    browser.click("main summary");
    pictures(&browser, "5-new-open");
    browser.fill("#label", "Thunderbird on the laptop");
    browser.click("main button");
    browser.sees("confirm that it is you");
    pictures(&browser, "6-confirm");
    browser.fill("#answer", &web.machine.account_password("demo"));
    browser.click("main button");
    browser.sees("Code");
    browser.fill("#answer", &web.code(1));
    browser.click("main button");
    browser.sees("It is shown this once");
    pictures(&browser, "7-secret");
    browser.click("main a.button");
    pictures(&browser, "8-list");
    browser.click(".entry .button");
    pictures(&browser, "9-revoke");
    browser.click("main button");
    pictures(&browser, "10-revoked");
}
