//! What strangers type and what odd hosts are like: nothing of it opens, stops or changes anything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::path::Path;
use std::process::Command;
use std::thread;

use support::machine::run;
use support::strace::{trace_in, traced, wrapped};
use support::{Client, Code, Machine, Ran, WRONG, cannot_run};

const MIB: usize = 1 << 20;

// -- passwords

#[test]
fn hostile_passwords_are_not_ours() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]).into_bytes();
    let with = |before: &[u8], after: &[u8]| [before, &good, after].concat();
    let passwords = [
        Vec::new(),
        vec![b'a'; MIB],
        vec![0xff; 24],
        b"\x08\n\r\x7fINCORRECT".to_vec(),
        b"\0".repeat(24),
        with(b"", b"\n"),
        with(b"\r", b""),
        with(b"", b"\x1b"),
        with(b"\x0b", b""),
        with(b"", b"\x7f"),
        with(b"", b"\xff"),
        with(b"", b"a"),
        with(b"", b"1"),
        with(b"", b"_"),
        with(b"", "\u{200b}".as_bytes()),
        with(b"", "\u{2016}".as_bytes()),
        with(b"", "\u{2212}".as_bytes()),
        with(b"", &[b'a'; MIB]),
        good[..28].to_vec(),
        // These turn into ASCII letters when a Unicode library lower-cases or folds them.
        "\u{212a}".repeat(24).into_bytes(),
        "\u{17f}".repeat(24).into_bytes(),
        "\u{ff41}".repeat(24).into_bytes(),
    ];
    for password in passwords {
        let shown = String::from_utf8_lossy(&password[..password.len().min(60)]).into_owned();
        assert_eq!(
            machine.login("imap", "alice", &password),
            Code::AUTH_ERR,
            "{shown:?}"
        );
    }
}

#[test]
fn case_blanks_and_every_dash_that_phones_insert_are_read_over() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let plain = good.replace('-', "");
    let mut passwords = vec![
        plain.clone(),
        plain.to_uppercase(),
        format!(" {good}\t"),
        plain
            .chars()
            .flat_map(|letter| ['-', ' ', letter])
            .collect(),
    ];
    let dashes = ['\u{a0}'].into_iter().chain('\u{2010}'..='\u{2015}');
    passwords.extend(dashes.map(|dash| good.replace('-', &dash.to_string())));
    for password in passwords {
        assert_eq!(
            machine.login("imap", "alice", &password),
            Code::SUCCESS,
            "{password:?}"
        );
    }
}

#[test]
fn what_stands_behind_a_nul_is_not_there() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]).into_bytes();
    assert_eq!(
        machine.login("imap", "alice", [&good[..], b"\0\xff"].concat()),
        Code::SUCCESS
    );
    assert_eq!(
        machine.login("imap", "alice", [b"\0", &good[..]].concat()),
        Code::AUTH_ERR
    );
}

// -- user names, services, hosts

#[test]
fn hostile_user_names_are_unknown_users() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let names: [&[u8]; 14] = [
        b"",
        b"Alice",
        b"alice ",
        b" alice",
        b"alice\n",
        b"alice\t",
        b"alice:",
        b"alice/../alice",
        b"-alice",
        b"al\xffce",
        b"%s%n",
        b"' OR 1=1 --",
        &[b'a'; 256],
        &[b'a'; MIB],
    ];
    for name in names {
        let shown = String::from_utf8_lossy(&name[..name.len().min(60)]);
        assert_eq!(
            machine.pam("imap", name).password(&good).authenticate(),
            Code::AUTH_ERR,
            "{shown:?}"
        );
        assert_eq!(
            machine.pam("imap", name).password("hunter2").authenticate(),
            Code::AUTH_ERR
        );
    }
}

#[test]
fn hostile_service_names_open_nothing() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let names: [&[u8]; 7] = [
        b"imap ",
        b"im\nap",
        b"\xff\xfe",
        b"%s",
        b"'imap'",
        b"*",
        &[b'i'; 200],
    ];
    for name in names {
        let code = machine.pam(name, "alice").password(&good).authenticate();
        assert_eq!(
            code,
            Code::PERM_DENIED,
            "{:?}",
            String::from_utf8_lossy(name)
        );
    }
}

#[test]
fn hostile_remote_hosts_are_not_in_any_network() {
    let machine = Machine::new();
    let anywhere = machine.create("alice", "phone", &[]);
    let somewhere = machine.create(
        "alice",
        "tablet",
        &["--from", "192.0.2.0/24", "--from", "2001:db8::/32"],
    );
    let long = "1".repeat(4_096);
    let hosts: [&[u8]; 12] = [
        b"",
        b"localhost",
        b"192.0.2.7.example.org",
        b"192.0.2.7 ",
        b"192.0.2.7\n",
        b"192.0.2.007",
        b"192.0.2",
        b"0xc0000207",
        b"2001:db8::7%eth0\n",
        b"[2001:db8::7]\xff",
        b"192.0.2.7/24",
        long.as_bytes(),
    ];
    for host in hosts {
        let login = |password: &str| {
            machine
                .pam("imap", "alice")
                .rhost(host)
                .password(password)
                .authenticate()
        };
        let shown = String::from_utf8_lossy(&host[..host.len().min(60)]);
        assert_eq!(login(&somewhere), Code::PERM_DENIED, "{shown:?}");
        assert_eq!(login(&anywhere), Code::SUCCESS, "{shown:?}");
        assert_eq!(login(WRONG), Code::AUTH_ERR, "{shown:?}");
    }
    // libpam itself gives up on this one, where it reports to the kernel's audit.
    let code = machine.login_from(&"1".repeat(MIB), "imap", "alice", &somewhere);
    assert!([Code::PERM_DENIED, Code(4)].contains(&code), "{code:?}");
}

// -- the process that the module is a guest in

/// One login of each kind, whatever happens to it.
fn every_kind_of_login(machine: &Machine) -> Vec<Client> {
    let good = machine.create("alice", "phone", &[]);
    let revoked = machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    let client = || machine.client("imap", "alice").rhost("192.0.2.7");
    vec![
        client().password(good),
        client().password(revoked),
        client().password(WRONG),
        client().password("hunter2"),
        client().password(""),
        client(),
    ]
}

#[test]
fn a_login_leaves_the_process_as_it_was() {
    let machine = Machine::new();
    for client in every_kind_of_login(&machine) {
        let ran = with_facts(client).run(&["authenticate", "acct_mgmt", "setcred"]);
        assert_facts_equal(&ran);
    }
    std::fs::write(machine.store(), "this is no database").unwrap();
    let client = with_facts(machine.client("imap", "alice").password(WRONG));
    assert_facts_equal(&client.run(&["authenticate"]));
}

#[test]
fn a_thousand_logins_leave_no_descriptor_and_no_memory_behind() {
    // The cheapest hash there is: what is counted here does not depend on it.
    let machine = Machine::configured("hash.memory_kib = 8");
    for client in every_kind_of_login(&machine).into_iter().take(3) {
        let ran = with_facts(client)
            .option(&["--repeat", "1000"])
            .run(&["authenticate", "setcred"]);
        assert_eq!(ran.stdout.matches("authenticate ").count(), 1_000);
        assert_facts_equal(&ran);
        let resident = kilobytes(&ran, "resident");
        assert!(
            resident[2] < resident[1] + 1_024,
            "grew from {} to {} kB",
            resident[1],
            resident[2]
        );
    }
}

#[test]
fn the_memory_of_an_expensive_hash_is_given_back() {
    let machine = Machine::configured("hash.memory_kib = 65536");
    let good = machine.create("alice", "phone", &[]);
    let client = with_facts(machine.client("imap", "alice").password(good));
    let ran = client.run(&["authenticate"]);
    assert_eq!(ran.code("authenticate"), Code::SUCCESS);
    let (resident, peak) = (kilobytes(&ran, "resident"), kilobytes(&ran, "peak"));
    assert!(peak[1] > 65_536, "{peak:?}: the hash needs its memory");
    assert!(
        resident[1] < resident[0] + 16_384,
        "{resident:?}: and returns it"
    );
}

#[test]
fn a_host_with_its_standard_descriptors_closed_gets_its_answer() {
    let machine = Machine::new();
    let before = machine.create("alice", "phone", &[]);
    let client = |password: &str| {
        machine
            .client("imap", "alice")
            .password(password)
            .option(&["--no-stdio"])
    };
    assert_eq!(client(&before).run(&["authenticate"]).status, Some(0));
    assert_eq!(
        client(WRONG).run(&["authenticate"]).status,
        Some(Code::AUTH_ERR.0)
    );
    assert_eq!(
        client("hunter2").run(&["authenticate"]).status,
        Some(Code::AUTH_ERR.0)
    );
    assert_eq!(
        machine.login("imap", "alice", before),
        Code::SUCCESS,
        "the store has suffered"
    );
}

#[test]
fn a_host_with_a_closed_pipe_for_standard_error_lives() {
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    machine.stack(
        "imap",
        "auth required APP_PASSWD debug colour=blue\naccount required APP_PASSWD",
    );
    for (password, expected) in [(good.as_str(), 0), (WRONG, 7), ("hunter2", 7)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let client = machine
            .client("imap", "alice")
            .option(&["authenticate"])
            .command;
        let mut shell = shell_with_input(&format!("{password}\n"), client);
        assert_eq!(
            shell.stderr(writer).status().unwrap().code(),
            Some(expected),
            "{password}"
        );
    }
}

#[test]
fn a_login_says_nothing_on_standard_output_or_error() {
    let machine = Machine::new();
    machine.stack(
        "imap",
        "auth required APP_PASSWD debug colour=blue\naccount required APP_PASSWD",
    );
    for client in every_kind_of_login(&machine) {
        let ran = client.run(&["authenticate"]);
        assert_eq!(
            (ran.stdout.lines().count(), ran.stderr.as_str()),
            (1, ""),
            "{ran:?}"
        );
    }
}

#[test]
fn a_hostile_environment_changes_nothing_and_no_path_in_it_is_touched() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let client = machine.client("imap", "alice").rhost("192.0.2.7");
    let trace = machine.path("trace");
    let client = client.option(&["authenticate"]).command;
    let mut client = Client::from(traced(client, "%file", &trace));
    let variables = [
        "HOME",
        "TMPDIR",
        "SQLITE_TMPDIR",
        "TZDIR",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "PWD",
        "APP_PASSWD_CONFIG",
        "PGSERVICEFILE",
        "RUST_LOG",
        "NOTIFY_SOCKET",
        "LOCPATH",
    ];
    for variable in variables {
        client.command.env(variable, "/hostile");
    }
    client
        .command
        .env("RUST_BACKTRACE", "full")
        .env("TZ", ":/hostile/zone")
        .env("LANG", "\u{1b}[31m");
    assert_eq!(client.password(good).run(&[]).status, Some(0));
    let trace = trace_in(&trace);
    assert!(
        !trace
            .lines()
            .any(|line| !line.contains("execve") && line.contains("hostile")),
        "{trace}"
    );
}

#[test]
fn a_login_starts_no_process_and_changes_nothing_that_belongs_to_the_host() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    let calls = [
        "openat",
        "clone",
        "clone3",
        "fork",
        "vfork",
        "execve",
        "rt_sigaction",
        "rt_sigprocmask",
        "umask",
        "chdir",
        "fchdir",
        "setuid",
        "setgid",
        "setreuid",
        "setresuid",
        "setgroups",
        "setrlimit",
        "prctl",
        "nanosleep",
        "clock_nanosleep",
        "kill",
        "tgkill",
    ];
    for client in every_kind_of_login(&machine) {
        let answers = client.answers();
        let Client { command, .. } = client.option(&["authenticate", "acct_mgmt", "setcred"]);
        run(
            traced(command, &calls.join(","), &machine.path("trace")),
            &answers,
        );
        let trace = trace_in(&machine.path("trace"));
        let after = trace.split_once("pam_app_passwd.so").unwrap().1;
        let done: Vec<&str> = after
            .lines()
            .skip(1)
            .filter(|line| !line.contains("openat("))
            .collect();
        assert!(
            done.iter().all(|line| line.contains("+++ exited")),
            "{done:#?}"
        );
    }
}

#[test]
fn every_file_is_opened_close_on_exec() {
    if cannot_run(&["strace"]) {
        return;
    }
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    let client = machine
        .client("imap", "alice")
        .option(&["authenticate"])
        .command;
    run(
        traced(
            client,
            "openat,open,socket,dup,dup2",
            &machine.path("trace"),
        ),
        format!("{good}\n").as_bytes(),
    );
    let trace = trace_in(&machine.path("trace"));
    let after = trace.split_once("pam_app_passwd.so").unwrap().1;
    // The last is libpam's own, when the module has answered.
    let mut calls = after
        .lines()
        .skip(1)
        .filter(|line| !line.contains("+++") && !line.contains("NETLINK_AUDIT"));
    assert!(calls.all(|line| line.contains("CLOEXEC")), "{after}");
}

#[test]
fn a_host_with_few_descriptors_or_little_memory_is_denied_not_killed() {
    if cannot_run(&["prlimit"]) {
        return;
    }
    let machine = Machine::new();
    let good = machine.create("alice", "phone", &[]);
    machine.stack("deny", "auth required pam_deny.so");
    let status = |service: &str, limit: &str| {
        let client = machine
            .client(service, "alice")
            .option(&["authenticate"])
            .command;
        run(
            wrapped("prlimit", &[limit, "--"], client),
            format!("{good}\n").as_bytes(),
        )
        .status
    };
    let mebibytes = (8..72)
        .step_by(4)
        .map(|size| format!("--as={}", size * MIB));
    let descriptors = (3..12).map(|count| format!("--nofile={count}"));
    let mut answered = 0;
    for limit in mebibytes.chain(descriptors) {
        // Where the client itself gets through, the module must too.
        if status("deny", &limit) == Some(Code::AUTH_ERR.0) {
            let status = status("imap", &limit);
            // 28: libpam could not load the module, which is none of our code.
            assert!(
                [Some(0), Some(9), Some(28)].contains(&status),
                "{limit}: {status:?}"
            );
            answered += 1;
        }
    }
    assert!(answered > 5);
}

#[test]
fn two_threads_log_in_at_the_same_time() {
    let machine = Machine::configured("hash.memory_kib = 8");
    let passwords = ["alice", "bob"].map(|user| (user, machine.create(user, "phone", &[])));
    thread::scope(|scope| {
        for (user, password) in &passwords {
            let machine = &machine;
            scope.spawn(move || {
                for _ in 0..100 {
                    assert_eq!(machine.login("imap", user, password), Code::SUCCESS);
                    assert_eq!(machine.login("imap", user, WRONG), Code::AUTH_ERR);
                }
            });
        }
    });
}

// -- facts about the process, before the first login, after it, and after the last

fn with_facts(client: Client) -> Client {
    let mut client = client.option(&["--facts"]);
    client.command.env_clear().env("LANG", "de_DE.UTF-8");
    client
}

#[track_caller]
fn assert_facts_equal(ran: &Ran) {
    let facts: Vec<Vec<&str>> = ran
        .stdout
        .split("facts\n")
        .skip(1)
        .map(constant_facts)
        .collect();
    assert!(facts.len() > 1 && !facts[0].is_empty(), "{ran:?}");
    assert!(facts.iter().all(|later| *later == facts[0]), "{facts:#?}");
}

fn constant_facts(text: &str) -> Vec<&str> {
    let facts = text.lines().filter(|line| line.starts_with("  "));
    facts
        .filter(|line| !line.starts_with("  resident") && !line.starts_with("  peak"))
        .collect()
}

fn kilobytes(ran: &Ran, name: &str) -> Vec<u64> {
    let lines = ran
        .stdout
        .lines()
        .filter_map(|line| line.trim().strip_prefix(name));
    lines
        .map(|line| line.trim().trim_end_matches(" kB").parse().unwrap())
        .collect()
}

// -- programs around the client

/// `command` with `input` on standard input, for when the test needs the other streams itself.
fn shell_with_input(input: &str, command: Command) -> Command {
    let mut shell = wrapped("sh", &["-c", "printf %s \"$0\" | \"$@\"", input], command);
    shell.current_dir(Path::new("/"));
    shell
}
