//! A machine of its own for each test: configuration, stacks and state in one fresh directory.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;
use serde_json::Value as Json;
use tempfile::TempDir;

use super::pam::{Code, Handle};
use super::private_mounts::PrivateMounts;

/// The tool.
pub const TOOL: &str = env!("CARGO_BIN_EXE_app-passwd");

/// Twenty-four letters that open nothing.
pub const WRONG: &str = "aaaa-bbbb-cccc-dddd-eeee-ffff";

pub struct Machine {
    // Before the directory: its mounts have to go first.
    mounts: Option<PrivateMounts>,
    directory: TempDir,
}

impl Machine {
    /// The defaults, but for where things are, and that users need not exist.
    pub fn new() -> Machine {
        Machine::configured("")
    }

    /// `lines` are dotted keys: `policy.max_per_user = 2`.
    pub fn configured(lines: &str) -> Machine {
        let machine = Machine {
            mounts: None,
            directory: fresh_directory(),
        };
        let state = machine.state().display().to_string();
        machine.write_config(&format!(
            "state_dir = {state:?}\npolicy.virtual_users = true\n{lines}\n"
        ));
        fs::create_dir(machine.confdir()).unwrap();
        std::os::unix::fs::symlink(module(), machine.path("pam_app_passwd.so")).unwrap();
        machine.stack(
            "other",
            "auth required APP_PASSWD\naccount required APP_PASSWD",
        );
        machine
    }

    /// From now on every program of this machine runs inside `mounts`.
    pub fn inside(mut self, mounts: PrivateMounts) -> Machine {
        self.mounts = Some(mounts);
        self
    }

    pub fn mounts(&self) -> Option<&PrivateMounts> {
        self.mounts.as_ref()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn config(&self) -> PathBuf {
        self.path("app-passwd.toml")
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn store(&self) -> PathBuf {
        self.state().join("store.db")
    }

    pub fn usage(&self) -> PathBuf {
        self.state().join("usage.db")
    }

    pub fn confdir(&self) -> PathBuf {
        self.path("pam.d")
    }

    pub fn write_config(&self, text: &str) {
        fs::write(self.config(), text).unwrap();
        set_mode(&self.config(), 0o644);
    }

    /// Writes the stack of `service` (`other` is for all that have none of their own).
    /// `APP_PASSWD` stands for the module and where its configuration is.
    pub fn stack(&self, service: &str, lines: &str) {
        let module = format!(
            "{} conf={}",
            self.path("pam_app_passwd.so").display(),
            self.config().display()
        );
        fs::write(
            self.confdir().join(service),
            lines.replace("APP_PASSWD", &module) + "\n",
        )
        .unwrap();
    }

    /// A handle of libpam in this process.
    pub fn pam(&self, service: impl AsRef<[u8]>, user: impl AsRef<[u8]>) -> Handle {
        Handle::start(&self.confdir(), service.as_ref(), Some(user.as_ref()))
    }

    /// What a login without a remote host gets.
    pub fn login(&self, service: &str, user: &str, password: impl AsRef<[u8]>) -> Code {
        self.pam(service, user).password(password).authenticate()
    }

    pub fn login_from(&self, rhost: &str, service: &str, user: &str, password: &str) -> Code {
        self.pam(service, user)
            .rhost(rhost)
            .password(password)
            .authenticate()
    }

    /// A PAM client in a process of its own.
    pub fn client(&self, service: &str, user: impl AsRef<OsStr>) -> Client {
        let mut command = self.command(client());
        command
            .arg("--confdir")
            .arg(self.confdir())
            .args(["--service", service])
            .arg("--user")
            .arg(user);
        Client {
            command,
            answers: Vec::new(),
        }
    }

    /// The tool with this machine's configuration.
    pub fn tool(&self, arguments: &[&str]) -> Ran {
        self.tool_reading(b"", arguments)
    }

    /// The same with something on standard input.
    pub fn tool_reading(&self, input: &[u8], arguments: &[&str]) -> Ran {
        run(self.tool_command(arguments), input)
    }

    pub fn tool_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(TOOL.as_ref());
        command.arg("--config").arg(self.config()).args(arguments);
        command
    }

    /// `program`, inside the mounts if there are some.
    pub fn command(&self, program: &Path) -> Command {
        match &self.mounts {
            Some(mounts) => mounts.command(program),
            None => Command::new(program),
        }
    }

    /// Makes an app password and returns it.
    pub fn create(&self, user: &str, label: &str, more: &[&str]) -> String {
        let arguments = [&["create", user, "--label", label], more].concat();
        self.tool(&arguments).succeeds().trim_end().to_owned()
    }

    /// What `show --json` says about an entry.
    pub fn show(&self, user: &str, entry: &str) -> Json {
        self.tool(&["show", user, entry, "--json"]).json()
    }

    /// Changes the store behind the tool's back.
    pub fn alter(&self, sql: &str) {
        alter(&self.store(), sql);
    }

    pub fn alter_usage(&self, sql: &str) {
        alter(&self.usage(), sql);
    }

    /// Everything in the store, as text; the same text means that nothing has changed.
    pub fn dump(&self) -> String {
        if self.store().exists() {
            dump(&self.store())
        } else {
            "no store".to_owned()
        }
    }
}

/// Changes a database behind the tool's back.
pub fn alter(database: &Path, sql: &str) {
    let database = Connection::open(database).unwrap();
    database.execute_batch(sql).unwrap();
}

/// Every row of every table.
pub fn dump(database: &Path) -> String {
    let database = Connection::open(database).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut text = String::new();
    for table in tables {
        let mut statement = database
            .prepare(&format!("SELECT * FROM \"{table}\" ORDER BY 1"))
            .unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let row: Vec<Value> = (0..width).map(|column| row.get(column).unwrap()).collect();
            text += &format!("{table} {row:?}\n");
        }
    }
    text
}

/// A PAM client about to run.
pub struct Client {
    pub command: Command,
    answers: Vec<u8>,
}

impl From<Command> for Client {
    fn from(command: Command) -> Client {
        Client {
            command,
            answers: Vec::new(),
        }
    }
}

impl Client {
    /// What standard input will be.
    pub fn answers(&self) -> Vec<u8> {
        self.answers.clone()
    }

    pub fn rhost(mut self, rhost: impl AsRef<OsStr>) -> Client {
        self.command.arg("--rhost").arg(rhost);
        self
    }

    pub fn option(mut self, words: &[&str]) -> Client {
        self.command.args(words);
        self
    }

    pub fn password(mut self, password: impl AsRef<[u8]>) -> Client {
        self.answers.extend_from_slice(password.as_ref());
        self.answers.push(b'\n');
        self
    }

    /// Runs the operations on one handle (on each handle, with `--repeat`).
    pub fn run(mut self, operations: &[&str]) -> Ran {
        self.command.args(operations);
        run(self.command, &self.answers)
    }

    /// The code of one login.
    pub fn authenticate(self) -> Code {
        self.run(&["authenticate"]).code("authenticate")
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Nothing if a signal ended it.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Standard output of a program that did what it was asked.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }

    /// Standard output as the one JSON value that it must be.
    #[track_caller]
    pub fn json(self) -> Json {
        serde_json::from_str(&self.succeeds()).expect("one JSON value and nothing else")
    }

    /// Holds a refusal to its form; returns standard error: one line of error and perhaps one of hint.
    #[track_caller]
    pub fn refuses(self, status: i32) -> String {
        assert_eq!(self.status, Some(status), "{self:?}");
        assert_eq!(self.stdout, "", "a refusal says nothing on standard output");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let errors = lines
            .iter()
            .filter(|line| line.starts_with("app-passwd: error: "))
            .count();
        let hints = lines
            .iter()
            .filter(|line| line.starts_with("hint: "))
            .count();
        assert!(
            errors == 1 && hints <= 1 && lines.len() == errors + hints,
            "{self:?}"
        );
        self.stderr
    }

    /// What the PAM client printed for an operation, the last time.
    #[track_caller]
    pub fn code(&self, operation: &str) -> Code {
        let mut lines = self.stdout.lines().rev();
        let code = lines.find_map(|line| {
            line.strip_prefix(operation)?
                .split(' ')
                .nth(1)?
                .parse()
                .ok()
        });
        Code(code.unwrap_or_else(|| panic!("no {operation} in {self:?}")))
    }
}

/// Runs a program to its end, which one that hangs meets after a while.
pub fn run(mut command: Command, input: &[u8]) -> Ran {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program may end without reading what it is offered.
    let _ = child.stdin.take().unwrap().write_all(input);
    let pid = rustix::process::Pid::from_child(&child);
    let (ended, watch) = mpsc::channel::<()>();
    let watcher = thread::spawn(move || {
        if watch.recv_timeout(HANGS) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watcher.join().unwrap();
    output.into()
}

/// Longer than anything takes here.
const HANGS: Duration = Duration::from_secs(60);

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// Puts a program where it will be run. Another process writes it: one that this process wrote could
/// not be run while a child, started by another test at that moment, still has it open.
pub fn install(program: &Path, to: &Path) {
    let mut install = Command::new("install");
    install.arg("--mode=0755").arg(program).arg(to);
    assert!(install.status().unwrap().success());
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The freshly built module. It lies beside the tests or a step above them.
pub fn module() -> PathBuf {
    built("libpam_app_passwd.so").expect("the module, built together with the tests")
}

/// The freshly built PAM client, made now if only a part of the tests was asked for.
pub fn client() -> &'static Path {
    static CLIENT: OnceLock<PathBuf> = OnceLock::new();
    CLIENT.get_or_init(|| {
        if built("examples/pam-client").is_none_or(|client| is_older_than_its_source(&client)) {
            let mut build = cargo(&["build", "--quiet"], &target_directory());
            build.args(["--example", "pam-client"]);
            // As these tests themselves, so that nothing is built twice.
            if cfg!(not(feature = "web")) {
                build.arg("--no-default-features");
            }
            assert!(build.status().unwrap().success());
        }
        built("examples/pam-client").expect("the example pam-client")
    })
}

fn is_older_than_its_source(client: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support");
    ["pam.rs", "pam_client.rs"]
        .iter()
        .any(|file| changed(&support.join(file)) > changed(client))
}

/// Cargo for this package, with the profile that these tests were built with.
pub fn cargo(arguments: &[&str], target: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .arg("--target-dir")
        .arg(target);
    if profile_directory().ends_with("release") {
        command.arg("--release");
    }
    command
}

/// `target`, wherever it is.
pub fn target_directory() -> PathBuf {
    profile_directory().parent().unwrap().to_owned()
}

/// `target/debug` or its like: where the tool lies.
pub fn profile_directory() -> PathBuf {
    Path::new(TOOL).parent().unwrap().to_owned()
}

fn built(name: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let places = [tests.parent().unwrap().to_owned(), profile_directory()];
    places
        .into_iter()
        .map(|place| place.join(name))
        .find(|path| path.exists())
}

/// A directory of our own whose every step is owned by root or us and not writable by others: what the
/// module asks of the way to its state. A clone may well lie somewhere that is not so.
fn fresh_directory() -> TempDir {
    let candidates = [
        std::env::temp_dir(),
        "/tmp".into(),
        "/var/tmp".into(),
        "/run".into(),
    ];
    let above = candidates
        .into_iter()
        .filter_map(|path| path.canonicalize().ok())
        .find(|path| is_safe(path));
    let above = above.expect("a temporary directory that only root or we can change the way to");
    tempfile::Builder::new()
        .prefix("app-passwd-test-")
        .tempdir_in(above)
        .unwrap()
}

fn is_safe(path: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    path.ancestors().all(|step| {
        let Ok(step) = fs::metadata(step) else {
            return false;
        };
        let sticky = step.mode() & 0o1000 != 0;
        (step.uid() == 0 || step.uid() == us) && (sticky || step.mode() & 0o022 == 0)
    })
}

/// Whether `needle` is somewhere in `haystack`.
pub fn contains(haystack: &[u8], needle: impl AsRef<OsStr>) -> bool {
    let needle: OsString = needle.as_ref().to_owned();
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}
