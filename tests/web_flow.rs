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

/// One can type there at once, and it is read out.
#[track_caller]
fn has_focus(browser: &Browser, id: &str) {
    let focus = browser.script("return document.activeElement.id;");
    assert_eq!(focus, json!(id));
}

fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web-pages");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Answers what PAM asks demo: the password, and the code of this step.
fn prove(web: &Web, browser: &Browser, step: u32) {
    browser.sees("Password");
    browser.press(
        "#answer",
        &format!("{}\n", web.machine.account_password("demo")),
    );
    browser.sees("Code");
    browser.press("#answer", &format!("{}\n", web.code(step)));
}

/// Signs in as demo, who has a second factor.
fn sign_in(web: &Web, browser: &Browser) {
    browser.go(&web.at("/"));
    browser.press("#user", "demo\n");
    prove(web, browser, 0);
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
    has_focus(&browser, "user");
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
    browser.click("[value='mail']");
    browser.click("main button");
    browser.sees("Choose at least one service.");
    is_open_to_everybody(&browser, "no service");
    browser.click("[value='mail']");
    browser.click("main button");
    browser.sees("Networks are written as");
    has_focus(&browser, "networks");
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
    browser.script("navigator.clipboard.writeText = () => Promise.reject();");
    browser.click(".secret button");
    browser.sees("copy it by hand");
    browser.script("navigator.clipboard.writeText = () => Promise.resolve();");
    browser.click(".secret button");
    browser.sees("Copied");
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
    browser.sees("Remove “Thunderbird on the laptop”?");
    look(&browser, "11-remove");
    browser.click("main button");
    browser.sees("“Thunderbird on the laptop” is removed");
    browser.sees("Whatever was signed in and is refused now has been signed out");
    look(&browser, "12-removed");
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
fn a_person_changes_an_app_password_replaces_it_and_sees_what_was_done() {
    let Some(web) = Web::start() else { return };
    let browser = Browser::start("en");
    let account = format!("{}\n", web.machine.account_password("neighbour"));
    let first = web
        .machine
        .create("neighbour --label phone --from 127.0.0.0/8");
    web.machine
        .create("neighbour --label '<b>Scanner</b>' --service smtp --expires 30d");
    browser.go(&web.at("/"));
    browser.press("#user", "neighbour\n");
    browser.sees("Password");
    browser.press("#answer", &account);
    browser.sees("phone");

    // What it is for, and what limits it: as it is, and what is wrong with what was typed.
    browser.click("[href='/edit?id=1']");
    browser.sees("Edit “phone”");
    look(&browser, "19-edit");
    browser.fill("#label", "<b>Scanner</b>");
    browser.click("main button");
    browser.sees("Another one of yours is called that already.");
    has_focus(&browser, "label");
    look(&browser, "20-label-taken");

    // Less is nobody's business but theirs; for more they say once more who they are.
    browser.fill("#label", "my phone");
    browser.fill("#networks", "127.0.0.2");
    browser.click("main button");
    browser.sees("“my phone” is changed.");
    browser.click("[href='/edit?id=1']");
    browser.fill("#networks", "127.0.0.2 127.0.0.3");
    browser.click("main button");
    browser.sees("To give “my phone” more access, confirm that it is you.");
    look(&browser, "21-confirm-edit");
    browser.press("#answer", &account);
    browser.sees("“my phone” is changed.");
    let entry = &web.machine.tool("list neighbour --json").json()[0];
    assert_eq!(entry["networks"], json!(["127.0.0.2/32", "127.0.0.3/32"]));
    assert_eq!(entry["services"], json!(["mail"]));

    // Another password takes its place.
    let answers = |secret: &str, answer: &str| {
        let mail = Session::begin(&web.machine, "neighbour", secret, "127.0.0.2");
        assert!(mail.says(answer), "{}", web.machine.log());
    };
    let (lets_in, refuses) = ("+ idling", "a NO");
    answers(&first, lets_in);
    browser.click("[href='/edit?id=1']");
    browser.click("[href='/replace?id=1']");
    browser.sees("Replace the password of “my phone”?");
    look(&browser, "22-replace");
    browser.click("main button");
    browser.sees("To replace the password of “my phone”");
    browser.press("#answer", &account);
    browser.sees("The old password does not work any more.");
    look(&browser, "23-replaced");
    let second = browser.text_of("main code").replace('\n', "");
    answers(&first, refuses);
    answers(&second, lets_in);
    browser.go(&web.at("/replace?id=3"));
    browser.click("[value='a-day']");
    browser.click("main button");
    browser.press("#answer", &account);
    browser.sees("The old password keeps working for up to one more day.");
    let third = browser.text_of("main code").replace('\n', "");
    answers(&second, lets_in);
    answers(&third, lets_in);
    browser.click("main a.button");
    browser.sees("Replaced");
    look(&browser, "24-list-with-a-successor");

    // Both are called the same: which of them is meant is said wherever one is taken away.
    for path in [
        "/revoke?id=3",
        "/revoke-all",
        "/admin",
        "/admin/revoke?id=3&user=neighbour",
    ] {
        browser.go(&web.at(path));
        browser.sees("Replaced");
        is_open_to_everybody(&browser, path);
    }
    browser.go(&web.at("/"));

    // All of that can be read.
    browser.click("[href='/activity']");
    browser.sees("Recent activity");
    look(&browser, "25-activity");
    let text = browser.text();
    for line in [
        "<b>Scanner</b>\nCreated",
        "Replaced by a new password\njust now, by you, from 127.0.0.1",
        "Changed\njust now, by you, from 127.0.0.1\nNow called\nmy phone\nFrom\n127.0.0.2",
        "Refused: it is removed\njust now, from 127.0.0.2, with imap",
        "by root",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    assert!(
        !text.contains(&third) && !text.contains("rotated"),
        "{text}"
    );
    // The old one was given an end, which is a part of its replacement.
    assert_eq!(text.matches("Changed\n").count(), 2, "{text}");
    browser.go(&web.at("/admin/activity?user=neighbour"));
    browser.sees("everybody’s");
    look(&browser, "26-activity-of-everybody");
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
    prove(&web, &browser, 1);
    browser.sees("It is shown this once");
    let secret = browser.text_of("main code").replace('\n', "");

    browser.reload();
    browser.sees("The time for an answer was over, or it was given before");
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
    has_focus(&browser, "user");
    sign_in(&web, &browser);
    web.machine.create("demo --label phone");
    browser.go(&web.at("/"));
    let mut last = -1;
    for expected in [
        "Skip to the content",
        "App-specific passwords",
        "Signed in as demo",
        "+ Generate an app-specific password",
        "Edit",
        "Remove",
        "Recent activity",
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
    browser.go(&web.at("/edit?id=2"));
    look(&browser, "27-german-edit");
    browser.click("[href='/replace?id=2']");
    look(&browser, "28-german-replace");
}
