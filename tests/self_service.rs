//! Account holders who do it alone, in a shell: the real tool without root, the real helper, the real PAM with a second
//! factor and real codes, and a real terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::time::{Duration, Instant};

use serde_json::Value as Json;
use support::cannot_run;
use support::holder::{NEEDS, PASSWORD_ALONE, Scene};
use support::private_machine::eventually;
use support::ssh::Server;
use support::terminal::CTRL_C;

const PASSWORD: &str = "Password: ";
const CODE: &str = "Verification code: ";

/// The line of letters among what a terminal showed.
fn minted(shown: &str) -> Option<&str> {
    let is_password = |line: &&str| line.len() == 29 && line.split('-').all(|four| four.len() == 4);
    shown.lines().map(str::trim_end).find(is_password)
}

#[test]
fn an_app_password_is_made_on_the_terminal_with_the_account_password_and_a_code() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    let (password, code) = (scene.machine.account_password("demo"), scene.machine.code());
    let answers = [
        (PASSWORD, password.clone() + "\r"),
        (CODE, code.clone() + "\r"),
    ];
    let answers = [0, 1].map(|number| (answers[number].0, answers[number].1.as_str()));
    let ran = scene.on_a_terminal("demo", "create --label phone", &answers);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let shown = ran.stdout;
    assert!(
        !shown.contains(&password) && !shown.contains(&code),
        "{shown}"
    );
    assert!(shown.contains("App password 1 \"phone\" of demo. It is shown once:"));
    let made = minted(&shown).expect("an app password");
    let checked = scene
        .machine
        .run("app-passwd check demo --service imap", made);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    // Everything is an event, by the person.
    let log: Json = scene.own("demo", "log --json").json();
    assert_eq!(
        (log[0]["action"].as_str(), log[0]["by"].as_str()),
        (Some("created"), Some("demo"))
    );
    assert_eq!(scene.machine.show("demo", "phone")["created_by"], "demo");
    scene
        .machine
        .logged("created; user=demo entry=1 by=demo label=\"phone\"");
}

#[test]
fn without_the_code_or_the_password_nothing_is_made() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    let password = scene.machine.account_password("demo");
    let (right, wrong) = (format!("{password}\r"), format!("{password}!\r"));
    for answers in [
        &[(PASSWORD, wrong.as_str())][..],
        &[(PASSWORD, right.as_str()), (CODE, "000000\r")],
        &[(PASSWORD, "\r")],
    ] {
        let ran = scene.on_a_terminal("demo", "create --label phone", answers);
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(
            ran.stdout
                .contains("you could not be proved to be who you are"),
            "{ran:?}"
        );
        assert_eq!(minted(&ran.stdout), None);
    }
    let given_up = scene.on_a_terminal("demo", "create --label phone", &[(PASSWORD, CTRL_C)]);
    assert_eq!(given_up.status, Some(2), "{given_up:?}");
    assert!(
        given_up.stdout.contains("cancelled; nothing was changed"),
        "{given_up:?}"
    );
    assert_eq!(scene.everything(), "[]\n[]\n");
}

#[test]
fn whatever_the_stack_says_and_asks_reaches_the_terminal() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    let banner = scene
        .machine
        .file("Hello %u.\nThis machine is watched.\u{1b}[2J\n");
    scene.stack(&format!(
        "auth required pam_echo.so file={banner}
         auth required pam_unix.so
         auth required pam_google_authenticator.so echo_verification_code
         account required pam_unix.so\n"
    ));
    let (password, code) = (scene.machine.account_password("demo"), scene.machine.code());
    let (password, answer) = (password + "\r", code.clone() + "\r");
    let answers = [(PASSWORD, password.as_str()), (CODE, answer.as_str())];
    let ran = scene.on_a_terminal("demo", "create --label phone", &answers);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(
        ran.stdout
            .contains("Hello demo.\r\nThis machine is watched."),
        "{ran:?}"
    );
    // What moves the cursor does not.
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
    // Its echo is on.
    assert!(ran.stdout.contains(&format!("{CODE}{code}")), "{ran:?}");
}

#[test]
fn an_app_password_never_makes_another() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("services = [\"mail\", \"any\", \"app-passwd\"]");
    let any = scene.machine.create("demo --label any --service any");
    let before = scene.machine.tool("log --json").succeeds();
    for stack in [
        PASSWORD_ALONE.to_owned(),
        format!("auth sufficient pam_app_passwd.so\n{PASSWORD_ALONE}"),
        format!("auth sufficient pam_app_passwd.so service=imap\n{PASSWORD_ALONE}"),
        "auth required pam_app_passwd.so\naccount required pam_app_passwd.so\n".to_owned(),
    ] {
        scene.stack(&stack);
        let ran = scene.run(
            "demo",
            "app-passwd create --label more",
            &(any.clone() + "\n"),
        );
        ran.refuses(1);
    }
    scene.stack(PASSWORD_ALONE);
    let named = scene.proven("demo", "create --label more --service app-passwd");
    named.refuses(4);
    assert_eq!(scene.machine.tool("log --json").succeeds(), before);
}

#[test]
fn lists_and_revocations_need_no_password_and_are_about_ones_own() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    for user in ["demo", "neighbour"] {
        scene.machine.create(&format!("{user} --label phone"));
    }
    scene.machine.create("demo --label tablet");
    let own = scene.own("demo", "list --json").json();
    let whose = |list: &Json| -> Vec<String> {
        let entries = list.as_array().unwrap().iter();
        entries.map(|entry| entry["user"].to_string()).collect()
    };
    assert_eq!(whose(&own), ["\"demo\"", "\"demo\""]);
    // One's own name is as good as none.
    assert_eq!(scene.own("demo", "list demo --json").json(), own);
    assert_eq!(scene.own("demo", "--json list").json(), own);
    assert_eq!(scene.own("demo", "show demo phone --json").json()["id"], 1);
    assert_eq!(scene.own("demo", "show phone --json").json()["id"], 1);
    // Others are not there, neither by name nor by number.
    for (arguments, status) in [
        ("show 2", 3),
        ("revoke 2", 3),
        ("revoke 1 2", 3),
        ("revoke neighbour 2", 3),
        ("edit 2 --label mine", 3),
        ("rotate 2", 3),
        ("list neighbour", 5),
        ("show neighbour phone", 5),
        ("log neighbour", 5),
        ("revoke neighbour --all --yes", 5),
        ("revoke --everyone --never-used --yes", 5),
        ("create neighbour --label more", 5),
        ("create --label more --virtual", 2),
        ("disable phone", 2),
        ("prune --yes", 5),
        ("list nobody neighbour", 2),
    ] {
        let before = scene.everything();
        scene.own("demo", arguments).refuses(status);
        assert_eq!(scene.everything(), before, "{arguments}");
    }
    let revoked = scene.own("demo", "revoke phone tablet --json").json();
    assert_eq!(revoked.as_array().unwrap().len(), 2);
    assert_eq!(revoked[0]["revoked"]["by"], "demo");
    assert_eq!(
        scene
            .own("neighbour", "list --json")
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let log = scene.own("demo", "log --json").json();
    let users = whose(&log);
    assert!(!users.is_empty() && users.iter().all(|user| user == "\"demo\""));
}

#[test]
fn all_are_revoked_when_the_question_is_answered() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    scene.machine.create("demo --label phone");
    scene.machine.create("demo --label tablet");
    let question = "Revoke 2 app passwords of demo? [y/N] ";
    for (answer, status) in [("n\r", 2), (CTRL_C, 2), ("y\r", 0)] {
        let ran = scene.on_a_terminal("demo", "revoke --all", &[(question, answer)]);
        assert_eq!(ran.status, Some(status), "{ran:?}");
    }
    assert_eq!(
        scene.own("demo", "list").stderr,
        "There are no app passwords.\n"
    );
    scene.machine.create("demo --label phone");
    // Nobody is there to be asked.
    let hint = scene.own("demo", "revoke --all").refuses(2);
    assert!(hint.contains("--yes answers it"), "{hint}");
    scene.own("demo", "revoke --all --yes").succeeds();
}

#[test]
fn a_label_is_changed_without_a_password_and_what_an_entry_opens_only_with_one() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("services = [\"mail\", \"web\"]");
    scene.machine.shell("touch /etc/pam.d/imap /etc/pam.d/web");
    scene
        .machine
        .create("demo --label phone --service mail --from 192.0.2.0/24 --expires 30d");
    for narrower in [
        "--label mobile",
        "--service imap",
        "--from 192.0.2.7",
        "--expires 20d",
    ] {
        scene.own("demo", &format!("edit 1 {narrower}")).succeeds();
    }
    for wider in [
        "--service mail",
        "--service imap --service web",
        "--from 192.0.2.0/24",
        "--any-network",
        "--expires 25d",
        "--expires never",
    ] {
        let before = scene.everything();
        scene.own("demo", &format!("edit 1 {wider}")).refuses(2);
        assert_eq!(scene.everything(), before, "{wider}");
        scene.proven("demo", &format!("edit 1 {wider}")).succeeds();
    }
    let entry = scene.machine.show("demo", "mobile");
    assert_eq!(entry["services"], serde_json::json!(["imap", "web"]));
    assert!(entry["expires"].is_null(), "{entry}");
    // A successor is a secret, too.
    scene.own("demo", "rotate 1").refuses(2);
    let rotated = scene.proven("demo", "rotate 1");
    assert_eq!(
        minted(&rotated.stdout),
        Some(rotated.stdout.trim_end()),
        "{rotated:?}"
    );
    let log = scene.own("demo", "log --json").json();
    let others: Vec<_> = log.as_array().unwrap()[1..]
        .iter()
        .filter(|event| event["by"] != "demo")
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn what_they_may_have_is_what_the_configuration_leaves_them() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("services = [\"mail\"]\nmax_lifetime = \"30d\"");
    for (arguments, status) in [
        ("create --label a --service sshd", 4),
        ("create --label a --service any", 4),
        ("create --label a --service imap --service web", 4),
        ("create --label a --service imap", 0),
        ("create --label b --expires 90d", 0),
    ] {
        let ran = scene.proven("demo", arguments);
        assert_eq!(ran.status, Some(status), "{arguments}: {ran:?}");
    }
    let listed = scene.own("demo", "list --json").json();
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| !entry["expires"].is_null()),
        "{listed}"
    );
    // What root has made is not taken away, nor does it become more.
    scene.machine.create("demo --label backup --service sshd");
    scene.proven("demo", "rotate backup").refuses(4);
    scene.own("demo", "edit backup --label night").succeeds();
    scene
        .proven("demo", "edit night --service sshd --service sudo")
        .refuses(4);
    // A label alone.
    scene.configure("[self_service]\nenabled = true\nscopes = false");
    for limits in ["--service imap", "--from 192.0.2.7", "--expires 1d"] {
        scene
            .proven("demo", &format!("create --label c {limits}"))
            .refuses(4);
        scene.own("demo", &format!("edit a {limits}")).refuses(4);
    }
    scene.proven("demo", "create --label c").succeeds();
    // As many as everybody.
    scene.configure("policy.max_per_user = 4\n[self_service]\nenabled = true");
    let hint = scene.own("demo", "create --label d").refuses(4);
    assert!(
        hint.contains("hint: revoke one that is no longer used\n"),
        "{hint}"
    );
    // Some groups, or nobody.
    scene.configure("[self_service]\nenabled = true\ngroups = [\"no-such-group\", \"neighbour\"]");
    scene.own("demo", "list").refuses(5);
    scene.own("neighbour", "list").succeeds();
    scene.configure("");
    let refused = scene.own("neighbour", "list").refuses(5);
    assert!(
        refused.contains("here only root makes and ends app passwords"),
        "{refused}"
    );
}

#[test]
fn who_revokes_the_app_password_of_their_own_session_hears_it_before_it_ends() {
    let Some(server) = Server::start_beside("helper.sh") else {
        return;
    };
    let machine = &server.machine;
    let config = machine.file("[self_service]\nenabled = true\n");
    machine.shell(&format!("mv {config} /etc/security/app-passwd.toml"));
    let phone = machine.create("demo --label phone --service sshd");
    let line = "/run/demo/bin/app-passwd revoke phone; echo status $?; exec sleep 600";
    let began = Instant::now();
    let login = server.ssh("password", "demo", line, &[&phone]);
    // The end of the tool came in time, and that of the session after it.
    assert_eq!(login.ran.stdout, "status 0\n", "{login:?}");
    assert!(
        login.ran.stderr.contains("Revoked: 1 \"phone\" of demo."),
        "{login:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(20), "{login:?}");
    server.keeps_out("password", "demo", &[&phone]);
}

#[test]
fn a_secret_that_cannot_be_written_is_revoked() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    let password = scene.machine.account_password("demo") + "\n";
    for (number, command) in [
        "create --label phone >/dev/full",
        "create --label phone --json >/dev/full",
    ]
    .iter()
    .enumerate()
    {
        let ran = scene.run("demo", &format!("app-passwd {command}"), &password);
        assert_eq!(ran.status, Some(1), "{ran:?}");
        let error =
            "cannot write to standard output: it was not taken\nhint: the app password was revoked";
        assert!(ran.stderr.contains(error), "{ran:?}");
        let entry = scene.machine.show("demo", &(number + 1).to_string());
        assert_eq!(entry["revoked"]["why"], "not shown");
    }
    scene.proven("demo", "create --label phone >&-").refuses(1);
    assert_eq!(
        scene.own("demo", "list --json").json(),
        serde_json::json!([])
    );
}

#[test]
fn root_has_the_tool_as_it_was() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    scene.machine.tool("create --label phone").refuses(2);
    scene.machine.tool("show phone").refuses(2);
    scene.machine.tool("revoke phone").refuses(2);
    scene.machine.tool("create root --label phone").succeeds();
    assert_eq!(
        scene
            .machine
            .tool("list --json")
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn without_a_helper_or_a_stack_they_are_told() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::with("");
    scene.machine.shell("rm /etc/pam.d/app-passwd");
    let refused = scene.proven("demo", "create --label phone").refuses(5);
    assert!(
        refused.contains("there is no /etc/pam.d/app-passwd"),
        "{refused}"
    );
    // What is root's to mend is root's to read.
    scene.machine.create("demo --label phone");
    scene
        .machine
        .shell("chmod 644 /var/lib/app-passwd/store.db");
    let refused = scene.own("demo", "list").refuses(5);
    assert!(
        refused.contains("app passwords cannot be reached at the moment"),
        "{refused}"
    );
    assert!(!refused.contains("/var/lib"), "{refused}");
    scene
        .machine
        .shell("kill $(cat helper.pid); rm -f /run/app-passwd/socket");
    let refused = scene.own("demo", "list").refuses(5);
    assert!(refused.contains("the helper does not answer"), "{refused}");
}

#[test]
fn who_fails_five_times_has_to_wait_and_others_have_not() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    // No delay, which is another's.
    scene.stack("auth required pam_unix.so nodelay\naccount required pam_unix.so\n");
    for _ in 0..5 {
        scene
            .run("demo", "app-passwd create --label phone", "wrong\n")
            .refuses(1);
    }
    let refused = scene.proven("demo", "create --label phone").refuses(4);
    assert!(
        refused.contains("failed to prove who you are too often"),
        "{refused}"
    );
    scene.own("demo", "list").succeeds();
    scene.proven("neighbour", "create --label phone").succeeds();
}

#[test]
fn a_conversation_has_a_clean_process_that_goes_when_somebody_hangs_up() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    let look = scene
        .machine
        .file("env; ls -l /proc/$PPID/fd; readlink /proc/$PPID/cwd; grep Sig /proc/$PPID/status");
    scene.stack(&format!(
        "auth required pam_exec.so quiet log=/run/demo/seen /bin/sh {look}\n{PASSWORD_ALONE}"
    ));
    scene.proven("demo", "create --label phone").succeeds();
    let seen = scene.machine.shell("cat seen");
    for line in [
        "PAM_SERVICE=app-passwd",
        "PAM_USER=demo",
        "PAM_RUSER=demo",
        "PAM_TTY=app-passwd",
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line}: {seen}");
    }
    let descriptors = seen.lines().filter(|line| line.contains(" -> "));
    let named = |name: &&str| !name.ends_with("/dev/null") && !name.contains(" 2 -> ");
    let others: Vec<_> = descriptors.filter(named).collect();
    // Its own, and a copy of it.
    assert!(
        others.len() <= 2 && others.iter().all(|name| name.contains("socket:")),
        "{seen}"
    );
    let ignored = seen.lines().find_map(|line| line.strip_prefix("SigIgn:\t"));
    let ignored = u64::from_str_radix(ignored.unwrap(), 16).unwrap();
    // The two between 31 and 34 are the C library's.
    assert_eq!(ignored & !(3 << 31), 0, "{seen}");
    // Somebody goes away while they are asked.
    let asked = "mkfifo /run/demo/home/demo/never; (exec app-passwd create --label tablet <>/run/demo/home/demo/never) & \
                 sleep 1; kill -KILL $!";
    let count = || {
        scene
            .machine
            .shell("grep -lz '^converse$' /proc/*/cmdline 2>/dev/null | wc -l; true")
    };
    scene.run("demo", asked, "");
    assert!(eventually(|| count().trim() == "0"), "{}", count());
    // Nothing was tried, so nothing is counted.
    for _ in 0..6 {
        scene
            .run("demo", "app-passwd create --label tablet", "")
            .refuses(2);
    }
    scene.proven("demo", "create --label tablet").succeeds();
}
