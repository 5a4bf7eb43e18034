//! Changing and replacing on the self-service page, and what it tells of that, by somebody without a browser: whoever
//! means ill with it gets nowhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use support::private_machine::eventually;
use support::visitor::{Answer, Sent, Visitor};
use support::web::Web;

fn entries(web: &Web, user: &str) -> Json {
    web.machine.tool(&format!("list {user} --json")).json()
}

/// Sends the form at `path`, or, where none is shown, what it would be.
fn send(visitor: &mut Visitor, path: &str, id: &str, fields: &[(&str, &str)]) -> Answer {
    let form = visitor.get(&format!("{path}?id={}", id.replace(' ', "+")));
    let (token, mark) = match form.status {
        200 => (form.token(), mark(&form)),
        _ => (visitor.get("/new").token(), String::new()),
    };
    let always = [("token", token.as_str()), ("id", id), ("mark", &mark)];
    visitor.post(path, &[&always, fields].concat())
}

/// What the form says of the entry as it was when it was shown.
fn mark(form: &Answer) -> String {
    let mark = form.body.split("name=\"mark\" value=\"").nth(1);
    let mark = mark.and_then(|rest| rest.split('"').next());
    mark.unwrap_or_default().to_owned()
}

const RENAMED: [(&str, &str); 2] = [("label", "mine"), ("service", "mail")];

/// PAM takes its time.
const PROVES_SLOWLY: &str =
    "echo auth optional pam_exec.so quiet /bin/sleep 2 >>/etc/pam.d/app-passwd";

/// What ends sessions takes its time.
const REVOKES_SLOWLY: &str =
    "sed -i 's/^run = .*/run = [[\"sleep\", \"5\"]]/' /etc/security/app-passwd.toml";

#[test]
fn another_users_ids_lead_nowhere_where_something_is_changed_either() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("demo --label secret-project");
    let before = entries(&web, "demo");
    let mut neighbour = web.neighbour();
    for id in ["1", "-1", "demo 1", "999", "secret-project", "--all", ""] {
        for path in ["/edit", "/replace"] {
            let shown = neighbour.get(&format!("{path}?id={}", id.replace(' ', "+")));
            let sent = send(&mut neighbour, path, id, &RENAMED);
            for answer in [shown, sent] {
                assert_eq!(answer.status, 404, "{path} {id}: {answer:?}");
                assert!(!answer.body.contains("secret-project"), "{answer:?}");
            }
        }
    }
    assert_eq!(entries(&web, "demo"), before);
    assert_eq!(entries(&web, "neighbour"), json!([]));
    // What others do is told to administrators, and to nobody else.
    assert!(!neighbour.get("/activity").body.contains("secret-project"));
    let everybody = neighbour.get("/admin/activity");
    assert!(everybody.body.contains("secret-project"), "{everybody:?}");
    // Nor is it told as what somebody has done who has done nothing, or whom there cannot be.
    for nobody in ["neighbour", "--json", "-x", "DOM:demo", "a/b", "%00"] {
        let page = neighbour.get(&format!("/admin/activity?user={nobody}"));
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("Nothing yet."), "{nobody}: {page:?}");
        assert!(!page.body.contains("secret-project"), "{nobody}: {page:?}");
        assert!(!page.body.contains("lang=\"en\">hint"), "{page:?}");
    }
    let mut demo = web.visitor("192.0.2.2");
    let password = web.machine.account_password("demo");
    demo.sign_in("demo", &[&password, &web.code(0)]);
    assert!(demo.get("/activity").body.contains("secret-project"));
    for path in ["/admin/activity", "/admin/activity?user=-x"] {
        assert_eq!(demo.get(path).status, 403, "{path}");
    }
}

#[test]
fn a_form_that_is_sent_again_changes_and_replaces_nothing() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let label = "<script>alert(1)</script>\"'&";
    let password = web.machine.account_password("neighbour");
    let mut neighbour = web.neighbour();
    neighbour.create(label, &[&password]);

    // Less needs no proof; the same form is good once.
    web.machine
        .tool("edit neighbour 1 --label plain")
        .succeeds();
    let form = neighbour.get("/edit?id=1");
    let fields = [
        ("token", &*form.token()),
        ("id", "1"),
        ("mark", &*mark(&form)),
        ("label", "phone"),
        ("service", "imap"),
    ];
    let sent = neighbour.post("/edit", &fields);
    let list = neighbour.follow(sent);
    assert!(list.body.contains("“phone” is changed."), "{list:?}");
    assert_eq!(neighbour.post("/edit", &fields).status, 409);

    // More needs a proof, and no proof changes nothing.
    let more = [("label", "phone"), ("service", "imap"), ("service", "smtp")];
    let before = entries(&web, "neighbour");
    for answer in ["wrong", ""] {
        let asked = send(&mut neighbour, "/edit", "1", &more);
        let reply = [("token", &*asked.token()), ("answer", answer)];
        let refused = neighbour.post("/answer", &reply);
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body.contains("Nothing was changed."), "{refused:?}");
    }
    let asked = send(&mut neighbour, "/replace", "1", &[("old", "at-once")]);
    let wrong = [("token", &*asked.token()), ("answer", "wrong")];
    let refused = neighbour.post("/answer", &wrong);
    let list = neighbour.follow(refused);
    assert!(list.body.contains("Nothing was replaced."), "{list:?}");
    assert_eq!(entries(&web, "neighbour"), before);

    // A secret is shown once, whatever is sent again.
    let asked = send(&mut neighbour, "/replace", "1", &[("old", "at-once")]);
    let answer = [("token", &*asked.token()), ("answer", &*password)];
    let shown = neighbour.post("/answer", &answer);
    let secret = shown.secret().unwrap();
    let again = neighbour.post("/answer", &answer);
    assert_eq!(again.status, 409, "{again:?}");
    assert!(!again.body.contains(&secret), "{again:?}");
    let left = entries(&web, "neighbour");
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["replaces"], 1);
    assert_eq!(left[0]["services"], json!(["imap"]));

    // What was typed is text, also where it is told what was done.
    for path in ["/activity", "/admin/activity"] {
        let told = neighbour.get(path);
        assert!(told.body.contains("alert(1)"), "{told:?}");
        assert!(!told.body.contains("<script>"), "{told:?}");
        assert!(!told.body.contains(&secret), "{told:?}");
    }
}

#[test]
fn where_only_a_label_can_be_chosen_only_that_is_changed() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let file = "/etc/security/app-passwd.toml";
    let line = "s/^enabled = true/&\\nscopes = false/";
    web.machine.shell(&format!("sed -i '{line}' {file}"));
    web.machine
        .create("neighbour --label phone --service sshd --from 192.0.2.0/24");
    let mut neighbour = web.neighbour();
    let form = neighbour.get("/edit?id=1");
    for field in ["service", "networks", "end"] {
        assert!(
            !form.body.contains(&format!("name=\"{field}\"")),
            "{form:?}"
        );
    }
    let wide = [
        ("label", "my phone"),
        ("service", "imap"),
        ("networks", ""),
        ("end", "never"),
    ];
    let sent = send(&mut neighbour, "/edit", "1", &wide);
    let list = neighbour.follow(sent);
    assert!(list.body.contains("“my phone” is changed."), "{list:?}");
    let entry = &entries(&web, "neighbour")[0];
    assert_eq!(entry["services"], json!(["sshd"]));
    assert_eq!(entry["networks"], json!(["192.0.2.0/24"]));
    // What is more than they may name they cannot have once more.
    let refused = send(&mut neighbour, "/replace", "1", &[]);
    let list = neighbour.follow(refused);
    assert!(list.body.contains("Nothing was replaced."), "{list:?}");
    assert!(list.body.contains("app-passwd: error: "), "{list:?}");
    assert!(!list.body.contains("hint: "), "{list:?}");
}

#[test]
fn an_end_beyond_the_longest_life_is_not_offered_and_not_called_a_change() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let file = "/etc/security/app-passwd.toml";
    let line = "s/^enabled = true/&\\nmax_lifetime = \"30d\"/";
    web.machine.shell(&format!("sed -i '{line}' {file}"));
    web.machine
        .create("neighbour --label phone --service mail --expires 30d");
    std::thread::sleep(Duration::from_secs(1)); // of its life is over
    let mut neighbour = web.neighbour();
    assert!(neighbour.get("/new").body.contains("in 30 days"));
    let form = neighbour.get("/edit?id=1");
    assert!(form.body.contains("in 7 days"), "{form:?}");
    assert!(!form.body.contains("in 30 days"), "{form:?}");
    // Whoever sends it nevertheless is not told that it was done.
    let end = [("label", "phone"), ("service", "mail"), ("end", "30")];
    let before = entries(&web, "neighbour");
    let sent = send(&mut neighbour, "/edit", "1", &end);
    let list = neighbour.follow(sent);
    assert!(list.body.contains("Nothing was changed."), "{list:?}");
    assert_eq!(entries(&web, "neighbour"), before);
}

#[test]
fn what_is_meant_unless_something_is_chosen_is_chosen_beforehand_also_where_everything_may_be_named()
 {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    let configure = |services: &str| {
        let file = "/etc/security/app-passwd.toml";
        let line = format!("s/^services = .*/services = [{services}]/");
        web.machine.shell(&format!("sed -i '{line}' {file}"));
    };
    configure("\"any\"");
    web.machine.create("neighbour --label wide --service any");
    let mut neighbour = web.neighbour();
    let form = neighbour.get("/new");
    let (mail, any) = ("value=\"mail\" checked> mail", "value=\"any\"> everything");
    assert!(
        form.body.contains(mail) && form.body.contains(any),
        "{form:?}"
    );
    assert!(
        form.body.contains("“everything” includes mail."),
        "{form:?}"
    );
    let password = web.machine.account_password("neighbour");
    neighbour.create("phone", &[&password]);
    assert_eq!(entries(&web, "neighbour")[1]["services"], json!(["mail"]));
    assert!(neighbour.get("/").body.contains("<dd>everything</dd>"));
    let mut german = web.visitor("192.0.2.1");
    let header = ("Accept-Language".to_owned(), "de".to_owned());
    german.headers.extend([header]);
    let list = german.sign_in("neighbour", &[&password]);
    assert!(list.body.contains("<dd>alles</dd>"), "{list:?}");

    // A group says what it contains; what may not be named is not offered.
    configure("\"imap\", \"mail\", \"smtp\"");
    let form = web.neighbour().get("/new");
    assert!(
        form.body.contains("“mail” includes imap, smtp."),
        "{form:?}"
    );
    configure("\"imap\"");
    let form = web.neighbour().get("/new");
    assert!(!form.body.contains("value=\"mail\""), "{form:?}");
    assert!(!form.body.contains("includes"), "{form:?}");
}

#[test]
fn a_form_that_is_older_than_the_entry_takes_nothing_back() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("neighbour --label phone");
    let mut neighbour = web.neighbour();
    let form = neighbour.get("/edit?id=1");
    web.machine
        .tool("edit neighbour 1 --service imap --from 192.0.2.0/24")
        .succeeds();
    let fields = [
        ("token", &*form.token()),
        ("id", "1"),
        ("mark", &*mark(&form)),
        ("label", "my phone"),
        ("service", "mail"),
    ];
    let now = neighbour.post("/edit", &fields);
    assert_eq!(now.status, 422, "{now:?}");
    assert!(now.body.contains("changed elsewhere meanwhile"), "{now:?}");
    assert!(now.body.contains("value=\"192.0.2.0/24\""), "{now:?}");
    assert_eq!(entries(&web, "neighbour")[0]["label"], "phone");
}

#[test]
fn whoever_changes_slowly_and_hangs_up_keeps_nobody_else_from_their_list() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.shell(REVOKES_SLOWLY);
    let mut demo = web.visitor("192.0.2.2");
    let password = web.machine.account_password("demo");
    demo.sign_in("demo", &[&password, &web.code(0)]);
    let mut neighbour = web.neighbour();
    let password = web.machine.account_password("neighbour");
    for number in 1..=3 {
        let create = format!("neighbour --label phone-{number}");
        web.machine.create(&create);
    }
    for id in ["1", "2"] {
        let sent = begin_replacing(&mut neighbour, id, &password);
        until(&web, id, |old| old["revoked"] != Json::Null);
        drop(sent);
    }
    let busy = send(&mut neighbour, "/replace", "3", &[("old", "at-once")]);
    let asked = Instant::now();
    assert_eq!(demo.get("/").status, 200);
    assert!(asked.elapsed() < Duration::from_secs(1));
    // Two of them at once are theirs, for as long as each takes, though nobody waits for them any more.
    assert_eq!(busy.status, 429, "{busy:?}");
}

#[test]
fn whoever_hangs_up_before_there_is_a_secret_keeps_the_old_one() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.shell(PROVES_SLOWLY);
    web.machine.create("neighbour --label phone --service imap");
    let mut neighbour = web.neighbour();
    let password = web.machine.account_password("neighbour");
    let sent = begin_replacing(&mut neighbour, "1", &password);
    while_pam_is_at_it();
    drop(sent);
    until(&web, "2", |new| new["revoked"]["why"] == "not shown");
    let old = web.machine.show("neighbour", "1");
    assert_eq!(
        (&old["status"], &old["replaced_by"]),
        (&json!("active"), &Json::Null)
    );

    let sent = begin_creating(&mut neighbour, &password);
    while_pam_is_at_it();
    drop(sent);
    until(&web, "3", |new| new["revoked"]["why"] == "not shown");
    // Somebody who waits is shown another.
    let shown = begin_replacing(&mut neighbour, "1", &password).answer();
    assert!(shown.secret().is_some(), "{shown:?}");
    assert_eq!(entries(&web, "neighbour")[0]["id"], 4);
}

#[test]
fn whoever_signs_out_before_there_is_a_secret_leaves_none() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine
        .shell(&format!("{PROVES_SLOWLY}; {REVOKES_SLOWLY}"));
    web.machine.create("neighbour --label phone --service imap");
    let password = web.machine.account_password("neighbour");
    let begin: [fn(&mut Visitor, &str) -> Sent; 2] = [begin_creating, |visitor, password| {
        begin_replacing(visitor, "1", password)
    }];
    for (id, begin) in ["2", "3"].into_iter().zip(begin) {
        let mut neighbour = web.neighbour();
        let sent = begin(&mut neighbour, &password);
        while_pam_is_at_it();
        sign_out(&mut neighbour);
        let answer = sent.answer();
        assert_eq!(answer.header("location"), Some("/sign-in?timed-out"));
        until(&web, id, |new| new["revoked"]["why"] == "not shown");
    }
    assert_eq!(entries(&web, "neighbour")[0]["id"], 1);
    // Too late to take it back: it is shown.
    let mut neighbour = web.neighbour();
    let sent = begin_replacing(&mut neighbour, "1", &password);
    until(&web, "1", |old| old["revoked"] != Json::Null);
    sign_out(&mut neighbour);
    let shown = sent.answer();
    assert!(shown.secret().is_some(), "{shown:?}");
}

fn sign_out(visitor: &mut Visitor) {
    let form = visitor.get("/").token();
    let answer = visitor.post("/sign-out", &[("token", &form)]);
    assert_eq!(answer.header("location"), Some("/sign-in?signed-out"));
}

/// Has one replaced at once, up to the answer to PAM's question.
fn begin_replacing(visitor: &mut Visitor, id: &str, password: &str) -> Sent {
    let asked = send(visitor, "/replace", id, &[("old", "at-once")]);
    visitor.send(
        "/answer",
        &[("token", &asked.token()), ("answer", password)],
    )
}

/// The same for a new one.
fn begin_creating(visitor: &mut Visitor, password: &str) -> Sent {
    let form = visitor.get("/new").token();
    let fields = [("token", &*form), ("label", "tablet"), ("service", "mail")];
    let asked = visitor.post("/new", &fields);
    visitor.send(
        "/answer",
        &[("token", &asked.token()), ("answer", password)],
    )
}

fn while_pam_is_at_it() {
    std::thread::sleep(Duration::from_millis(500));
}

/// Waits until this is true of an entry of neighbour's.
#[track_caller]
fn until(web: &Web, id: &str, is_true: impl Fn(&Json) -> bool) {
    let shown = || web.machine.tool(&format!("show neighbour {id} --json"));
    let is_so = || {
        let shown = shown();
        shown.status == Some(0) && is_true(&shown.json())
    };
    assert!(eventually(is_so), "{:?}", shown());
}

#[test]
fn what_may_be_open_still_is_told_as_a_problem_in_the_readers_language() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine
        .shell("sed -i 's/^run = .*/run = [[\"false\"]]/' /etc/security/app-passwd.toml");
    for label in ["one", "two", "three"] {
        web.machine.create(&format!("neighbour --label {label}"));
    }
    web.machine.create("demo --label phone");
    let password = web.machine.account_password("neighbour");
    let mut neighbour = web.neighbour();
    let proven = |visitor: &mut Visitor, asked: &Answer| {
        let token = asked.token();
        let done = visitor.post("/answer", &[("token", &token), ("answer", &password)]);
        visitor.follow(done)
    };
    let token = neighbour.get("/revoke?id=1").token();
    let sent = neighbour.post("/revoke", &[("token", &token), ("id", "1")]);
    let removed = neighbour.follow(sent);
    let asked = send(&mut neighbour, "/replace", "2", &[("old", "at-once")]);
    let replaced = proven(&mut neighbour, &asked);
    let token = neighbour.get("/admin/revoke?id=4&user=demo").token();
    let fields = [("token", &*token), ("id", "4"), ("user", "demo")];
    let asked = neighbour.post("/admin/revoke", &fields);
    let removed_of_another = proven(&mut neighbour, &asked);
    let german = ("Accept-Language".to_owned(), "de".to_owned());
    neighbour.headers.extend([german]);
    let token = neighbour.get("/revoke-all").token();
    let sent = neighbour.post("/revoke-all", &[("token", &token)]);
    let revoked_all = neighbour.follow(sent);
    let still_open = "But what was opened before may still be open.";
    for (page, done, but) in [
        (removed, "“one” is removed.", still_open),
        (replaced, "The old password does not work", still_open),
        (removed_of_another, "“phone” is removed.", still_open),
        (revoked_all, "2 app-spezifische", "vielleicht noch offen."),
    ] {
        let notice = page.body.split("id=\"notice\"").nth(1).unwrap();
        let notice = notice.split("</div>").next().unwrap();
        assert!(notice.contains("role=\"alert\""), "{notice}");
        assert!(notice.contains(done) && notice.contains(but), "{notice}");
        assert!(!notice.contains("lang=\"en\""), "{notice}");
    }
}

#[test]
fn a_session_that_was_ended_is_named_without_what_only_a_shell_can_use() {
    let Some(web) = Web::behind_a_proxy() else {
        return;
    };
    web.machine.create("neighbour --label phone");
    // As the module notes one.
    let pid = web.machine.shell(
        "setsid sleep 600 >/dev/null 2>&1 & pid=$!; notes=/run/app-passwd/sessions
         install -d -m 0700 $notes
         note=$notes/$pid-$(cut -d ' ' -f 22 /proc/$pid/stat)
         (umask 077; printf '1\\nneighbour\\nsshd\\n203.0.113.7\\n\\n' >$note)
         echo $pid",
    );
    let pid = pid.trim_end();
    let mut neighbour = web.neighbour();
    let token = neighbour.get("/revoke?id=1").token();
    let sent = neighbour.post("/revoke", &[("token", &token), ("id", "1")]);
    let list = neighbour.follow(sent);
    let ended = "<p>Ended: sshd session from 203.0.113.7</p>";
    assert!(list.body.contains(ended), "{list:?}");
    assert!(!list.body.contains(&format!("process {pid}")), "{list:?}");
    assert!(!web.machine.runs(pid));
}
