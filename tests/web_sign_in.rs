//! What the helper does for the web page's user: it speaks for whoever has proved to PAM, through it, who they are, as long as
//! it shows the pass that it got for that; and for nobody else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::process::{Child, Stdio};

use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::Wish;
use serde_json::{Value as Json, json};
use support::cannot_run;
use support::holder::{NEEDS, Scene};
use support::private_machine::eventually;
use zeroize::Zeroizing;

/// Whose processes the page is made of, here.
const PAGE: &str = "www-data";
const NO_DELAY: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n";

struct Page {
    scene: Scene,
}

impl Page {
    fn with(keys: &str) -> Page {
        let scene = Scene::with(&format!("web_user = \"{PAGE}\"\n{keys}"));
        scene.stack(NO_DELAY);
        Page { scene }
    }

    fn sign_in_from(&self, address: &str, user: &str, answers: &[&str]) -> (u8, String) {
        let wish = Wish {
            user: UserName::parse(user).ok(),
            origin: Some(address.to_owned()),
            ..Wish::of(&["sign-in"])
        };
        self.scene.wish_answered(PAGE, &wish, answers)
    }

    /// A pass for somebody who knows their password.
    #[track_caller]
    fn pass(&self, user: &str) -> String {
        let password = self.scene.machine.account_password(user);
        let (code, pass) = self.sign_in_from("192.0.2.7", user, &[&password]);
        assert!(code == 0 && pass.len() == 64, "{pass}");
        pass
    }

    /// Somebody who asks to sign in, and never answers.
    fn stranger(&self, number: usize) -> Child {
        let wish = Wish {
            user: UserName::parse(&format!("stranger{number}")).ok(),
            origin: Some(format!("198.18.{number}.7")),
            ..Wish::of(&["sign-in"])
        };
        let frame = wish.encode().unwrap();
        let mut peer = self.scene.peer(PAGE, "ask", "", &[&frame]);
        peer.stdin(Stdio::null()).stdout(Stdio::null());
        peer.spawn().unwrap()
    }

    fn does(&self, pass: &str, words: &[&str], answers: &[&str]) -> (u8, String) {
        let wish = Wish {
            origin: Some("192.0.2.7".to_owned()),
            pass: Some(Zeroizing::new(pass.to_owned())),
            json: true,
            ..Wish::of(words)
        };
        self.scene.wish_answered(PAGE, &wish, answers)
    }
}

#[test]
fn who_signs_in_looks_after_their_own_with_the_pass() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("max_lifetime = \"400d\"");
    page.scene.machine.create("neighbour --label phone");
    let password = page.scene.machine.account_password("demo");
    let pass = page.pass("demo");
    page.scene
        .machine
        .logged("signed in; user=demo from=192.0.2.7");
    let (code, rules) = page.does(&pass, &["rules"], &[]);
    let expected = json!({
        "user": "demo", "scopes": true, "services": ["mail"], "includes": {}, "default_services": ["mail"], "max_lifetime_days": 400,
        "max_per_user": 25, "admin": false
    });
    assert_eq!(
        (code, serde_json::from_str::<Json>(&rules).unwrap()),
        (0, expected)
    );
    // A secret takes the password once more.
    assert_eq!(page.does(&pass, &["create", "--label", "tablet"], &[]).0, 2);
    assert_eq!(
        page.does(&pass, &["create", "--label", "tablet"], &["wrong"])
            .0,
        1
    );
    // One answer for PAM, and one that says that the secret was written.
    let (code, made) = page.does(&pass, &["create", "--label", "tablet"], &[&password, ""]);
    assert_eq!(code, 0, "{made}");
    let (code, list) = page.does(&pass, &["list"], &[]);
    let list: Json = serde_json::from_str(&list).unwrap();
    assert_eq!((code, list.as_array().unwrap().len()), (0, 1));
    assert_eq!(page.does(&pass, &["revoke", "1"], &[]).0, 3);
    assert_eq!(page.does(&pass, &["list", "neighbour"], &[]).0, 5);
    assert_eq!(page.does(&pass, &["admin", "list"], &[]).0, 5);
    assert_eq!(page.does(&pass, &["revoke", "2"], &[]).0, 0);
    // Where it was done from is in the event.
    let log = page.scene.machine.tool("log demo --json").json();
    let events = log.as_array().unwrap();
    assert_eq!(events.len(), 2);
    for event in events {
        let detail = event["detail"].as_str().unwrap();
        assert!(
            event["by"] == "demo" && detail.ends_with(" from=192.0.2.7"),
            "{event}"
        );
    }
    page.scene.machine.logged(
        "revoked; user=demo entry=2 by=demo label=\"tablet\" why=\"by hand\" from=192.0.2.7",
    );
}

#[test]
fn a_pass_is_good_for_the_page_alone_and_until_it_is_ended() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("");
    let [one, other, neighbours] = ["demo", "demo", "neighbour"].map(|user| page.pass(user));
    let stolen = Wish {
        pass: Some(Zeroizing::new(one.clone())),
        ..Wish::of(&["list"])
    };
    assert_eq!(page.scene.wish("neighbour", &stolen).0, 5);
    assert_eq!(page.scene.wish("games", &stolen).0, 5);
    let of_nobody = |pass: &str| {
        let (code, said) = page.does(pass, &["list"], &[]);
        code == 5 && said.contains("nobody is signed in")
    };
    assert!(of_nobody(&"0".repeat(64)) && of_nobody(""));
    // Not the page either says beside it whose it is.
    let mixed = Wish {
        user: UserName::parse("neighbour").ok(),
        ..stolen
    };
    assert_eq!(page.scene.wish(PAGE, &mixed).0, 5);
    assert_eq!(page.does(&one, &["sign-out"], &[]).0, 0);
    assert!(of_nobody(&one) && !of_nobody(&other));
    assert_eq!(page.does(&other, &["sign-out", "--everywhere"], &[]).0, 0);
    assert!(of_nobody(&other) && !of_nobody(&neighbours));
}

#[test]
fn a_pass_of_whoever_may_do_nothing_any_more_can_be_ended() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("");
    let pass = page.pass("neighbour");
    let keys = format!("[self_service]\nenabled = true\nweb_user = \"{PAGE}\"\n");
    page.scene
        .configure(&format!("{keys}groups = [\"no-such-group\"]\n"));
    assert_eq!(page.does(&pass, &["rules"], &[]).0, 5);
    assert_eq!(page.does(&pass, &["sign-out"], &[]).0, 0);
    page.scene.configure(&keys);
    let (_, said) = page.does(&pass, &["rules"], &[]);
    assert!(said.contains("nobody is signed in"), "{said}");
}

#[test]
fn who_does_not_exist_is_answered_like_who_does() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("groups = [\"neighbour\"]");
    let wrong = page.sign_in_from("192.0.2.7", "demo", &["wrong"]);
    assert_eq!(
        page.sign_in_from("192.0.2.7", "no-such-user", &["wrong"]),
        wrong
    );
    assert_eq!(
        page.sign_in_from("192.0.2.7", "neighbour", &["wrong"]),
        wrong
    );
    assert_eq!(wrong.0, 1);
    // Nobody learns here that a password is right, nor tries without end: neither root's, nor that of who may not do it alone.
    page.scene
        .machine
        .shell("usermod -p \"$(openssl passwd -6 secret)\" root");
    let password = page.scene.machine.account_password("demo");
    for (user, password, left) in [("root", "secret", 5), ("demo", &*password, 4)] {
        for _ in 0..left {
            let said = page.sign_in_from("198.51.100.7", user, &[password]);
            assert_eq!(said, wrong, "{user}");
        }
        assert_eq!(page.sign_in_from("203.0.113.7", user, &[password]).0, 4);
    }
}

#[test]
fn what_is_typed_as_a_name_is_told_to_nobody() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("");
    let machine = &page.scene.machine;
    let look = machine.file("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ\n");
    page.scene.stack(&format!(
        "auth optional pam_exec.so quiet log=/run/demo/seen /usr/bin/env -i PATH=/usr/bin:/bin /bin/sh {look}\n{NO_DELAY}"
    ));
    let (code, _) = page.sign_in_from("192.0.2.7", "Tr0ub4dor-and-3", &["wrong"]);
    assert_eq!(code, 1);
    let seen = machine.shell("tr '\\0' '\\n' <seen");
    assert!(
        seen.contains("converse") && !seen.contains("Tr0ub4dor"),
        "{seen}"
    );
    machine.logged("unproven; from=192.0.2.7 tries_left=4");
    let log = machine.log();
    assert!(
        !log.contains("app-passwd: Tr0ub4dor") && !log.contains("unproven; user="),
        "{log}"
    );
}

#[test]
fn strangers_stop_nobody_who_has_signed_in() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("");
    let password = page.scene.machine.account_password("demo");
    let pass = page.pass("demo");
    // Neither by failing in their name, from anywhere,
    for number in 0..5 {
        let address = format!("198.51.{number}.7");
        assert_eq!(page.sign_in_from(&address, "demo", &["wrong"]).0, 1);
    }
    assert_eq!(page.sign_in_from("203.0.113.7", "demo", &[&password]).0, 4);
    let create = &["create", "--label", "phone"];
    assert_eq!(page.does(&pass, create, &[&password, ""]).0, 0);
    // nor by sitting at the question who they are.
    let mut strangers: Vec<Child> = (0..20).map(|number| page.stranger(number)).collect();
    let conversations = || {
        let count = "grep -lz '^converse$' /proc/[0-9]*/cmdline 2>/dev/null | wc -l";
        page.scene.machine.shell(count).trim().to_owned()
    };
    assert!(
        eventually(|| conversations() == "16"),
        "{}",
        conversations()
    );
    assert_eq!(page.does(&pass, &["list"], &[]).0, 0);
    let create = &["create", "--label", "tablet"];
    assert_eq!(page.does(&pass, create, &[&password, ""]).0, 0);
    for stranger in &mut strangers {
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}

#[test]
fn who_goes_away_before_an_answer_has_tried_for_the_network_and_not_for_the_user() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("");
    for _ in 0..20 {
        assert_eq!(page.sign_in_from("192.0.2.7", "demo", &[]).0, 2);
    }
    assert_eq!(page.sign_in_from("192.0.2.8", "neighbour", &[]).0, 4);
    let password = page.scene.machine.account_password("demo");
    assert_eq!(page.sign_in_from("198.51.100.7", "demo", &[&password]).0, 0);
}

#[test]
fn five_failures_of_a_user_or_twenty_of_a_network_are_enough() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("");
    for _ in 0..5 {
        assert_eq!(page.sign_in_from("192.0.2.7", "demo", &["wrong"]).0, 1);
    }
    let password = page.scene.machine.account_password("demo");
    assert_eq!(page.sign_in_from("198.51.100.7", "demo", &[&password]).0, 4);
    for number in 0..15 {
        let (address, user) = (format!("192.0.2.{number}"), format!("user{number}"));
        assert_eq!(page.sign_in_from(&address, &user, &["wrong"]).0, 1);
    }
    let password = page.scene.machine.account_password("neighbour");
    assert_eq!(
        page.sign_in_from("192.0.2.200", "neighbour", &[&password])
            .0,
        4
    );
    assert_eq!(
        page.sign_in_from("198.51.100.7", "neighbour", &[&password])
            .0,
        0
    );
    // In a shell demo is by uid, and may go on.
    page.scene.proven("demo", "create --label phone").succeeds();
}

#[test]
fn an_administrator_sees_and_revokes_what_others_have_and_makes_none() {
    if cannot_run(&NEEDS) {
        return;
    }
    let page = Page::with("groups = [\"no-such-group\"]\nadmin_groups = [\"neighbour\"]");
    page.scene.machine.create("demo --label phone");
    let password = page.scene.machine.account_password("neighbour");
    let pass = page.pass("neighbour");
    let (code, list) = page.does(&pass, &["admin", "list"], &[]);
    let list: Json = serde_json::from_str(&list).unwrap();
    assert_eq!((code, &list[0]["user"]), (0, &json!("demo")));
    assert_eq!(page.does(&pass, &["admin", "log"], &[]).0, 0);
    assert_eq!(page.does(&pass, &["admin", "show", "demo", "1"], &[]).0, 0);
    for words in [
        &["admin", "create", "demo", "--label", "x"][..],
        &["admin", "rotate", "demo", "1"],
        &["admin", "edit", "demo", "1", "--label", "x"],
        &["admin", "revoke", "--everyone", "--never-used", "--yes"],
        &["admin", "export"],
        &["admin", "enable", "demo", "1"],
    ] {
        assert_eq!(page.does(&pass, words, &[&password]).0, 5, "{words:?}");
    }
    let revoke = &["admin", "revoke", "demo", "1"];
    assert_eq!(page.does(&pass, revoke, &[]).0, 2);
    assert_eq!(page.does(&pass, revoke, &["wrong"]).0, 1);
    let (code, revoked) = page.does(&pass, revoke, &[&password]);
    let revoked: Json = serde_json::from_str(&revoked).unwrap();
    assert_eq!(
        (code, &revoked[0]["revoked"]["by"]),
        (0, &json!("neighbour"))
    );
}
