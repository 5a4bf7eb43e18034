//! su and sudo: protected services, whose real and effective uid differ, so that they ask the helper. The real programs,
//! and the stacks that `pam.d/su` and `pam.d/sudo` ship.

mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::private_machine::{PrivateMachine, eventually};
use support::ssh::Server;
use support::{Ran, WRONG, cannot_run};

const SCRIPT: &str = "su-and-sudo.sh";

/// Both let somebody become another with an app password of demo's: neighbour becomes demo, demo becomes root.
const BOTH: [Program; 2] = [
    Program {
        name: "su",
        line: "setpriv --reuid=neighbour --regid=neighbour --clear-groups -- su demo -c",
        becomes: "demo",
    },
    Program {
        name: "sudo",
        line: "setpriv --reuid=demo --regid=demo --clear-groups -- sudo -S sh -c",
        becomes: "root",
    },
];

struct Program {
    name: &'static str,
    line: &'static str,
    becomes: &'static str,
}

impl Program {
    /// `id` as somebody else, with these answers.
    fn command(&self, machine: &PrivateMachine, answers: &[&str]) -> Command {
        let answers = machine.file(&(answers.join("\n") + "\n"));
        machine.command(&format!("{} 'id -un' <{answers}", self.line))
    }

    fn run(&self, machine: &PrivateMachine, answers: &[&str]) -> Ran {
        support::machine::run(self.command(machine, answers), b"")
    }

    #[track_caller]
    fn lets_in(&self, machine: &PrivateMachine, answers: &[&str]) {
        let ran = self.run(machine, answers);
        let became = (ran.status, ran.stdout.trim_end());
        assert_eq!(
            became,
            (Some(0), self.becomes),
            "{ran:?}\n{}",
            machine.log()
        );
    }

    #[track_caller]
    fn keeps_out(&self, machine: &PrivateMachine, answers: &[&str]) {
        let ran = self.run(machine, answers);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (Some(1), ""),
            "{ran:?}\n{}",
            machine.log()
        );
    }
}

/// Nothing, after having said so, where that cannot be had.
fn start() -> Option<PrivateMachine> {
    let needs = [
        "root", "unshare", "nsenter", "perl", "openssl", "oathtool", "setpriv", "sqlite3",
    ];
    if cannot_run(&[&needs[..], &["su", "sudo"]].concat()) {
        return None;
    }
    Some(PrivateMachine::with(SCRIPT))
}

/// Starts the helper, which ends with the machine.
#[track_caller]
fn start_helper(machine: &PrivateMachine) {
    machine.shell("app-passwd serve >/dev/null 2>&1 & echo $! >helper.pid");
    assert!(eventually(|| {
        machine.run("test -S /run/app-passwd/socket", "").status == Some(0)
    }));
}

#[test]
fn without_the_helper_an_app_password_opens_neither_and_the_log_says_what_to_do() {
    let Some(machine) = start() else { return };
    let password = machine.create("demo --label shell --service su --service sudo");
    let (account, code) = (machine.account_password("demo"), machine.code());
    for program in &BOTH {
        program.keeps_out(&machine, &[&password]);
        machine.logged(&format!(
            "pam_app_passwd({}:auth): /run/app-passwd/socket: No such file or directory",
            program.name
        ));
    }
    machine.logged("app-passwd serve");
    assert!(machine.show("demo", "shell")["last_used"].is_null());
    BOTH[0].lets_in(&machine, &[&account, &code]);
}

#[test]
fn an_app_password_that_names_them_opens_both() {
    let Some(machine) = start() else { return };
    let password = machine.create("demo --label shell --service su --service sudo");
    let second = machine.create("demo --label second --service su --service sudo");
    start_helper(&machine);
    for program in &BOTH {
        for password in [&password, &second, &password] {
            program.lets_in(&machine, &[password]);
        }
        machine.logged(&format!(
            r#"pam_app_passwd({}:auth): accepted; user=demo rhost= entry=1 label="shell""#,
            program.name
        ));
    }
    assert_eq!(
        machine.show("demo", "shell")["last_used"]["service"],
        "sudo"
    );
}

#[test]
fn an_app_password_that_may_not_is_refused_and_the_log_says_why() {
    let Some(machine) = start() else { return };
    let named = "--service su --service sudo";
    let passwords: Vec<_> = [
        ("mail", "", "protected"),
        ("anything", "--service any", "protected"),
        ("ssh", "--service sshd", "protected"),
        ("near", &format!("{named} --from 127.0.0.0/8"), "network"),
        ("short", &format!("{named} --expires 1s"), "expired"),
        ("lost", named, "revoked"),
        ("resting", named, "disabled"),
    ]
    .into_iter()
    .map(|(label, limits, reason)| {
        let password = machine.create(&format!("demo --label {label} {limits}"));
        (label, password, reason)
    })
    .collect();
    machine.tool("revoke demo lost").succeeds();
    machine.disable("resting");
    machine.shell("sleep 1.1");
    start_helper(&machine);
    for (label, password, reason) in passwords {
        for program in &BOTH {
            program.keeps_out(&machine, &[&password]);
            machine.logged(&format!(
                "pam_app_passwd({}:auth): refused; user=demo rhost= entry={} label=\"{label}\" reason={reason}",
                program.name,
                machine.show("demo", label)["id"]
            ));
        }
    }
}

#[test]
fn what_opens_nothing_opens_neither() {
    let Some(machine) = start() else { return };
    let neighbours = machine.create("neighbour --label shell --service su --service sudo");
    machine.create("demo --label shell --service su --service sudo");
    let account = machine.account_password("demo");
    start_helper(&machine);
    for program in &BOTH {
        program.keeps_out(&machine, &[WRONG]);
        program.keeps_out(&machine, &[&neighbours]);
        program.keeps_out(&machine, &[&account, "000000"]);
    }
}

#[test]
fn the_account_password_opens_both_with_its_code() {
    let Some(machine) = start() else { return };
    start_helper(&machine);
    let account = machine.account_password("demo");
    BOTH[0].lets_in(&machine, &[&account, &machine.code()]);
    // A code is good once; the next one is accepted already.
    let next = machine.shell("oathtool --totp --base32 --now '30 seconds' - <demo.code-secret");
    BOTH[1].lets_in(&machine, &[&account, next.trim_end()]);
}

#[test]
fn root_becomes_anybody_without_being_asked() {
    let Some(machine) = start() else { return };
    assert_eq!(machine.shell("su demo -c 'id -un'"), "demo\n");
    assert!(!machine.log().contains("pam_app_passwd"));
}

#[test]
fn twenty_at_once_are_let_in() {
    let Some(machine) = start() else { return };
    let password = machine.create("demo --label shell --service su --service sudo");
    start_helper(&machine);
    let spawn = |number: usize| {
        let mut command = BOTH[number % 2].command(&machine, &[&password]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<_> = (0..20).map(spawn).collect();
    for child in running {
        Ran::from(child.wait_with_output().unwrap()).succeeds();
    }
}

#[test]
fn a_helper_that_does_not_answer_delays_them_for_a_bounded_time() {
    let Some(machine) = start() else { return };
    let password = machine.create("demo --label shell --service su --service sudo");
    let (account, code) = (machine.account_password("demo"), machine.code());
    start_helper(&machine);
    machine.shell("kill -STOP $(cat helper.pid)");
    for program in &BOTH {
        let began = Instant::now();
        program.keeps_out(&machine, &[&password]);
        // Five seconds for the helper, and what pam_unix makes one wait for after a wrong password.
        assert!(
            began.elapsed() < Duration::from_secs(9),
            "{:?}",
            began.elapsed()
        );
    }
    machine.logged("pam_app_passwd(su:auth): /run/app-passwd/socket:");
    // What is no app password waits for nobody.
    let began = Instant::now();
    BOTH[0].lets_in(&machine, &[&account, &code]);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    machine.shell("kill -CONT $(cat helper.pid)");
    BOTH[1].lets_in(&machine, &[&password]);
}

#[test]
fn revoking_ends_what_they_run_and_leaves_the_session_around_it() {
    if cannot_run(&["su", "sudo"]) {
        return;
    }
    let Some(server) = Server::start_beside(SCRIPT) else {
        return;
    };
    let machine = &server.machine;
    start_helper(machine);
    let sleep = "sleep 600 >/dev/null 2>&1 & echo \\$!; wait";
    for (user, line) in [
        ("neighbour", format!("su neighbour -c \"{sleep}\"")),
        ("demo", format!("sudo -S sh -c \"{sleep}\"")),
    ] {
        let revoked = machine.create(&format!("{user} --label one --service su --service sudo"));
        let kept = machine.create(&format!("{user} --label two --service su --service sudo"));
        let [mut ended, mut left_alone] = [revoked, kept].map(|password| {
            let answers = machine.file(&(password + "\n"));
            server.open_with("", "publickey", &[], &format!("{line} <{answers} &"))
        });
        let said = machine.tool(&format!("revoke {user} one")).stderr;
        assert_eq!(said.matches("Ended the su").count(), 1, "{said}");
        assert!(!machine.runs(&ended.sleep));
        assert!(machine.runs(&left_alone.sleep));
        // The sessions around them were opened by key.
        assert!(ended.goes_on());
        assert!(left_alone.goes_on());
    }
}

#[test]
fn no_log_holds_a_password() {
    let Some(machine) = start() else { return };
    let password = machine.create("demo --label shell --service su --service sudo");
    let account = machine.account_password("demo");
    start_helper(&machine);
    for program in &BOTH {
        program.lets_in(&machine, &[&password]);
        program.keeps_out(&machine, &[WRONG]);
        program.keeps_out(&machine, &[&account, "000000"]);
    }
    machine.tool("revoke demo shell").succeeds();
    BOTH[0].keeps_out(&machine, &[&password]);
    let log = machine.log();
    for secret in [
        &password,
        &password.replace('-', ""),
        &account,
        &WRONG.replace('-', ""),
    ] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
    assert!(!log.contains(WRONG), "{log}");
}
