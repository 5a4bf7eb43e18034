//! Several Dovecots beside each other, which differ in how they know a password.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::peers::{ARGON2ID, PASSWORD, YESCRYPT_USER, stacks};
use crate::support::report::said;
use crate::support::store::{Filled, SERVICE, USER, filled};
use crate::support::tests::helper::Running;

pub const PERMIT: &str = "pam: pam_permit";
pub const UNIX: &str = "pam: pam_unix, yescrypt";
pub const OURS: &str = "pam: app-passwd";
pub const PASSWD_FILE: &str = "passwd-file, {ARGON2ID}";
pub const SQLITE: &str = "sqlite, {ARGON2ID}";
pub const SQLITE_CACHED: &str = "sqlite, {ARGON2ID}, auth cache";

/// One that runs, and who can log in there.
pub struct Server {
    pub name: &'static str,
    pub port: u16,
    /// Of its auth process.
    pub socket: PathBuf,
    pub user: String,
    pub password: String,
    _process: Running,
}

/// All of them, and the store of ours.
pub fn start() -> (Filled, Vec<Server>) {
    let filled = filled(10_000, "");
    stacks(&filled.machine);
    // Dovecot reads where everybody does.
    for service in ["permit", "unix", SERVICE, "other"] {
        let stack = filled.machine.confdir().join(service);
        fs::copy(stack, format!("/etc/pam.d/{service}")).unwrap();
    }
    let users = tables();
    let pam = |service: &str| format!("driver = pam\n args = {service}");
    let cache = "auth_cache_size = 10 M\n";
    let servers = [
        (PERMIT, "", pam("permit"), USER, PASSWORD),
        (UNIX, "", pam("unix"), YESCRYPT_USER, PASSWORD),
        (OURS, "", pam(SERVICE), USER, &filled.password),
        (PASSWD_FILE, "", users.file, USER, PASSWORD),
        (SQLITE, "", users.sqlite.clone(), USER, PASSWORD),
        (SQLITE_CACHED, cache, users.sqlite, USER, PASSWORD),
    ]
    .map(|(name, more, passdb, user, password)| {
        let config = format!("{more}passdb {{\n {passdb}\n}}\n");
        serve(name, &config, user, password)
    });
    (filled, servers.into())
}

/// The same user and hash, as Dovecot's own tables.
struct Tables {
    file: String,
    sqlite: String,
}

fn tables() -> Tables {
    fs::write("/run/demo/users", format!("{USER}:{ARGON2ID}\n")).unwrap();
    let database = Connection::open("/run/demo/users.db").unwrap();
    let sql = "CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT) WITHOUT ROWID;";
    let row = format!("INSERT INTO users VALUES ('{USER}', '{ARGON2ID}')");
    database.execute_batch(&format!("{sql} {row}")).unwrap();
    let query = "SELECT name AS user, password FROM users WHERE name = '%u'";
    let sql = format!("driver = sqlite\nconnect = /run/demo/users.db\npassword_query = {query}\n");
    fs::write("/run/demo/users.conf", sql).unwrap();
    Tables {
        file: "driver = passwd-file\n args = /run/demo/users".to_owned(),
        sqlite: "driver = sql\n args = /run/demo/users.conf".to_owned(),
    }
}

fn serve(name: &'static str, config: &str, user: &str, password: &str) -> Server {
    let port = free_port();
    let home = format!("/run/demo/dovecot-{port}");
    fs::create_dir(&home).unwrap();
    let path = format!("{home}.conf"); // in its own directory Dovecot puts a link of that name
    fs::write(&path, common(&home, port) + config).unwrap();
    let mut dovecot = Command::new("dovecot");
    dovecot.args(["-F", "-c", &path]).stdin(Stdio::null());
    let process = Running(dovecot.spawn().unwrap());
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        sleep(Duration::from_millis(50));
    }
    Server {
        name,
        port,
        socket: format!("{home}/auth-client").into(),
        user: user.to_owned(),
        password: password.to_owned(),
        _process: process,
    }
}

fn free_port() -> u16 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/free-ports.sh");
    said(&mut Command::new(script), &["1"]).parse().unwrap()
}

/// Nobody is slowed down, nothing is encrypted, and a process serves one client after another: what is left is the
/// login.
fn common(home: &str, port: u16) -> String {
    format!(
        "base_dir = {home}
log_path = {home}/log
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{home}/mail
mail_max_userip_connections = 0
auth_failure_delay = 0
userdb {{
  driver = static
  args = uid=demo gid=demo home=/run/demo/home/demo
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  service_count = 0
}}
service auth {{
  client_limit = 2000
  unix_listener auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"
    )
}
