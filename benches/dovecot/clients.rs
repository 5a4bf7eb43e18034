//! Programs that log in to a Dovecot, again and again.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::servers::Server;
use crate::support::tests::machine::run;

/// How long one row is measured before it is the next one's turn.
const TURN: Duration = Duration::from_millis(500);

/// Logins a second of `clients` at once over IMAP, each on a connection of its own, as phones do.
pub fn imap(server: &Server, clients: usize) -> f64 {
    let login = format!("a LOGIN \"{}\" \"{}\"\r\n", server.user, server.password);
    rate(clients, || {
        || {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            let mut replies = BufReader::new(stream.try_clone().unwrap());
            line_that_begins(&mut replies, "* OK");
            stream.write_all(login.as_bytes()).unwrap();
            line_that_begins(&mut replies, "a OK");
        }
    })
}

/// Logins a second of `clients` at once over the socket of the auth process, each on one connection, as Postfix does.
pub fn sasl(server: &Server, clients: usize) -> f64 {
    static CLIENT: AtomicU32 = AtomicU32::new(1);
    let response = initial_response(&server.user, &server.password);
    rate(clients, || {
        let mut stream = UnixStream::connect(&server.socket).unwrap();
        let mut replies = BufReader::new(stream.try_clone().unwrap());
        let client = CLIENT.fetch_add(1, Ordering::Relaxed);
        write!(stream, "VERSION\t1\t1\nCPID\t{client}\n").unwrap();
        line_that_begins(&mut replies, "DONE");
        let (response, mut request) = (&response, 0);
        move || {
            request += 1;
            let line = format!("AUTH\t{request}\tPLAIN\tservice=smtp\tnologin\tresp={response}\n");
            stream.write_all(line.as_bytes()).unwrap();
            line_that_begins(&mut replies, &format!("OK\t{request}\t"));
        }
    })
}

/// What each client's `login` is made by, `begin`, does not count.
fn rate<Login: FnMut()>(clients: usize, begin: impl Fn() -> Login + Sync) -> f64 {
    let one = || {
        let mut login = begin();
        login();
        let (began, mut logins) = (Instant::now(), 0.0);
        while began.elapsed() < TURN {
            login();
            logins += 1.0;
        }
        logins / began.elapsed().as_secs_f64()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    })
}

/// Reads up to a line; that of a refusal never comes, and then the server says why it does not.
fn line_that_begins(replies: &mut impl BufRead, beginning: &str) {
    let mut line = String::new();
    while !line.starts_with(beginning) {
        line.clear();
        let length = replies.read_line(&mut line).unwrap();
        let refused = ["FAIL", "a NO", "a BAD"]
            .iter()
            .any(|no| line.starts_with(no));
        assert!(
            length > 0 && !refused,
            "{beginning:?} expected, {line:?} read"
        );
    }
}

/// SASL PLAIN, RFC 4616.
fn initial_response(user: &str, password: &str) -> String {
    let mut base64 = Command::new("base64");
    base64.arg("--wrap=0");
    run(base64, format!("\0{user}\0{password}").as_bytes()).succeeds()
}
