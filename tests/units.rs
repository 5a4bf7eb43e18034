//! The units of systemd, without systemd: what it thinks of them, and whether the helper can live in what they leave it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pam_app_passwd::credential::{ServiceName, UserName};
use pam_app_passwd::helper::wire::{About, Answer, Question};
use pam_app_passwd::policy::{Attempt, Fate, Service};
use pam_app_passwd::session::Process;
use support::helper::socket_seen_from_here;
use support::holder::{self, Scene};
use support::machine::{client, module, run};
use support::private_machine::eventually;
use support::private_mounts::PrivateMounts;
use support::web::PAGE;
use support::{Code, Machine, TOOL, WRONG, cannot_run};

const SERVICE: &str = include_str!("../packaging/systemd/app-passwd.service");
/// And with it the drop-in for account holders who are asked for a second factor.
const RELAXED: &str = concat!(
    include_str!("../packaging/systemd/app-passwd.service"),
    include_str!("../packaging/systemd/self-service.conf")
);

#[test]
fn systemd_understands_every_line_once_they_are_installed() {
    if cannot_run(&["systemd-analyze", "make"]) {
        return;
    }
    let prefix = tempfile::tempdir().unwrap();
    make("install", prefix.path(), Path::new(""));
    let units = prefix.path().join("lib/systemd/system");
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    verify.args(
        [
            "app-passwd.socket",
            "app-passwd.service",
            "app-passwd-web.service",
        ]
        .map(|unit| units.join(unit)),
    );
    let verified = run(verify, b"");
    // It speaks of other units of the machine, too.
    let ours = verified.stderr.lines();
    let ours: Vec<_> = ours.filter(|line| line.contains("app-passwd")).collect();
    assert!(ours.is_empty(), "{verified:?}");
}

#[test]
fn what_is_installed_elsewhere_is_started_from_there() {
    if cannot_run(&["make"]) {
        return;
    }
    let root = installed("/opt/app");
    let service = root
        .path()
        .join("opt/app/lib/systemd/system/app-passwd.service");
    let service = fs::read_to_string(service).unwrap();
    assert!(
        service.contains("\nExecStart=/opt/app/bin/app-passwd serve\n"),
        "{service}"
    );
    let hook = root
        .path()
        .join("etc/shadow-maint/userdel-post.d/app-passwd");
    assert_eq!(
        fs::metadata(&hook).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let hook = fs::read_to_string(hook).unwrap();
    assert!(hook.contains(" /opt/app/bin/app-passwd prune "), "{hook}");
    assert!(!hook.contains("/usr/bin"), "{hook}");
}

#[test]
fn uninstall_takes_everything_away_again() {
    if cannot_run(&["make"]) {
        return;
    }
    let root = installed("/usr");
    make("uninstall", "/usr".as_ref(), root.path());
    let mut find = Command::new("find");
    find.arg(root.path()).args(["-type", "f"]);
    assert_eq!(run(find, b"").succeeds(), "");
}

#[test]
fn what_passes_through_the_page_does_not_reach_the_disk() {
    let unit = fs::read_to_string(packaging("systemd/app-passwd-web.service")).unwrap();
    for setting in ["LimitCORE=0", "MemorySwapMax=0"] {
        assert!(unit.lines().any(|line| line == setting), "{setting}");
    }
}

#[test]
fn systemd_calls_the_services_little_exposed() {
    if cannot_run(&["systemd-analyze"]) {
        return;
    }
    // Tenths; what the helper's lacks is said in its unit.
    for (unit, most) in [("app-passwd", 25), ("app-passwd-web", 12)] {
        let mut security = Command::new("systemd-analyze");
        security
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={most}"))
            .arg(packaging(&format!("systemd/{unit}.service")));
        run(security, b"").succeeds();
    }
}

#[test]
fn the_page_has_a_user_of_its_own_who_alone_can_read_its_key() {
    if cannot_run(&["root", "systemd-sysusers", "systemd-tmpfiles"]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    for (program, file) in [
        ("systemd-sysusers", "app-passwd-web.sysusers"),
        ("systemd-tmpfiles", "app-passwd-web.tmpfiles"),
    ] {
        let mut command = Command::new(program);
        command.arg(format!("--root={}", root.path().display()));
        if program == "systemd-tmpfiles" {
            command.arg("--create");
        }
        command.arg(packaging(file));
        run(command, b"").succeeds();
    }
    let made = fs::metadata(root.path().join("etc/app-passwd-web")).unwrap();
    assert_eq!(made.permissions().mode() & 0o7777, 0o750);
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    let user = users
        .lines()
        .find(|line| line.starts_with("app-passwd-web:"));
    assert!(user.unwrap().ends_with(":/usr/sbin/nologin"), "{users}");
}

#[test]
fn every_directory_is_made_with_its_mode() {
    if cannot_run(&["root", "systemd-tmpfiles"]) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let mut tmpfiles = Command::new("systemd-tmpfiles");
    tmpfiles.arg(format!("--root={}", root.path().display()));
    tmpfiles
        .arg("--create")
        .arg(packaging("app-passwd.tmpfiles"));
    run(tmpfiles, b"").succeeds();
    for (path, mode) in [
        ("run/app-passwd", 0o755),
        ("run/app-passwd/sessions", 0o700),
        ("var/lib/app-passwd", 0o700),
    ] {
        let made = fs::metadata(root.path().join(path)).unwrap();
        assert_eq!(made.permissions().mode() & 0o7777, mode, "{path}");
    }
}

#[test]
fn the_helper_takes_the_socket_that_it_is_handed_and_answers() {
    if cannot_run(&["root", "unshare", "nsenter", "systemd-socket-activate"]) {
        return;
    }
    let machine = machine_with_a_run();
    let good = machine.create("alice", "phone", &["--service", "sudo"]);
    let mut activate = machine.command("systemd-socket-activate".as_ref());
    activate.args(["--listen", "/run/app-passwd/socket"]);
    activate
        .arg(TOOL)
        .arg("--config")
        .arg(machine.config())
        .arg("serve");
    let _helper = Running::start(activate, &machine);
    // The first question starts it.
    assert_eq!(login(&machine, "alice", &good), Code::SUCCESS);
    assert_eq!(login(&machine, "alice", WRONG), Code::AUTH_ERR);
    // It was asked through that socket, and has none of its own.
    machine
        .mounts()
        .unwrap()
        .shell("[ \"$(ls /run/app-passwd)\" = socket ]");
}

#[test]
fn the_helper_needs_no_more_than_the_service_leaves_it() {
    if cannot_run(&["root", "unshare", "nsenter", "setpriv"]) {
        return;
    }
    let machine = machine_with_a_run();
    let good = machine.create("root", "phone", &["--service", "sudo"]);
    let mut helper = sandboxed(&machine, TOOL.as_ref());
    helper.arg("--config").arg(machine.config()).arg("serve");
    let _helper = Running::start(helper, &machine);
    assert_eq!(login(&machine, "root", &good), Code::SUCCESS);
    assert_eq!(login(&machine, "root", WRONG), Code::AUTH_ERR);
    // Its notes are written.
    assert_eq!(machine.show("root", "phone")["last_used"]["count"], 1);
    // A locked account is seen, though the file is nobody's to read.
    machine
        .mounts()
        .unwrap()
        .shell("chmod 0 /etc/shadow; echo 'root:!$6$x$y:1::::::' >/etc/shadow");
    assert_eq!(login(&machine, "root", &good), Code::PERM_DENIED);
    // It revokes, and ends what was opened, also if that is not root's.
    let mut session = sleep_of_somebody();
    note_session(&machine, &session, "root", "1");
    let ran = machine.state().join("ran");
    machine.write_config(&format!(
        "state_dir = {:?}\non_revoke.run = [[\"touch\", {ran:?}]]",
        machine.state()
    ));
    assert_eq!(
        password_changed(&machine, "root"),
        Answer::Fate(Fate::Revoked(1))
    );
    assert!(eventually(
        || session.try_wait().unwrap().is_some() && ran.exists()
    ));
    // And it is a sandbox.
    for elsewhere in [machine.path("file"), "/run/file".into()] {
        let mut touch = sandboxed(&machine, "touch".as_ref());
        touch.arg(elsewhere);
        assert!(run(touch, b"").stderr.contains("Read-only"));
    }
}

#[test]
fn the_helper_makes_no_call_that_the_service_forbids() {
    if cannot_run(&["root", "unshare", "nsenter", "strace", "systemd-analyze"]) {
        return;
    }
    let machine = machine_with_a_run();
    let good = machine.create("alice", "phone", &["--service", "sudo"]);
    let trace = machine.path("trace");
    let mut strace = machine.command("strace".as_ref());
    // As a grandchild, so that what ends with the test is the helper.
    strace
        .args(["--daemonize", "--follow-forks", "--output"])
        .arg(&trace);
    strace
        .arg(TOOL)
        .arg("--config")
        .arg(machine.config())
        .arg("serve");
    let helper = Running::start(strace, &machine);
    assert_eq!(login(&machine, "alice", &good), Code::SUCCESS);
    assert_eq!(login(&machine, "alice", WRONG), Code::AUTH_ERR);
    let mut session = sleep_of_somebody();
    note_session(&machine, &session, "alice", "1");
    assert_eq!(
        password_changed(&machine, "alice"),
        Answer::Fate(Fate::Revoked(1))
    );
    assert!(eventually(|| session.try_wait().unwrap().is_some()));
    drop(helper);
    let made = calls_in(&trace);
    assert!(made.contains("accept4"), "{made:?}");
    let allowed = calls_allowed(SERVICE);
    let forbidden: Vec<_> = made.difference(&allowed).collect();
    // SQLite gives a journal the owner of its store, and does without when it may not.
    assert!(
        forbidden.iter().all(|call| *call == "fchown"),
        "{forbidden:?}"
    );
}

#[test]
fn a_second_factor_is_asked_for_within_what_the_service_leaves() {
    let needs = [&holder::NEEDS[..], &["strace", "systemd-analyze"]].concat();
    if cannot_run(&needs) {
        return;
    }
    let scene = Scene::with("");
    let machine = &scene.machine;
    machine.shell("kill $(cat helper.pid); rm /run/app-passwd/socket; mkdir -p /run/app-passwd /var/lib/app-passwd");
    // Its home is where homes are.
    machine.shell("mount -t tmpfs tmpfs /home; cp -a home/demo /home; usermod -d /home/demo demo");
    let file = "/home/demo/.google_authenticator";
    let before = machine.shell(&format!("cat {file}"));
    let words = sandbox(RELAXED, "/var/lib/app-passwd".as_ref());
    let quoted: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect();
    let strace = "strace --daemonize --follow-forks --output /run/demo/trace";
    let serve = format!("unshare {} {strace} app-passwd serve", quoted.join(" "));
    machine.shell(&format!("{serve} >/dev/null 2>&1 &"));
    assert!(eventually(|| machine
        .run("[ -S /run/app-passwd/socket ]", "")
        .status
        == Some(0)));
    let answers = [machine.account_password("demo"), machine.code()].join("\n") + "\n";
    scene
        .run("demo", "app-passwd create --label phone", &answers)
        .succeeds();
    // The code is used up, which is written in the home.
    assert_ne!(machine.shell(&format!("cat {file}")), before);
    let made = fs::read_to_string(machine.seen_from_here("/run/demo/trace")).unwrap();
    let made: BTreeSet<String> = made.lines().filter_map(call).collect();
    assert!(made.contains("setfsuid"), "{made:?}");
    let allowed = calls_allowed(RELAXED);
    let forbidden: Vec<_> = made.difference(&allowed).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
}

/// What `make install` puts below a directory.
fn installed(prefix: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    make("install", prefix.as_ref(), root.path());
    root
}

fn make(goal: &str, prefix: &Path, destdir: &Path) {
    // It takes what is built, here for the tests, from `release`.
    let build = tempfile::tempdir().unwrap();
    let release = build.path().join("release");
    fs::create_dir(&release).unwrap();
    std::os::unix::fs::symlink(module(), release.join("libpam_app_passwd.so")).unwrap();
    std::os::unix::fs::symlink(TOOL, release.join("app-passwd")).unwrap();
    if let Some(page) = PAGE {
        std::os::unix::fs::symlink(page, release.join("app-passwd-web")).unwrap();
    }
    let mut make = Command::new("make");
    make.current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", build.path());
    make.arg(goal)
        .arg(format!("prefix={}", prefix.display()))
        .arg(format!("DESTDIR={}", destdir.display()));
    // Not into the machine that the tests run on.
    if destdir.as_os_str().is_empty() {
        make.arg(format!("sysconfdir={}", prefix.join("etc").display()));
    }
    run(make, b"").succeeds();
}

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(file)
}

/// The values of a setting of a unit, in their order.
fn settings(unit: &'static str, name: &str) -> Vec<&'static str> {
    let lines = unit
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.collect()
}

/// The calls that a unit leaves.
fn calls_allowed(unit: &'static str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in settings(unit, "SystemCallFilter") {
        let (forbids, sets) = match line.strip_prefix('~') {
            Some(sets) => (true, sets),
            None => (false, line),
        };
        for call in sets.split(' ').flat_map(calls_of) {
            match forbids {
                true => allowed.remove(&call),
                false => allowed.insert(call),
            };
        }
    }
    allowed
}

/// The calls of a set of systemd's, and of the sets in it.
fn calls_of(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["syscall-filter", "--no-pager", name]);
    let set = run(analyze, b"").succeeds();
    let names = set.lines().filter_map(|line| line.strip_prefix("    "));
    names
        .filter(|name| !name.starts_with('#'))
        .flat_map(calls_of)
        .collect()
}

/// The calls that `strace` has seen, to the end of the program.
fn calls_in(trace: &Path) -> BTreeSet<String> {
    let began = Instant::now();
    let whole = loop {
        let trace = fs::read_to_string(trace).unwrap();
        if trace.ends_with("+++ killed by SIGKILL +++\n") {
            break trace;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{trace}");
        sleep(Duration::from_millis(20));
    };
    whole.lines().filter_map(call).collect()
}

/// `4711  openat(AT_FDCWD, ...`: the name, and nothing for signals, ends and second halves.
fn call(line: &str) -> Option<String> {
    let (_, call) = line.split_once(' ')?;
    let (name, _) = call.trim_start().split_once('(')?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !name.is_empty()).then(|| name.to_owned())
}

/// A program in what stands for the service's sandbox here.
fn sandboxed(machine: &Machine, program: &Path) -> Command {
    let mut command = machine.command("unshare".as_ref());
    command.args(sandbox(SERVICE, &machine.state()));
    command.arg(program);
    command
}

/// What `unshare` makes of a program: `ProtectSystem`, `ReadWritePaths` and `StateDirectory` by mounts,
/// `CapabilityBoundingSet` and `NoNewPrivileges` by setpriv, `UMask` by the shell.
fn sandbox(unit: &'static str, state: &Path) -> Vec<String> {
    assert_eq!(settings(unit, "ProtectSystem"), ["strict"]);
    let [writable, umask, capabilities] = ["ReadWritePaths", "UMask", "CapabilityBoundingSet"]
        .map(|name| settings(unit, name).join(" "));
    // Which is a mount of its own here.
    let run = if writable.contains(" /run ") {
        ""
    } else {
        "/run"
    };
    let capabilities = capabilities
        .split(' ')
        .map(|name| name.to_lowercase().replace("cap_", ",+"));
    let script = format!(
        "umask {umask}
         for writable in {} '{}'; do
             [ ! -e \"$writable\" ] || mount --rbind \"$writable\" \"$writable\"
         done
         for strict in / {run}; do mount -o remount,bind,ro $strict; done
         exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all{} -- \"$@\"",
        writable.replace(" -", " "),
        state.display(),
        capabilities.collect::<String>(),
    );
    let words = [
        "--mount",
        "--propagation",
        "unchanged",
        "sh",
        "-ec",
        &script,
        "sh",
    ];
    words.map(str::to_owned).into()
}

/// A machine with a `/run` of its own, and an `/etc/shadow`.
fn machine_with_a_run() -> Machine {
    let mounts = "mount -t tmpfs -o mode=755 tmpfs /run
                  mkdir /run/app-passwd
                  touch /run/shadow; mount --bind /run/shadow /etc/shadow";
    Machine::new().inside(PrivateMounts::new(mounts))
}

/// What somebody gets who has started a program of root's.
fn login(machine: &Machine, user: &str, password: &str) -> Code {
    let mut su = machine.command("setpriv".as_ref());
    su.args(["--ruid=65534", "--"])
        .arg(client())
        .arg("--confdir")
        .arg(machine.confdir());
    su.args(["--service", "sudo", "--user", user, "authenticate"]);
    run(su, format!("{password}\n").as_bytes()).code("authenticate")
}

/// A process of somebody who is not root.
fn sleep_of_somebody() -> Child {
    let mut sleep = Command::new("setpriv");
    sleep.args(["--reuid=65534", "--", "sleep", "600"]);
    sleep.spawn().unwrap()
}

/// Notes, as the module does, that the user's entry has opened a session with this process.
fn note_session(machine: &Machine, session: &Child, user: &str, entry: &str) {
    let process = Process::of(i32::try_from(session.id()).unwrap()).unwrap();
    let notes = "/run/app-passwd/sessions";
    machine.mounts().unwrap().shell(&format!(
        "mkdir -p -m 700 {notes}
         printf '{entry}\n{user}\nsshd\n\n\n' >{notes}/{}-{}
         chmod 600 {notes}/*",
        process.pid, process.start
    ));
}

/// What the helper answers root, who says that the password of this user has changed.
fn password_changed(machine: &Machine, user: &str) -> Answer {
    let passwd = ServiceName::parse("passwd").unwrap();
    let attempt = Attempt {
        user: UserName::parse(user).ok(),
        service: Service {
            name: passwd.clone(),
            pam: passwd,
        },
        rhost: None,
    };
    let about = About::NewPassword;
    let mut connection = UnixStream::connect(socket_seen_from_here(machine)).unwrap();
    let question = Question { attempt, about }.encode().unwrap();
    connection.write_all(&question).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    Answer::decode(&answer[2..]).unwrap()
}

/// A helper, or what will start one, that ends with the test.
struct Running(Child);

impl Running {
    fn start(mut command: Command, machine: &Machine) -> Running {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let running = Running(child.spawn().unwrap());
        let socket = machine
            .mounts()
            .unwrap()
            .root()
            .join("run/app-passwd/socket");
        let began = Instant::now();
        while !socket.exists() {
            assert!(began.elapsed() < Duration::from_secs(5), "nobody listens");
            sleep(Duration::from_millis(20));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
