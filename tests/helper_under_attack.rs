//! The helper among hostile peers: whoever floods it, stalls it, lies to it or stands in for it, the logins of a web
//! server go on, and nobody learns or gets what is not theirs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a step that fails is a failed test
#![allow(clippy::indexing_slicing, clippy::string_slice)] // so is what is not where it should be

mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use pam_app_passwd::credential::{CredentialId, ServiceName, UserName};
use pam_app_passwd::helper::own::Wish;
use pam_app_passwd::helper::wire::{About, Answer, Question};
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::policy::{Attempt, Outcome, Service};
use rustix::process::Signal;
use support::auth_log::Logged;
use support::helper::{
    Helper, NOBODY, Running, WEB_SERVER, as_user, open_to_everybody, peer, public_machine,
    socket_seen_from_here, wait_for_socket,
};
use support::machine::run;
use support::{Code, Machine, WRONG, cannot_run};

const NEEDS: [&str; 5] = ["root", "unshare", "nsenter", "setpriv", "perl"];
/// What the module waits for an answer, and something for the machine.
const BOUND: Duration = Duration::from_secs(7);
const LOGINS: usize = 50;
/// Another configured caller.
const MAN: [&str; 3] = ["--reuid=6", "--regid=12", "--clear-groups"];
const CALLERS: &str = "helper.callers = { www-data = [\"web\"], man = [\"web\"] }";

#[test]
fn a_user_who_connects_a_thousand_times_a_second_leaves_the_logins_of_a_web_server_alone() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let rate = scene.withstands(|| Attack::of(8, &scene.machine, &NOBODY, "connect", ""));
    assert!(rate > 1_000.0, "{rate}");
}

#[test]
fn a_user_who_holds_all_the_connections_that_there_are_leaves_them_alone() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let rate = scene.withstands(|| Attack::of(8, &scene.machine, &NOBODY, "hold", ""));
    assert!(rate > 1_000.0, "{rate}");
}

#[test]
fn a_user_who_asks_about_itself_without_end_leaves_them_alone() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    // Of all that it can ask, its right password takes the longest to answer.
    let own = scene
        .machine
        .create("nobody", "locker", &["--service", "i3lock"]);
    let question = hex(&question("nobody", "i3lock", "i3lock", password(&own)));
    scene.withstands(|| Attack::of(8, &scene.machine, &NOBODY, "question", &question));
}

#[test]
fn a_user_who_wants_things_without_end_leaves_them_alone() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    scene.machine.create("nobody", "phone", &[]);
    let config = fs::read_to_string(scene.machine.config()).unwrap();
    let enabled = format!("{config}\nself_service.enabled = true\n");
    scene.machine.write_config(&enabled);
    let list = hex(&Wish::of(&["list"]).encode().unwrap());
    scene.withstands(|| Attack::of(8, &scene.machine, &NOBODY, "question", &list));
}

#[test]
fn a_caller_that_takes_all_it_gets_leaves_another_alone() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let question = hex(&question("alice", "web", "web", password(&scene.good)));
    scene.withstands(|| {
        let mut attack = Attack::of(4, &scene.machine, &MAN, "question", &question);
        attack
            .peers
            .extend(Attack::of(4, &scene.machine, &MAN, "hold", "").peers);
        attack
    });
}

#[test]
fn who_takes_too_many_connections_is_told() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let _held: Vec<_> = (0..256).map(|_| scene.connect()).collect();
    let mut answer = Vec::new();
    scene.connect().read_to_end(&mut answer).unwrap();
    let Some(Answer::Failed { message, .. }) = Answer::decode(&answer[2..]) else {
        panic!("{answer:?}");
    };
    assert_eq!(message, "it has too many connections of uid 0 already");
    scene.logins_go_on();
}

#[test]
fn peers_that_stall_or_talk_nonsense_are_left_and_leave_nothing_behind() {
    if cannot_run(&NEEDS) {
        return;
    }
    let mut scene = Scene::set();
    scene.logins_go_on();
    let before = scene.settled_belongings();
    let whole = question("alice", "web", "web", password(&scene.good));
    let mut too_long = whole.clone();
    too_long[..2].copy_from_slice(&[0xff, 0xff]);
    let mut stalled = Vec::new();
    for noise in [
        &[][..],
        &[0],
        &[0, 0],
        &[0, 9],
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 1],
        &whole,
        &[&whole[..], &whole].concat(),
        &too_long,
        &[0xff; 70_000],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        // One that hangs up at once, and does not read the answer; one that says no more, and stays.
        for stays in [false, true] {
            let mut connection = scene.connect();
            let _ = connection.write_all(noise);
            stalled.extend(stays.then_some(connection));
        }
    }
    scene.logins_go_on();
    let began = Instant::now();
    while scene.belongings() != before {
        let now = scene.belongings();
        assert!(began.elapsed() < BOUND, "{now:?} instead of {before:?}");
        sleep(Duration::from_millis(100));
    }
    assert!(scene.helper.is_running());
}

#[test]
fn a_peer_is_answered_by_who_it_is_and_not_by_what_it_says() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let own = scene
        .machine
        .create("nobody", "locker", &["--service", "i3lock"]);
    let any = scene.machine.create("alice", "any", &["--service", "any"]);
    let www_data = scene
        .machine
        .create("www-data", "locker", &["--service", "i3lock"]);
    let asks =
        |who: &[&str], user, name, pam, about| scene.asks(who, &question(user, name, pam, about));
    let about = |text: &str| password(text);
    let accepted = |answer: &Answer| matches!(answer, Answer::Outcome(Outcome::Accepted { .. }));
    let unknown = |answer: &Answer| matches!(answer, Answer::Outcome(Outcome::Unknown { .. }));

    // The web server, about its own service, and about others under each of the two names.
    assert!(accepted(&asks(
        &WEB_SERVER,
        "alice",
        "web",
        "web",
        about(&any)
    )));
    assert!(unknown(&asks(
        &WEB_SERVER,
        "alice",
        "web",
        "web",
        about(WRONG)
    )));
    for (name, pam) in [
        ("imap", "imap"),
        ("sshd", "sshd"),
        ("web", "imap"),
        ("imap", "web"),
        ("web", "sudo"),
        ("any", "web"),
    ] {
        let answer = asks(&WEB_SERVER, "alice", name, pam, about(&any));
        refuses_to_answer(&answer, "www-data may not ask about service");
    }
    // Not even about itself.
    let answer = asks(
        &WEB_SERVER,
        "www-data",
        "i3lock",
        "i3lock",
        about(&www_data),
    );
    refuses_to_answer(&answer, "www-data may not ask about service");

    // Anybody, about itself; but not about others, nor about an entry of others that it calls its own.
    assert!(accepted(&asks(
        &NOBODY,
        "nobody",
        "i3lock",
        "i3lock",
        about(&own)
    )));
    for user in ["alice", "root", "no-such-user"] {
        let answer = asks(&NOBODY, user, "web", "web", about(&any));
        refuses_to_answer(&answer, "nobody may ask about its own user only");
    }
    let entries_of_others = asks(
        &NOBODY,
        "nobody",
        "web",
        "web",
        About::Entry(CredentialId(1)),
    );
    assert_eq!(entries_of_others, Answer::Gone);
    // Nor does it have sessions noted, which are ended by signal.
    for about in [About::Opened(CredentialId(1)), About::Closed] {
        let answer = asks(&NOBODY, "nobody", "i3lock", "i3lock", about);
        refuses_to_answer(&answer, "only root's processes open sessions");
    }
    // Nor has it app passwords revoked, not even its own, by saying that a password has changed.
    let changed = asks(&NOBODY, "nobody", "i3lock", "i3lock", About::NewPassword);
    refuses_to_answer(&changed, "only root's processes change passwords");
    let changed = asks(&NOBODY, "alice", "web", "web", About::NewPassword);
    refuses_to_answer(&changed, "nobody may ask about its own user only");
    let changed = asks(&WEB_SERVER, "alice", "web", "web", About::NewPassword);
    refuses_to_answer(&changed, "only root's processes change passwords");
    assert!(accepted(&asks(
        &NOBODY,
        "nobody",
        "i3lock",
        "i3lock",
        about(&own)
    )));
    // A uid that has no name asks about nobody.
    let nameless = ["--reuid=54321", "--regid=54321", "--clear-groups"];
    let answer = asks(&nameless, "54321", "web", "web", about(&any));
    refuses_to_answer(&answer, "uid 54321 may ask about its own user only");
    // The refusals were not charged to alice.
    let alice = scene.machine.show("alice", "any");
    assert!(alice["last_refused"].is_null(), "{alice}");
}

#[test]
fn a_refusal_to_answer_names_the_line_that_is_missing() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let ask = question("alice", "postgresql", "postgresql", password(&scene.good));
    let Answer::Failed { hint, .. } = scene.asks(&NOBODY, &ask) else {
        panic!("an answer")
    };
    let config = scene.machine.config();
    let line = format!(
        "a daemon needs a line in [helper.callers] of {}: nobody = [\"postgresql\"]",
        config.display()
    );
    assert_eq!(hint, Some(line));
}

#[test]
fn a_stopped_helper_behind_a_full_queue_keeps_a_login_waiting_for_a_bounded_time() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    scene.helper.send(Signal::STOP);
    let attack = Attack::of(4, &scene.machine, &NOBODY, "hold", "");
    // Until nobody gets in any more.
    sleep(Duration::from_secs(1));
    let began = Instant::now();
    let login = as_user(&scene.machine, &WEB_SERVER, "web", "alice").password(&scene.good);
    assert_eq!(login.authenticate(), Code::AUTHINFO_UNAVAIL);
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    scene.helper.send(Signal::CONT);
    scene.logins_go_on();
    attack.end();
}

#[test]
fn a_module_says_nothing_to_a_listener_that_is_not_roots() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine("");
    let good = machine.create("alice", "browser", &["--service", "web"]);
    machine
        .mounts()
        .unwrap()
        .shell("mkdir -m 777 /run/app-passwd");
    let impostor = peer(&machine, &NOBODY, "listen").spawn().unwrap();
    wait_for_socket(&machine);
    let login = as_user(&machine, &WEB_SERVER, "web", "alice").password(good);
    assert_eq!(login.authenticate(), Code::AUTHINFO_UNAVAIL);
    let heard = impostor.wait_with_output().unwrap();
    assert_eq!(heard.stdout, b"");
}

#[test]
fn versions_that_differ_are_told_on_both_sides() {
    if cannot_run(&NEEDS) {
        return;
    }
    let differ = "restart the helper and the daemons that use the module: their versions differ";
    let newer = |frame: &[u8]| {
        let text = String::from_utf8_lossy(frame).replace("app-passwd 1", "app-passwd 2");
        assert_eq!(text.len(), frame.len(), "a frame that is text");
        text.into_bytes()
    };
    // A newer module, an older helper.
    let scene = Scene::set();
    let ask = question("alice", "web", "web", password(&scene.good));
    let answer = scene.asks(&WEB_SERVER, &newer(&ask));
    let Answer::Failed {
        hint: Some(hint), ..
    } = &answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(hint, differ);
    // A newer helper, an older module.
    let logged = Logged::new("");
    let machine = &logged.machine;
    machine.create("alice", "browser", &[]);
    open_to_everybody(machine);
    support::machine::set_mode(&machine.path("log"), 0o666);
    let mounts = machine.mounts().unwrap();
    mounts.shell("mount -t tmpfs -o mode=755 tmpfs /run; mkdir /run/app-passwd");
    let mut helper = peer(machine, &["--reuid=0"], "answer").spawn().unwrap();
    writeln!(
        helper.stdin.take().unwrap(),
        "{}",
        hex(&newer(&Answer::Gone.encode().unwrap()))
    )
    .unwrap();
    let _helper = Running(helper);
    wait_for_socket(machine);
    let login = as_user(machine, &WEB_SERVER, "web", "alice").password(WRONG);
    assert_eq!(login.authenticate(), Code::AUTHINFO_UNAVAIL);
    let lines = logged.lines();
    assert!(lines.iter().any(|line| line.ends_with(differ)), "{lines:?}");
}

#[test]
fn ten_thousand_logins_leave_the_helper_as_it_was() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let good = question("alice", "web", "web", password(&scene.good));
    let wrong = question("alice", "web", "web", password(WRONG));
    let later = question("alice", "web", "web", About::Entry(CredentialId(1)));
    let log_in = |times: usize| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..times / 4 {
                        let asked = [&good, &later, &wrong][number % 3];
                        assert!(matches!(scene.ask(asked), Answer::Outcome(_)));
                    }
                });
            }
        });
    };
    log_in(1_000);
    let (before, memory) = (scene.settled_belongings(), scene.helper.status("VmRSS"));
    log_in(10_000);
    assert_eq!(scene.settled_belongings(), before);
    let now = scene.helper.status("VmRSS");
    assert!(now < memory + 1_024, "{memory} KiB, then {now} KiB");
}

#[test]
fn the_configuration_may_change_and_break_while_the_helper_runs() {
    if cannot_run(&NEEDS) {
        return;
    }
    let scene = Scene::set();
    let machine = &scene.machine;
    let ask = question("alice", "web", "web", password(&scene.good));
    let accepted = |answer: &Answer| matches!(answer, Answer::Outcome(Outcome::Accepted { .. }));
    let text = fs::read_to_string(machine.config()).unwrap();
    assert!(accepted(&scene.asks(&WEB_SERVER, &ask)));
    machine.write_config(&text.replace("www-data", "irc"));
    refuses_to_answer(
        &scene.asks(&WEB_SERVER, &ask),
        "www-data may ask about its own user only",
    );
    machine.write_config(&format!("{text}\nnonsense = 1\n"));
    refuses_to_answer(&scene.asks(&WEB_SERVER, &ask), "unknown field `nonsense`");
    machine.write_config(&text);
    assert!(accepted(&scene.asks(&WEB_SERVER, &ask)));
}

#[test]
fn a_helper_starts_whatever_the_configuration_and_the_umask() {
    if cannot_run(&NEEDS) {
        return;
    }
    let machine = public_machine(CALLERS);
    let good = machine.create("alice", "browser", &["--service", "web"]);
    let text = fs::read_to_string(machine.config()).unwrap();
    machine.write_config("nonsense = 1");
    let serve = "umask 077; exec \"$0\" --config \"$1\" serve 2>/dev/null";
    let mut helper = machine.command("sh".as_ref());
    helper
        .args(["-c", serve])
        .arg(support::TOOL)
        .arg(machine.config());
    let _helper = Running(helper.spawn().unwrap());
    wait_for_socket(&machine);
    let login = || {
        as_user(&machine, &WEB_SERVER, "web", "alice")
            .password(&good)
            .authenticate()
    };
    assert_eq!(login(), Code::AUTHINFO_UNAVAIL);
    machine.write_config(&text);
    assert_eq!(login(), Code::SUCCESS);
}

/// A helper, a web server that it answers, and somebody with an app password.
struct Scene {
    helper: Helper,
    machine: Machine,
    good: String,
}

impl Scene {
    fn set() -> Scene {
        // The lightest hash: here it is not what is attacked.
        let machine = public_machine(&format!("hash.memory_kib = 8\n{CALLERS}"));
        let good = machine.create("alice", "browser", &["--service", "web"]);
        let helper = Helper::start(&machine);
        Scene {
            helper,
            machine,
            good,
        }
    }

    /// Every login of the web server is accepted; returns how long they took together.
    #[track_caller]
    fn logins_go_on(&self) -> Duration {
        let began = Instant::now();
        let login = as_user(&self.machine, &WEB_SERVER, "web", "alice").password(&self.good);
        let logins = login
            .option(&["--repeat", &LOGINS.to_string()])
            .run(&["authenticate"]);
        let accepted = logins
            .stdout
            .lines()
            .filter(|line| line.starts_with("authenticate 0 "));
        assert_eq!(accepted.count(), LOGINS, "{logins:?}");
        began.elapsed()
    }

    /// So it is under an attack, and takes a time of the same order of magnitude. Returns how often a second the
    /// attackers got to connect.
    #[track_caller]
    fn withstands(&self, attack: impl FnOnce() -> Attack) -> f64 {
        let quiet = self.logins_go_on();
        let attack = attack();
        let attacked = self.logins_go_on();
        // What an attacker holds is its share, of thousands; and a caller's is 256.
        assert!(
            self.helper.descriptors() < 400,
            "{}",
            self.helper.descriptors()
        );
        let rate = attack.end();
        let bound = 10 * quiet + Duration::from_secs(2);
        assert!(attacked < bound, "{attacked:?} instead of {quiet:?}");
        rate
    }

    /// A connection of root's.
    fn connect(&self) -> UnixStream {
        UnixStream::connect(socket_seen_from_here(&self.machine)).unwrap()
    }

    /// What root is answered.
    fn ask(&self, question: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.write_all(question).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        Answer::decode(&answer[2..]).unwrap()
    }

    /// What somebody is answered.
    #[track_caller]
    fn asks(&self, who: &[&str], question: &[u8]) -> Answer {
        let ask = run(
            peer(&self.machine, who, "ask"),
            format!("{}\n", hex(question)).as_bytes(),
        );
        let answer = ask.succeeds();
        let bytes: Vec<u8> = (0..answer.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&answer[at..at + 2], 16).unwrap())
            .collect();
        Answer::decode(&bytes[2..]).unwrap()
    }

    /// Threads and descriptors of the helper.
    fn belongings(&self) -> (usize, usize) {
        (self.helper.status("Threads"), self.helper.descriptors())
    }

    /// The same once the last thread of a connection has ended: one listens, and one ends sessions.
    fn settled_belongings(&self) -> (usize, usize) {
        let began = Instant::now();
        while self.helper.status("Threads") > 3 && began.elapsed() < BOUND {
            sleep(Duration::from_millis(20));
        }
        self.belongings()
    }
}

/// Hostile peers that go on until they are told to end.
struct Attack {
    peers: Vec<Child>,
    began: Instant,
}

impl Attack {
    fn of(count: usize, machine: &Machine, who: &[&str], what: &str, frame: &str) -> Attack {
        let begin = |_| {
            let mut peer = peer(machine, who, what).spawn().unwrap();
            if !frame.is_empty() {
                writeln!(peer.stdin.as_mut().unwrap(), "{frame}").unwrap();
            }
            peer
        };
        let peers = (0..count).map(begin).collect();
        let began = Instant::now();
        // It shall be in full swing.
        sleep(Duration::from_millis(500));
        Attack { peers, began }
    }

    /// How often a second they have connected.
    fn end(mut self) -> f64 {
        // All of them at once.
        self.peers
            .iter_mut()
            .for_each(|peer| drop(peer.stdin.take()));
        let elapsed = self.began.elapsed().as_secs_f64();
        let connections = self.peers.into_iter().map(|peer| {
            let printed = peer.wait_with_output().unwrap().stdout;
            String::from_utf8(printed).unwrap().parse::<f64>().unwrap()
        });
        connections.sum::<f64>() / elapsed
    }
}

fn question(user: &str, name: &str, pam: &str, about: About) -> Vec<u8> {
    let service = |name| ServiceName::parse(name).unwrap();
    let attempt = Attempt {
        user: Some(UserName::parse(user).unwrap()),
        service: Service {
            name: service(name),
            pam: service(pam),
        },
        rhost: Some("192.0.2.7".to_owned()),
    };
    Question { attempt, about }.encode().unwrap().to_vec()
}

fn password(text: &str) -> About {
    About::Password(AppPassword::parse(text.as_bytes()).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn refuses_to_answer(answer: &Answer, why: &str) {
    let Answer::Failed { message, .. } = answer else {
        panic!("{answer:?}")
    };
    assert!(message.contains(why), "{message:?}");
}
