//! Hostile account holders: what they claim to be, what they send, and how they stall gets them nothing that is another's,
//! and takes nothing from anybody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::process::{Child, Stdio};

use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::{Said, Wish};
use support::cannot_run;
use support::holder::{NEEDS, PASSWORD_ALONE, Scene};
use support::private_machine::eventually;
use zeroize::Zeroizing;

#[test]
fn a_process_is_who_the_kernel_says_and_nobody_whom_it_names() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    scene.machine.create("neighbour --label phone");
    let before = scene.everything();
    let neighbour = UserName::parse("neighbour").ok();
    let origin = Some("192.0.2.7".to_owned());
    let pass = Some(Zeroizing::new("0".repeat(64)));
    for words in [
        &["sign-in"][..],
        &["sign-out", "--everywhere"],
        &["list"],
        &["revoke", "--all", "--yes"],
        &["create", "--label", "mine"],
        &["rules"],
    ] {
        for claim in [
            Wish {
                user: neighbour.clone(),
                ..Wish::of(words)
            },
            Wish {
                pass: pass.clone(),
                ..Wish::of(words)
            },
            Wish {
                origin: origin.clone(),
                ..Wish::of(words)
            },
            Wish {
                user: neighbour.clone(),
                origin: origin.clone(),
                pass: pass.clone(),
                ..Wish::of(words)
            },
        ] {
            let (code, said) = scene.wish("demo", &claim);
            assert_eq!(code, 5, "{words:?}: {said}");
            assert!(
                said.contains("nobody but the web page's user speaks for others"),
                "{said}"
            );
        }
    }
    for words in [
        &["list", "neighbour"][..],
        &["show", "neighbour", "1"],
        &["log", "neighbour"],
        &["revoke", "neighbour", "--all", "--yes"],
        &["revoke", "--everyone", "--never-used", "--yes"],
        &["edit", "neighbour", "1", "--label", "mine"],
        &["rotate", "neighbour", "1"],
        &["create", "neighbour", "--label", "mine"],
        &["create", "--from-list", "/etc/shadow"],
        &["create", "--label", "mine", "--virtual"],
        &["list", "--config", "/run/demo/home/demo/own.toml"],
        &["admin", "list"],
        &["admin", "revoke", "neighbour", "1"],
        &["sign-in"],
        &["sign-out"],
        &["backup", "/run/demo/home/demo/stolen"],
        &["restore", "/run/demo/home/demo/forged", "--yes"],
        &["export", "--with-key"],
        &["import", "/run/demo/home/demo/forged"],
        &["enable", "1"],
        &["prune", "--yes"],
        &["serve"],
        &["converse", "root"],
        &["--json", "list"],
        &["--help"],
        &[""],
        &[],
    ] {
        let (code, said) = scene.wish("demo", &Wish::of(words));
        assert_eq!(code, 5, "{words:?}: {said}");
        assert!(said.contains("only root can do that"), "{words:?}: {said}");
    }
    for words in [
        &["show", "1"][..],
        &["revoke", "1"],
        &["edit", "1", "--label", "mine"],
        &["rotate", "1"],
    ] {
        let (code, said) = scene.wish("demo", &Wish::of(words));
        assert_eq!(code, 3, "{words:?}: {said}");
    }
    assert_eq!(scene.everything(), before);
}

#[test]
fn root_the_page_and_who_has_no_name_are_no_account_holders() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("web_user = \"neighbour\"");
    scene.configure(
        "policy.virtual_users = true\n[self_service]\nenabled = true\nweb_user = \"neighbour\"",
    );
    scene.machine.create("54321 --label phone");
    scene.machine.create("neighbour --label phone");
    for (who, why) in [
        ("root", "root has no app passwords of its own"),
        ("neighbour", "nobody is signed in"),
    ] {
        for words in [&["list"][..], &["revoke", "--all", "--yes"]] {
            let (code, said) = scene.wish(who, &Wish::of(words));
            assert!(code == 5 && said.contains(why), "{who}: {said}");
        }
    }
    // A uid without a name, whose number is a mail user's.
    let line = "setpriv --reuid=54321 --regid=54321 --clear-groups -- app-passwd list";
    let refused = scene.machine.run(line, "").refuses(5);
    assert!(
        refused.contains("knows no user with the uid 54321"),
        "{refused}"
    );
    // Root does not sign in, though the password be right.
    let root = Wish {
        user: UserName::parse("root").ok(),
        ..Wish::of(&["sign-in"])
    };
    scene.stack("auth required pam_permit.so\naccount required pam_permit.so\n");
    let (code, said) = scene.wish("neighbour", &root);
    assert!(code == 1 && said.contains("could not be proved"), "{said}");
}

#[test]
fn what_somebody_calls_a_password_breaks_nobodys_terminal() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    for label in ["\u{1b}]0;owned\u{7}", "a\nb", "\u{9b}2J", "\u{202e}gpj.exe"] {
        let (code, said) = scene.wish("demo", &Wish::of(&["create", "--label", label]));
        assert_eq!(code, 2, "{said}");
        assert!(
            said.lines().all(|line| !line.chars().any(char::is_control)),
            "{said:?}"
        );
        let (_, said) = scene.wish("demo", &Wish::of(&["show", label]));
        assert!(
            said.lines().all(|line| !line.chars().any(char::is_control)),
            "{said:?}"
        );
    }
    // What is harmless on a terminal, and only there.
    let markup = "<script>alert(1)</script>";
    let line = format!("create --label '{markup}' --json");
    assert_eq!(scene.proven("demo", &line).json()["label"], markup);
}

/// A module that forks, has the child write to every descriptor that it gets, and refuses; or that dies.
const FORGER: &str = r#"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int pam_sm_authenticate(void *pam, int flags, int count, const char **words)
{
    if (!strcmp(words[0], "die"))
        kill(getpid(), SIGKILL);
    size_t length = strlen(words[0]) / 2;
    char frames[256];
    for (size_t i = 0; i < length; i++)
        frames[i] = strtol((char[]){words[0][2 * i], words[0][2 * i + 1], 0}, NULL, 16);
    if (!fork()) {
        for (int number = 0; number < 64; number++)
            write(number, frames, length);
        _exit(0);
    }
    wait(NULL);
    sleep(1);
    return 7;
}
int pam_sm_setcred(void *pam, int flags, int count, const char **words) { return 0; }
"#;

#[test]
fn what_a_module_starts_vouches_for_nobody_and_one_that_dies_is_no_try() {
    let needs = [&NEEDS[..], &["gcc"]].concat();
    if cannot_run(&needs) {
        return;
    }
    let scene = Scene::without_codes("");
    let source = scene.machine.file(FORGER);
    let compile = format!("gcc -shared -fPIC -w -x c -o forger.so {source}");
    scene.machine.shell(&compile);
    let stack = |word: &str| {
        scene.stack(&format!(
            "auth required /run/demo/forger.so {word}\naccount required pam_unix.so\n"
        ));
    };
    let said = [
        Said::Out(Zeroizing::new(b"demo".to_vec())),
        Said::End { code: 0 },
    ];
    let frames: Vec<u8> = said
        .iter()
        .flat_map(|said| said.encode().unwrap().to_vec())
        .collect();
    stack(
        &frames
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    );
    scene.own("demo", "create --label phone").refuses(1);
    assert_eq!(scene.everything(), "[]\n[]\n");
    stack("die");
    for _ in 0..6 {
        let refused = scene.own("demo", "create --label phone").refuses(5);
        assert!(refused.contains("PAM has not come to an end"), "{refused}");
    }
    scene.stack(PASSWORD_ALONE);
    scene.proven("demo", "create --label phone").succeeds();
}

#[test]
fn who_stalls_holds_up_nobody_but_themselves() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    let before = scene.belongings();
    let create = Wish::of(&["create", "--label", "phone"]).encode().unwrap();
    // Each sends a wish that asks for a password, and answers nothing, for ever.
    let stall = || -> Child {
        let mut peer = scene.peer("demo", "ask", "", &[&create]);
        peer.stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut stalled: Vec<Child> = (0..20).map(|_| stall()).collect();
    let conversations = || {
        scene
            .machine
            .shell("grep -lz '^converse$' /proc/[0-9]*/cmdline 2>/dev/null | wc -l")
            .trim()
            .parse::<usize>()
            .unwrap()
    };
    assert!(eventually(|| conversations() == 2), "{}", conversations());
    let refused = scene.own("demo", "list").refuses(1);
    assert!(
        refused.contains("too much of this goes on at once"),
        "{refused}"
    );
    scene.proven("neighbour", "create --label phone").succeeds();
    assert_eq!(conversations(), 2);
    for peer in &mut stalled {
        peer.kill().unwrap();
        peer.wait().unwrap();
    }
    scene
        .machine
        .shell("kill $(pgrep -u demo perl) 2>/dev/null; true");
    assert!(eventually(|| conversations() == 0), "{}", conversations());
    assert!(
        eventually(|| scene.belongings() == before),
        "{} instead of {before}",
        scene.belongings()
    );
    scene.own("demo", "list").succeeds();
}

#[test]
fn who_has_as_many_connections_as_they_get_is_told_so() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    let hold = "exec perl -MIO::Socket::UNIX -e '\
        @held = map { IO::Socket::UNIX->new(Peer => \"/run/app-passwd/socket\") } 1 .. 8; \
        exit system(qw(app-passwd list)) >> 8'";
    let refused = scene.run("demo", hold, "").refuses(1);
    assert!(refused.contains("it has too many connections"), "{refused}");
    assert!(refused.contains("hint: try again"), "{refused}");
}

#[test]
fn who_changes_something_without_end_has_to_wait_and_may_revoke_all_the_same() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    scene.machine.create("demo --label phone");
    let line = "for i in $(seq 70); do app-passwd edit 1 --label \"number $i\" || echo no; done";
    let ran = scene.run("demo", line, "");
    assert_eq!(ran.stdout, "no\n".repeat(10), "{ran:?}");
    assert!(
        ran.stderr.contains("changed something too often"),
        "{ran:?}"
    );
    let log = scene.own("demo", "log --json").json();
    assert_eq!(log.as_array().unwrap().len(), 61);
    scene.own("demo", "revoke 1").succeeds();
    scene.proven("neighbour", "create --label phone").succeeds();
}

#[test]
fn a_module_that_hangs_goes_with_whoever_waited_for_it() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::without_codes("");
    scene.stack(&format!(
        "auth required pam_exec.so /bin/sleep 601\n{PASSWORD_ALONE}"
    ));
    scene.run("demo", "timeout 1 app-passwd create --label phone", "");
    let sleeps = || scene.machine.shell("pgrep -cf '^/bin/sleep 601$' || true");
    assert!(eventually(|| sleeps().trim() == "0"), "{}", sleeps());
    scene.own("demo", "list").succeeds();
}

#[test]
fn who_looks_lets_logins_go_first_and_nothing_that_a_change_starts_does_so_for_ever() {
    let needs = [&NEEDS[..], &["strace"]].concat();
    if cannot_run(&needs) {
        return;
    }
    let scene = Scene::without_codes("");
    scene.machine.create("demo --label phone");
    scene.machine.shell(
        "strace -f -qq -e trace=setpriority -o calls -p $(cat helper.pid) >/dev/null 2>&1 & echo $! >strace.pid",
    );
    let traced = "grep -q '^TracerPid:.[1-9]' /proc/$(cat helper.pid)/status";
    assert!(eventually(
        || scene.machine.run(traced, "").status == Some(0)
    ));
    let calls = || {
        let calls = scene.machine.shell("cat calls");
        calls.matches("setpriority(PRIO_PROCESS, 0, 10)").count()
    };
    for looks in ["list", "show phone", "log"] {
        let before = calls();
        scene.own("demo", looks).succeeds();
        assert!(eventually(|| calls() == before + 1), "{looks}");
    }
    scene.own("demo", "edit phone --label mobile").succeeds();
    scene.own("demo", "revoke mobile").succeeds();
    scene.machine.shell("kill $(cat strace.pid)");
    assert_eq!(calls(), 3);
}
