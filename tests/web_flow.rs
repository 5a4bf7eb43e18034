//! A person in a real browser signs in, makes an app password, uses it in a mail program, and takes it away again. Each
//! page is looked at on a phone and on a desk, by day and by night, and as somebody needs it who does not see it or has
//! no mouse. The pictures are in `target/tmp/web-pages`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use support::browser::Browser;
use support::mail::Session;
use support::web::Web;

/// Width, scheme of colours.
const LOOKS: [(u32, &str); 4] = [
    (360, "light"),
    (1280, "light"),
    (360, "dark"),
    (1280, "dark"),
];
/// A page has to fit this, too.
const NARROWEST: u32 = 320;

/// Looks at a page in every way, and takes its pictures.
#[track_caller]
fn look(browser: &Browser, step: &str) {
    let folder = pictures();
    for (width, scheme) in LOOKS {
        browser.looks(width, scheme);
        browser.picture(&folder.join(format!("{step}-{width}-{scheme}.png")));
        is_open_to_everybody(browser, step);
    }
    browser.looks(NARROWEST, "light");
    is_open_to_everybody(browser, step);
}

#[track_caller]
fn is_open_to_everybody(browser: &Browser, step: &str) {
    let problems = browser.script(include_str!("support/accessibility.js"));
    assert_eq!(problems, json!([]), "{step}");
    // A larger judge, for whoever has it: the file axe.min.js of the package axe-core.
    if let Ok(axe) = std::env::var("APP_PASSWD_AXE") {
        let axe = fs::read_to_string(axe).unwrap();
        let violations = browser.judged_by(&axe);
        assert_eq!(violations, json!([]), "{step}");
    }
}

fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web-pages");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Signs in as demo, who has a second factor.
fn sign_in(web: &Web, browser: &Browser) {
    browser.go(&web.at("/"));
    browser.press("#user", "demo\n");
    browser.sees("Password");
    browser.press(
        "#answer",
        &format!("{}\n", web.machine.account_password("demo")),
    );
    browser.sees("Code");
    browser.press("#answer", &format!("{}\n", web.code(0)));
    browser.sees("No app-specific passwords yet");
}

#[test]
fn a_person_makes_an_app_password_uses_it_and_takes_it_away_again() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("en");
    let account = web.machine.account_password("demo");

    // Signing in: what the stack asks, step by step.
    browser.go(&web.at("/"));
    look(&browser, "01-sign-in");
    browser.fill("#user", "demo");
    browser.click("main button");
    browser.sees("Password");
    look(&browser, "02-password");
    browser.fill("#answer", "not the password");
    browser.click("main button");
    browser.sees("That did not work");
    look(&browser, "03-that-did-not-work");
    browser.click("main button");
    browser.sees("Password");
    browser.fill("#answer", &account);
    browser.click("main button");
    browser.sees("Code");
    look(&browser, "04-code");
    browser.fill("#answer", &web.code(0));
    browser.click("main button");

    // An empty list that invites; what it is for; who it is, once more.
    browser.sees("No app-specific passwords yet");
    look(&browser, "05-empty");
    browser.click("main .button");
    look(&browser, "06-new");
    browser.fill("#label", "Thunderbird on the laptop");
    browser.click("main summary");
    browser.fill("#networks", "at home");
    browser.click("main button");
    browser.sees("Networks are written as");
    look(&browser, "07-not-a-network");
    browser.fill("#networks", "127.0.0.0/8");
    browser.click("main button");
    browser.sees("confirm that it is you");
    look(&browser, "08-confirm");
    browser.fill("#answer", &account);
    browser.click("main button");
    browser.sees("Code");
    browser.fill("#answer", &web.code(1));
    browser.click("main button");

    // The secret, this once.
    browser.sees("It is shown this once");
    look(&browser, "09-secret");
    let secret = browser.text_of("main code").replace('\n', "");
    assert_eq!(secret.split('-').count(), 6, "{secret}");
    assert!(browser.has(".secret button"), "nothing to copy it with");
    assert!(!browser.address().contains(&secret) && !browser.title().contains(&secret));
    browser.click("main a.button");
    browser.sees("Thunderbird on the laptop");
    assert!(!browser.text().contains(&secret));

    // It opens the mailbox, and stays there until it is revoked on the page.
    let mail = Session::begin(&web.machine, "demo", &secret, "127.0.0.2");
    assert!(mail.says("+ idling"), "{}", web.machine.log());
    web.machine
        .create("demo --label Scanner --service smtp --expires 30d");
    browser.reload();
    browser.sees("from 127.0.0.2, with imap");
    look(&browser, "10-list");
    browser.click("[href='/revoke?id=1']");
    browser.sees("Revoke “Thunderbird on the laptop”?");
    look(&browser, "11-revoke");
    browser.click("main button");
    browser.sees("“Thunderbird on the laptop” is revoked");
    look(&browser, "12-revoked");
    assert!(mail.says("* BYE"), "{}", web.machine.log());
    assert!(mail.ends());

    // What goes on trying is seen.
    let again = Session::begin(&web.machine, "demo", &secret, "127.0.0.2");
    assert!(again.says("a NO"));
    browser.reload();
    browser.sees("Removed, but still tried");
    look(&browser, "13-still-tried");
    browser.click("[href='/revoke-all']");
    browser.sees("Revoke your app-specific password?");
    look(&browser, "14-revoke-all");
}

#[test]
fn neither_reload_nor_back_brings_a_secret_or_a_list_back() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("en");
    browser.looks(1280, "light");
    sign_in(&web, &browser);
    browser.click("main .button");
    browser.fill("#label", "phone");
    browser.click("main button");
    browser.sees("Password");
    browser.press(
        "#answer",
        &format!("{}\n", web.machine.account_password("demo")),
    );
    browser.sees("Code");
    browser.press("#answer", &format!("{}\n", web.code(1)));
    browser.sees("It is shown this once");
    let secret = browser.text_of("main code").replace('\n', "");

    browser.reload();
    browser.sees("This form was sent before");
    assert!(!browser.text().contains(&secret));
    let entries = web.machine.tool("list demo --json").json();
    assert_eq!(entries.as_array().unwrap().len(), 1);

    browser.go(&web.at("/"));
    browser.sees("phone");
    browser.click(".account summary");
    look(&browser, "15-account");
    browser.click(".account button");
    browser.sees("You are signed out.");
    for _ in 0..4 {
        browser.back();
        let text = browser.text();
        assert!(!text.contains("phone") && !text.contains(&secret), "{text}");
    }
    browser.go(&web.at("/sign-in"));
    let cookies = browser.cookies().to_string();
    assert!(
        cookies.contains("__Host-visit") && !cookies.contains("__Host-session"),
        "{cookies}"
    );
}

#[test]
fn another_site_can_neither_send_a_form_nor_show_the_page_in_a_frame() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("en");
    sign_in(&web, &browser);
    let evil = format!(
        "data:text/html,<form method=post action='{}'><button>win</button></form>",
        web.at("/sign-out")
    );
    browser.go(&evil);
    browser.click("button");
    browser.sees("did not come from one of these pages");
    browser.go(&web.at("/"));
    browser.sees("No app-specific passwords yet");
    browser.go(&format!(
        "data:text/html,<iframe src='{}'></iframe>",
        web.at("/sign-in")
    ));
    let framed =
        browser.script("return document.querySelector('iframe').contentDocument !== null;");
    assert_eq!(framed, json!(false));
}

#[test]
fn with_the_keyboard_alone_everything_is_reached_in_the_order_of_the_page_and_seen() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("en");
    browser.looks(1280, "light");
    browser.go(&web.at("/sign-in"));
    let focus = browser.script("return document.activeElement.id;");
    assert_eq!(focus, json!("user"), "one can type at once");
    sign_in(&web, &browser);
    web.machine.create("demo --label phone");
    browser.go(&web.at("/"));
    let mut last = -1;
    for expected in [
        "Skip to the content",
        "App-specific passwords",
        "demo",
        "+ Generate an app-specific password",
        "Remove",
        "Revoke all",
    ] {
        let focus = browser.tab();
        assert_eq!(focus["name"], expected, "{focus}");
        assert_eq!(focus["is_seen"], true, "{focus}");
        let order = focus["order"].as_i64().unwrap();
        assert!(order > last, "{focus}");
        last = order;
    }
}

#[test]
fn who_prefers_german_reads_german() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("de-DE");
    browser.go(&web.at("/"));
    browser.sees("Anmelden");
    look(&browser, "16-german");
    browser.press("#user", "neighbour\n");
    browser.sees("Passwort");
    browser.press(
        "#answer",
        &format!("{}\n", web.machine.account_password("neighbour")),
    );
    browser.sees("Noch keine app-spezifischen Passwörter");
    web.machine.create("demo --label Telefon --expires 3d");
    web.machine
        .create("neighbour --label Drucker --service any");
    browser.go(&web.at("/"));
    look(&browser, "17-german-list");
    browser.click("[href='/admin']");
    browser.sees("Telefon");
    look(&browser, "18-german-admin");
}
