//! Whoever means ill with the self-service page, or has only bad luck, gets nowhere and harms nobody else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::private_machine::eventually;
use support::visitor::{Answer, Visitor};
use support::web::Web;

/// The label of each live entry.
fn labels(web: &Web, user: &str) -> Vec<String> {
    let entries = web.machine.tool(&format!("list {user} --json")).json();
    let label = |entry: &serde_json::Value| entry["label"].as_str().unwrap().to_owned();
    entries.as_array().unwrap().iter().map(label).collect()
}

// -- the flow, by somebody without scripts

#[test]
fn without_javascript_everything_can_be_done() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let password = web.machine.account_password("neighbour");
    let mut neighbour = web.neighbour();
    let secret = neighbour.create("Scanner", &[&password]);
    let check = web
        .machine
        .run("app-passwd check neighbour --service imap", &secret);
    check.succeeds();
    let list = neighbour.get("/");
    assert!(list.body.contains("Scanner") && !list.body.contains(&secret));
    let question = neighbour.get("/revoke?id=1");
    assert!(question.body.contains("Remove “Scanner”?"), "{question:?}");
    let token = question.token();
    let sent = neighbour.post("/revoke", &[("token", &token), ("id", "1")]);
    let list = neighbour.follow(sent);
    assert!(list.body.contains("“Scanner” is removed"), "{list:?}");
    assert!(labels(&web, "neighbour").is_empty());
    neighbour.create("one", &[&password]);
    neighbour.create("two", &[&password]);
    let question = neighbour.get("/revoke-all");
    assert!(question.body.contains("Revoke all 2"), "{question:?}");
    let sent = neighbour.post("/revoke-all", &[("token", &question.token())]);
    assert!(
        neighbour
            .follow(sent)
            .body
            .contains("2 app-specific passwords are revoked")
    );
    assert!(labels(&web, "neighbour").is_empty());
}

#[test]
fn an_administrator_sees_everybodys_and_revokes_after_saying_once_more_who_they_are() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let secret = web.machine.create("demo --label phone");
    web.machine.create("demo --label anything --service any");
    let mut admin = web.neighbour();
    let page = admin.get("/admin");
    assert!(
        page.body.contains("phone") && page.body.contains("demo"),
        "{page:?}"
    );
    assert!(!page.body.contains(&secret));
    assert!(!admin.get("/admin?filter=idle").body.contains("phone"));
    assert!(
        admin
            .get("/admin?filter=never-used&user=demo")
            .body
            .contains("phone")
    );
    assert!(
        !admin
            .get("/admin?filter=all&user=neighbour")
            .body
            .contains("phone")
    );

    let question = admin.get("/admin/revoke?id=1&user=demo");
    let fields = [
        ("token", question.token()),
        ("id", "1".to_owned()),
        ("user", "demo".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let asked = admin.post("/admin/revoke", &fields);
    let wrong = admin.post("/answer", &[("token", &asked.token()), ("answer", "wrong")]);
    let said = admin.follow(wrong).body;
    assert!(
        said.contains("Nothing was removed. That did not work. Check what you typed"),
        "{said}"
    );
    assert_eq!(labels(&web, "demo"), ["phone", "anything"]);

    let token = admin.get("/admin/revoke?id=1&user=demo").token();
    let asked = admin.post(
        "/admin/revoke",
        &[("token", &token), ("id", "1"), ("user", "demo")],
    );
    let password = web.machine.account_password("neighbour");
    let done = admin.post(
        "/answer",
        &[("token", &asked.token()), ("answer", &password)],
    );
    assert!(admin.follow(done).body.contains("“phone” is removed"));
    assert_eq!(labels(&web, "demo"), ["anything"]);
}

#[test]
fn an_administrator_who_weeds_out_comes_back_to_what_they_looked_at() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("demo --label phone");
    web.machine.create("demo --label tablet");
    let mut admin = web.neighbour();
    let look = "/admin?filter=never-used&user=demo";
    let question = "/admin/revoke?id=1&user=demo&filter=never-used&only=demo";
    let page = admin.get(look);
    assert!(
        page.body.contains(&question.replace('&', "&#38;")),
        "{page:?}"
    );
    let asked = admin.get(question);
    assert!(
        asked.body.contains(&look.replace('&', "&#38;")),
        "{asked:?}"
    );
    let token = asked.token();
    let fields = [
        ("token", &*token),
        ("id", "1"),
        ("user", "demo"),
        ("filter", "never-used"),
        ("only", "demo"),
    ];
    let asked = admin.post("/admin/revoke", &fields);
    let token = asked.token();
    let password = web.machine.account_password("neighbour");
    let done = admin.post("/answer", &[("token", &token), ("answer", &password)]);
    assert_eq!(done.header("location"), Some(look));
    let list = admin.follow(done);
    assert!(list.body.contains("“phone” is removed"), "{list:?}");
    assert!(list.body.contains("tablet"), "{list:?}");
    // What somebody else makes of these addresses is text, leads nowhere, and is no option.
    for user in ["%22%3E%3Cscript%3E", "--all", "a/b", "nobody"] {
        let page = admin.get(&format!("/admin?filter=x&user={user}"));
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("none of this kind"), "{page:?}");
        assert!(!page.body.contains("<script>"), "{page:?}");
        let gone = admin.get(&format!("/admin/revoke?id=2&user={user}"));
        assert_eq!(gone.status, 404, "{gone:?}");
    }
    for id in ["1", "3", "-2", "tablet", ""] {
        let gone = admin.get(&format!("/admin/revoke?id={id}&user=demo"));
        assert_eq!(gone.status, 404, "{gone:?}");
    }
}

#[test]
fn of_too_many_an_administrator_names_a_user() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("demo --label phone");
    web.machine.shell(
        "sqlite3 /var/lib/app-passwd/store.db \"
         WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 80000)
         INSERT INTO credential (user, label, key, tag, hash, services, networks, created_at, created_by)
         SELECT 'user' || n, label, key, tag, hash, services, networks, created_at, created_by
         FROM credential, numbers\"",
    );
    let mut admin = web.neighbour();
    let everybody = admin.get("/admin?filter=idle");
    assert_eq!(everybody.status, 200, "{everybody:?}");
    assert!(
        everybody.body.contains("too many to show. Name a user"),
        "{everybody:?}"
    );
    assert!(!everybody.body.contains("does not answer"));
    for user in ["demo", "user80000"] {
        let one = admin.get(&format!("/admin?user={user}"));
        assert!(one.body.contains("1 found"), "{one:?}");
    }
    let question = admin.get("/admin/revoke?id=80000&user=user80000");
    assert_eq!(question.status, 200, "{question:?}");
}

#[test]
fn whoever_is_no_administrator_does_not_see_the_entries_of_others() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("neighbour --label secret-project");
    let mut demo = web.visitor("192.0.2.2");
    let password = web.machine.account_password("demo");
    demo.sign_in("demo", &[&password, &web.code(0)]);
    assert!(demo.get("/").body.contains("No app-specific passwords yet"));
    for path in [
        "/admin",
        "/admin?user=neighbour",
        "/admin?user=a/b",
        "/admin/revoke?id=1&user=neighbour",
    ] {
        let refused = demo.get(path);
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(!refused.body.contains("secret-project"));
    }
}

// -- ids, forms, origins

#[test]
fn another_users_ids_lead_nowhere() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("demo --label phone");
    let mut neighbour = web.neighbour();
    let question = neighbour.get("/revoke?id=1");
    assert_eq!(question.status, 404);
    assert!(!question.body.contains("phone"));
    for id in ["1", "-1", "0 1", "999", "--all", "phone"] {
        let token = neighbour.get("/new").token();
        let sent = neighbour.post(
            "/revoke",
            &[("token", &token), ("id", id), ("user", "demo")],
        );
        neighbour.follow(sent);
        assert_eq!(labels(&web, "demo"), ["phone"], "{id}");
    }
}

#[test]
fn a_form_from_another_site_is_refused() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("neighbour --label phone");
    let mut neighbour = web.neighbour();
    let token = neighbour.get("/revoke?id=1").token();
    let ours = neighbour.headers["Origin"].clone();
    for (header, value) in [
        ("Origin", Some("https://evil.example.org")),
        ("Origin", Some("null")),
        ("Origin", None),
        ("Sec-Fetch-Site", Some("cross-site")),
        ("Sec-Fetch-Site", Some("same-site")),
    ] {
        let before = neighbour.headers.clone();
        match value {
            Some(value) => neighbour
                .headers
                .insert(header.to_owned(), value.to_owned()),
            None => neighbour.headers.remove(header),
        };
        for (path, fields) in [
            ("/revoke", vec![("token", token.as_str()), ("id", "1")]),
            ("/sign-in", vec![("user", "demo")]),
            ("/sign-out", vec![]),
            ("/answer", vec![]),
        ] {
            let refused = neighbour.post(path, &fields);
            assert_eq!(refused.status, 403, "{path} {header} {value:?}");
        }
        neighbour.headers = before;
    }
    assert_eq!(labels(&web, "neighbour"), ["phone"]);
    // It was not the token: with the right origin it is good.
    assert_eq!(neighbour.headers["Origin"], ours);
    neighbour.post("/revoke", &[("token", &token), ("id", "1")]);
    assert!(labels(&web, "neighbour").is_empty());
}

#[test]
fn a_form_without_the_token_of_its_session_does_nothing() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("neighbour --label phone");
    let mut neighbour = web.neighbour();
    let mut elsewhere = web.neighbour();
    let foreign = elsewhere.get("/revoke?id=1").token();
    for token in ["", &"0".repeat(64), &foreign] {
        let sent = neighbour.post("/revoke", &[("token", token), ("id", "1")]);
        assert_eq!(sent.status, 409, "{sent:?}");
        let sent = neighbour.post("/answer", &[("token", token), ("answer", "x")]);
        assert_eq!(sent.status, 409, "{sent:?}");
    }
    assert_eq!(labels(&web, "neighbour"), ["phone"]);
}

#[test]
fn a_form_that_is_sent_again_makes_no_second_password_and_shows_no_secret() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let password = web.machine.account_password("neighbour");
    let mut neighbour = web.neighbour();
    let token = neighbour.get("/new").token();
    let fields = [
        ("token", token.as_str()),
        ("label", "phone"),
        ("service", "mail"),
    ];
    let asked = neighbour.post("/new", &fields);
    let answer = [("token", &*asked.token()), ("answer", &*password)];
    let shown = neighbour.post("/answer", &answer);
    let secret = shown.secret().unwrap();
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    for (path, fields) in [("/answer", &answer as &[_]), ("/new", &fields)] {
        let again = neighbour.post(path, fields);
        assert_eq!(again.status, 409, "{again:?}");
        assert!(!again.body.contains(&secret));
    }
    assert_eq!(labels(&web, "neighbour"), ["phone"]);
}

#[test]
fn what_is_to_be_said_is_not_lost_on_whoever_asks_for_the_head_of_a_page() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("neighbour --label phone");
    let mut neighbour = web.neighbour();
    let token = neighbour.get("/revoke?id=1").token();
    neighbour.post("/revoke", &[("token", &token), ("id", "1")]);
    let session = &neighbour.cookies["__Host-session"];
    let head = format!(
        "curl --silent --head --user-agent Visitor/1 --header 'X-Forwarded-For: 192.0.2.1' \
         --cookie '__Host-session={session}' http://127.0.0.1:$(cat web-port)/"
    );
    assert!(web.machine.shell(&head).starts_with("HTTP/1.1 200"));
    assert!(neighbour.get("/").body.contains("“phone” is removed"));
}

#[test]
fn somebody_elses_conversation_cannot_be_gone_on_with() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let password = web.machine.account_password("neighbour");
    let mut victim = web.visitor("192.0.2.1");
    let token = victim.get("/sign-in").token();
    let asked = victim.post("/sign-in", &[("token", &token), ("user", "neighbour")]);
    let answer = [("token", &*asked.token()), ("answer", &*password)];
    let mut thief = web.visitor("192.0.2.1");
    thief.get("/sign-in");
    assert_eq!(thief.post("/answer", &answer).status, 409);
    // With the cookie, but from elsewhere.
    let mut thief = web.visitor("203.0.113.1");
    thief.cookies = victim.cookies.clone();
    assert_eq!(thief.post("/answer", &answer).status, 409);
    assert_eq!(victim.post("/answer", &answer).status, 303);
}

#[test]
fn a_label_with_markup_is_shown_as_it_was_typed() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let label = "<script>alert(1)</script>\"'&";
    let password = web.machine.account_password("neighbour");
    let mut neighbour = web.neighbour();
    neighbour.create(label, &[&password]);
    assert_eq!(labels(&web, "neighbour"), [label]);
    for path in [
        "/",
        "/revoke?id=1",
        "/revoke-all",
        "/admin",
        "/admin/revoke?id=1&user=neighbour",
    ] {
        let page = neighbour.get(path);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("alert(1)"), "{path}");
        assert!(!page.body.contains("<script>"), "{path}");
    }
}

#[test]
fn what_somebody_calls_theirs_is_no_part_of_the_question_whether_to_revoke_it() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("demo --label 'phone” of neighbour? “x'");
    let mut admin = web.neighbour();
    let question = admin.get("/admin/revoke?id=1&user=demo");
    assert!(
        question
            .body
            .contains("<h1>Remove this app-specific password of demo?</h1>"),
        "{question:?}"
    );
    assert!(
        question.body.contains("<bdi>phone” of neighbour? “x</bdi>"),
        "{question:?}"
    );
}

// -- sessions

#[test]
fn a_session_is_of_the_browser_that_signed_in_and_nobody_elses() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    for (header, value) in [
        ("X-Forwarded-For", "203.0.113.1"),
        ("User-Agent", "Thief/1"),
    ] {
        let mut neighbour = web.neighbour();
        assert_eq!(neighbour.get("/").status, 200);
        let mut thief = web.visitor("192.0.2.1");
        thief.cookies = neighbour.cookies.clone();
        thief.headers.insert(header.to_owned(), value.to_owned());
        assert_eq!(thief.get("/").status, 303, "{header}");
        // Somebody has the cookie: nobody is signed in by it any more.
        assert_eq!(
            neighbour.get("/").header("location"),
            Some("/sign-in?timed-out")
        );
    }
}

#[test]
fn after_signing_out_the_cookie_opens_nothing_and_everywhere_means_every_browser() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let [mut first, mut second, mut third] = [web.neighbour(), web.neighbour(), web.neighbour()];
    let kept = first.cookies.clone();
    let token = first.get("/").token();
    first.post("/sign-out", &[("token", &token)]);
    assert!(first.cookies.is_empty(), "{:?}", first.cookies);
    first.cookies = kept;
    assert_eq!(first.get("/").status, 303);
    assert_eq!(second.get("/").status, 200);
    let token = second.get("/").token();
    second.post("/sign-out", &[("token", &token), ("everywhere", "yes")]);
    assert_eq!(third.get("/").status, 303);
}

#[test]
fn whoever_signs_out_is_signed_out_though_the_helper_does_not_answer() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut neighbour = web.neighbour();
    let kept = neighbour.cookies.clone();
    let token = neighbour.get("/").token();
    web.machine.shell("kill -STOP $(cat helper.pid)");
    let sent = neighbour.post("/sign-out", &[("token", &token)]);
    web.machine.shell("kill -CONT $(cat helper.pid)");
    assert_eq!(sent.header("location"), Some("/sign-in?signed-out"));
    assert!(neighbour.cookies.is_empty(), "{:?}", neighbour.cookies);
    neighbour.cookies = kept;
    assert_eq!(neighbour.get("/").status, 303);
}

#[test]
fn whoever_revokes_slowly_keeps_nobody_else_from_their_list() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine
        .shell("sed -i 's/^run = .*/run = [[\"sleep\", \"2\"]]/' /etc/security/app-passwd.toml");
    for number in 0..4 {
        let create = format!("neighbour --label phone-{number}");
        web.machine.create(&create);
    }
    let mut neighbour = web.neighbour();
    let mut demo = web.visitor("192.0.2.2");
    let password = web.machine.account_password("demo");
    demo.sign_in("demo", &[&password, &web.code(0)]);
    let slow: Vec<_> = ["1", "2", "3", "4"]
        .map(|id| {
            let token = neighbour.get("/new").token();
            let mut tab = web.visitor("192.0.2.1");
            tab.cookies = neighbour.cookies.clone();
            std::thread::spawn(move || tab.post("/revoke", &[("token", &token), ("id", id)]))
        })
        .into();
    std::thread::sleep(Duration::from_millis(500));
    let asked = Instant::now();
    assert_eq!(demo.get("/").status, 200);
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
    for tab in slow {
        tab.join().unwrap();
    }
}

#[test]
fn whoever_asks_for_very_much_at_once_keeps_nobody_else_from_their_list() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let neighbour = web.neighbour();
    let mut demo = web.visitor("192.0.2.2");
    let password = web.machine.account_password("demo");
    demo.sign_in("demo", &[&password, &web.code(0)]);
    let tabs: Vec<_> = (0..200)
        .map(|_| {
            let mut tab = web.visitor("192.0.2.1");
            tab.cookies = neighbour.cookies.clone();
            tab
        })
        .collect();
    let list = |mut visitor: Visitor| (visitor.get("/").status, Instant::now());
    // So that all of it is asked for before anything is answered.
    web.machine.shell("kill -STOP $(cat helper.pid)");
    let much: Vec<_> = tabs
        .into_iter()
        .map(|tab| std::thread::spawn(move || list(tab)))
        .collect();
    // Most of it is refused at once.
    let refused = || much.iter().filter(|tab| tab.is_finished()).count();
    assert!(eventually(|| refused() == 182), "{}", refused());
    let demo = std::thread::spawn(move || list(demo));
    std::thread::sleep(Duration::from_millis(500));
    web.machine.shell("kill -CONT $(cat helper.pid)");
    let (status, served) = demo.join().unwrap();
    assert_eq!(status, 200);
    let much = much.into_iter().map(|tab| tab.join().unwrap());
    let (done, refused): (Vec<_>, Vec<_>) = much.partition(|(status, _)| *status == 200);
    assert!(refused.iter().all(|(status, _)| *status == 429));
    assert_eq!(done.len(), 18);
    // And not all of the rest, which was asked for before, is answered before.
    assert!(done.iter().any(|(_, at)| *at > served));
}

#[test]
fn a_restarted_helper_has_everybody_sign_in_again() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut neighbour = web.neighbour();
    web.machine.shell("kill $(cat helper.pid); sleep 0.3");
    assert_eq!(neighbour.get("/").status, 503);
    web.machine
        .shell("setsid app-passwd serve >/dev/null 2>&1 & sleep 1");
    assert_eq!(
        neighbour.get("/").header("location"),
        Some("/sign-in?timed-out")
    );
    web.neighbour();
}

#[test]
fn every_answer_is_strict_and_cookies_are_for_this_host_alone() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut visitor = web.visitor("192.0.2.1");
    for path in [
        "/",
        "/sign-in",
        "/no-such-page",
        "/style.css",
        "/answer",
        "/admin",
    ] {
        let answer = visitor.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("inline"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        let is_asset = path == "/style.css";
        assert_eq!(
            answer.header("cache-control") == Some("no-store"),
            !is_asset,
            "{path}"
        );
    }
    let cookie = visitor
        .get("/sign-in")
        .header("set-cookie")
        .unwrap()
        .to_owned();
    assert!(cookie.starts_with("__Host-visit="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
}

// -- tries

#[test]
fn an_unknown_user_is_asked_and_answered_like_a_known_one() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let seen = |user| {
        let mut visitor = web.visitor("192.0.2.1");
        let asked = begin(&mut visitor, user);
        let fields = [("token", &*asked.token()), ("answer", "wrong")];
        let refused = visitor.post("/answer", &fields);
        let plain = |text: &str, token: &str| text.replace(user, "USER").replace(token, "TOKEN");
        (
            (asked.status, plain(&asked.body, &asked.token())),
            (refused.status, plain(&refused.body, &refused.token())),
        )
    };
    let (known, unknown) = at_once(|| seen("neighbour"), || seen("nobody-of-this-name"));
    assert_eq!(known, unknown);
}

#[test]
fn a_refusal_takes_two_seconds_and_so_does_not_say_whether_there_is_such_a_user() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    // A password that takes long to check: longer than a question takes to come.
    let hash = "perl -e 'print crypt(\"x\", q($6$rounds=400000$aaaaaaaa))'";
    let set = format!("usermod --password \"$({hash})\" neighbour");
    web.machine.shell(&set);
    let time = |user| {
        let mut visitor = web.visitor("192.0.2.1");
        let asked = begin(&mut visitor, user);
        let fields = [("token", &*asked.token()), ("answer", "wrong")];
        let begun = Instant::now();
        visitor.post("/answer", &fields);
        begun.elapsed()
    };
    let (known, unknown) = at_once(|| time("neighbour"), || time("nobody-of-this-name"));
    assert!(known >= Duration::from_secs(2), "{known:?}");
    let apart = known.abs_diff(unknown);
    assert!(apart < Duration::from_millis(50), "{known:?}, {unknown:?}");
}

#[test]
fn whoever_is_refused_keeps_their_place_until_they_hear_of_it() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    // Each from a network of its own, so that nobody gives way.
    let visitor = |number| web.visitor(&format!("10.0.{number}.1"));
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let begun = |number| {
            let mut visitor = visitor(number);
            let asked = begin(&mut visitor, &format!("nobody-{number}"));
            (visitor, asked)
        };
        let all: Vec<_> = (0..PLACES)
            .map(|number| scope.spawn(move || begun(number)))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let is_question = |answer: &Answer| answer.body.contains("action=\"/answer\"");
    assert!(all.iter().all(|(_, asked)| is_question(asked)));
    let mut next = visitor(PLACES);
    assert_eq!(begin(&mut next, "demo").status, 429);
    let (mut visitor, asked) = all.remove(0);
    let answered = Instant::now();
    std::thread::scope(|scope| {
        let fields = [("token", asked.token()), ("answer", "wrong".to_owned())];
        scope.spawn(move || {
            let fields = fields.each_ref().map(|(name, value)| (*name, &**value));
            visitor.post("/answer", &fields)
        });
        while !is_question(&begin(&mut next, "demo")) {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    // That PAM was done with it at once, nobody has seen who waits for the place.
    let free = answered.elapsed();
    assert!(free >= Duration::from_secs(2), "{free:?}");
}

#[test]
fn ten_thousand_tries_to_sign_in_fill_nothing_and_keep_nobody_else_out() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.neighbour();
    let before = web.status("VmRSS");
    std::thread::scope(|scope| {
        for thread in 0..100 {
            let web = &web;
            scope.spawn(move || {
                let mut visitor = web.visitor("198.51.100.1");
                let token = visitor.get("/sign-in").token();
                for number in 0..100 {
                    let address = format!("10.{thread}.{number}.1");
                    visitor
                        .headers
                        .insert("X-Forwarded-For".to_owned(), address);
                    let fields = [("token", token.as_str()), ("user", "demo")];
                    let answer = visitor.post("/sign-in", &fields);
                    assert!([200, 429].contains(&answer.status), "{answer:?}");
                    if answer.body.contains("action=\"/answer\"") {
                        let token = answer.token();
                        visitor.post("/answer", &[("token", &token), ("answer", "wrong")]);
                    }
                }
            });
        }
    });
    let grown = web.status("VmRSS").saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    web.neighbour();
    let mut demo = web.visitor("192.0.2.7");
    let page = demo.sign_in("demo", &[]);
    assert!(page.body.contains("too many tries"), "{page:?}");
}

#[test]
fn whoever_begins_many_conversations_and_ends_none_keeps_nobody_else_out() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let password = web.machine.account_password("neighbour");
    let mut before = web.neighbour();
    // A household has many networks of IPv6.
    let household = (0..40).map(|number| format!("2001:db8:0:{number:x}::1"));
    let others = (0..12).map(|number| format!("10.0.{number}.1"));
    std::thread::scope(|scope| {
        for address in household.chain(others) {
            let mut visitor = web.visitor(&address);
            scope.spawn(move || begin(&mut visitor, "demo"));
        }
    });
    // Who has signed in is not held up by those who have not.
    before.create("phone", &[&password]);
    // Nor is for long who wants to: what nobody answers gives way.
    std::thread::sleep(Duration::from_secs(20));
    web.neighbour();
}

#[test]
fn whoever_cancels_or_begins_anew_holds_no_place() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut visitor = web.visitor("192.0.2.1");
    for _ in 0..PLACES + 2 {
        assert_eq!(begin(&mut visitor, "demo").status, 200);
    }
    for number in 0..PLACES + 2 {
        let mut visitor = web.visitor(&format!("10.0.{number}.1"));
        let asked = begin(&mut visitor, "neighbour");
        let cancel = [
            ("token", &*asked.token()),
            ("answer", ""),
            ("cancel", "yes"),
        ];
        let cancelled = visitor.post("/answer", &cancel);
        assert_eq!(cancelled.header("location"), Some("/sign-in"));
    }
    web.neighbour();
}

fn at_once<T: Send>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> T) -> (T, T) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// How many may sign in at once.
const PLACES: usize = 14;

/// As far as PAM's first question.
fn begin(visitor: &mut Visitor, user: &str) -> Answer {
    let token = visitor.get("/sign-in").token();
    visitor.post("/sign-in", &[("token", &token), ("user", user)])
}

// -- time and size

#[test]
fn slow_and_endless_requests_are_ended_and_the_others_are_served_meanwhile() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.1\r\n";
    let form = format!(
        "{head}Origin: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken=",
        web.url
    );
    let open = || {
        let sockets = "ls -l /proc/$(cat web.pid)/fd | grep -c socket:";
        web.machine.shell(sockets)
    };
    let (port, before) = (web.port(), open());
    let begun = Instant::now();
    // More than there are places.
    let mut slow: Vec<_> = (0..700)
        .map(|number| match number % 8 {
            0 => sent(port, head),
            1 => sent(port, ""),
            _ => sent(port, &form),
        })
        .collect();
    let style = "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut unread = sent(port, &style.repeat(4_000));
    let mut visitor = web.visitor("192.0.2.1");
    let asked = Instant::now();
    assert_eq!(visitor.get("/sign-in").status, 200);
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    for stream in &mut slow {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
    // Whoever reads none of it for long does not get the rest.
    assert!(eventually(|| open() == before), "{before}, {}", open());
    let mut answers = Vec::new();
    let _ = unread.read_to_end(&mut answers);
    let one = web.visitor("192.0.2.1").get("/style.css").body.len();
    assert!(answers.len() < 4_000 * one, "{}", answers.len());
}

#[test]
fn where_an_answer_is_awaited_over_every_other_connection_whoever_comes_is_served() {
    const PEOPLE: usize = 32;
    const OF_EACH: usize = 16;
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    // None of them is asked anything.
    let stack = "auth required pam_permit.so\naccount required pam_permit.so";
    let people = format!(
        "for n in $(seq {PEOPLE}); do useradd --no-log-init user$n; done; printf '{stack}\n' >/etc/pam.d/app-passwd"
    );
    web.machine.shell(&people);
    let messages: Vec<_> = (1..=PEOPLE)
        .map(|number| {
            let mut visitor = web.visitor(&format!("10.0.{number}.1"));
            let page = visitor.sign_in(&format!("user{number}"), &[]);
            assert!(
                page.body.contains("No app-specific passwords yet"),
                "{page:?}"
            );
            visitor.message("GET", "/", None)
        })
        .collect();
    let port = web.port();
    web.machine.shell("kill -STOP $(cat helper.pid)");
    let busy: Vec<_> = messages
        .iter()
        .flat_map(|message| std::iter::repeat_n(message, OF_EACH))
        .take(511)
        .map(|message| sent(port, message))
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    for _ in 0..3 {
        let served = web.visitor("192.0.2.1").get("/sign-in");
        assert_eq!(served.status, 200, "{served:?}");
    }
    web.machine.shell("kill -CONT $(cat helper.pid)");
    drop(busy);
}

/// A connection over which this was sent.
fn sent(port: u16, message: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(message.as_bytes()).unwrap();
    let patience = Some(Duration::from_secs(40));
    stream.set_read_timeout(patience).unwrap();
    stream
}

#[test]
fn a_body_that_is_too_long_or_no_form_is_refused() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut visitor = web.visitor("192.0.2.1");
    let long = "x".repeat(9 * 1024);
    let refused = visitor.post("/sign-in", &[("user", &long)]);
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("too long"), "{refused:?}");
    let mut visitor: Visitor = web.visitor("192.0.2.1");
    visitor
        .headers
        .insert("X".to_owned(), "x".repeat(64 * 1024));
    assert_eq!(visitor.get("/sign-in").status, 431);
}

#[test]
fn the_address_of_a_form_leads_to_a_page() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut visitor = web.visitor("192.0.2.1");
    for path in ["/answer", "/sign-out"] {
        assert_eq!(visitor.get(path).header("location"), Some("/"), "{path}");
        let refused = visitor.request("PUT", path, Some(""));
        assert!(refused.body.contains("no such page"), "{refused:?}");
    }
}

#[test]
fn a_lifetime_of_hours_and_defaults_that_may_not_be_named_leave_a_form_that_works() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let changes = "s/^services = .*/services = [\"imap\"]\\nmax_lifetime = \"12h\"/";
    let file = "/etc/security/app-passwd.toml";
    web.machine.shell(&format!("sed -i '{changes}' {file}"));
    let mut neighbour = web.neighbour();
    let form = neighbour.get("/new");
    assert!(!form.body.contains("name=\"end\""), "{form:?}");
    assert!(form.body.contains("<details open>"), "{form:?}");
    let fields = [
        ("token", &*form.token()),
        ("label", "phone"),
        ("service", "imap"),
    ];
    let asked = neighbour.post("/new", &fields);
    let password = web.machine.account_password("neighbour");
    let answer = [("token", &*asked.token()), ("answer", &*password)];
    assert!(neighbour.post("/answer", &answer).secret().is_some());
}

#[test]
fn a_proxy_that_does_not_say_where_the_browser_is_gets_no_page_and_fills_no_log() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut visitor = web.visitor("192.0.2.1");
    visitor.headers.remove("X-Forwarded-For");
    for _ in 0..20 {
        assert_eq!(visitor.get("/sign-in").status, 400);
    }
    let log = web.machine.shell("cat web.log");
    assert_eq!(log.matches("client_address_header").count(), 1, "{log}");
}

#[test]
fn stopping_lets_what_was_begun_come_to_its_end() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let mut stream = TcpStream::connect(("127.0.0.1", web.port())).unwrap();
    let fields = "token=x";
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.1\r\nOrigin: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        web.url,
        fields.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    web.machine.shell("kill $(cat web.pid)");
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(("127.0.0.1", web.port())).is_err());
    stream.write_all(fields.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
}

// -- secrets

#[test]
fn no_log_and_no_address_holds_a_secret() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let password = web.machine.account_password("neighbour");
    let mut neighbour = web.neighbour();
    let secret = neighbour.create("phone", &[&password]);
    let session = neighbour.cookies["__Host-session"].clone();
    web.machine.shell("kill $(cat web.pid); sleep 0.3");
    let logs = web.machine.shell("cat web.log auth.log");
    for secret in [&password, &secret, &secret.replace('-', ""), &session] {
        assert!(!logs.contains(secret.as_str()), "{logs}");
    }
}
