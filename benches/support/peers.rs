//! What else lets people in by PAM, each with one account whose password is the same.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::report::said;
use super::tests::Machine;
use super::tests::machine::set_mode;

pub const PASSWORD: &str = "an account password";
pub const SHA512CRYPT: &str = "$6$benchmark$ig52FNtXDRPOhmnoMBrUaDXT..inusF0lppGTxAtYL0VlDCtJuMLKJa9GXtTRFjBKIg0Eysz9/E1Shze/2pu10";
pub const YESCRYPT: &str = "$y$j9T$benchmarkbench0$aj5WQgub0LGaHz50Qb3lvPFx3b8jDpFZ.f98Jql50q6";
/// For Dovecot. 19 MiB, two passes, one lane.
pub const ARGON2ID: &str = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$u9VT09JRtKUbujenCH1SCA$ewhwaovHOaeZeQ1x7cvmQRlC6TWWcFyC08vd6z2U41U";

/// The accounts, which are also the users of the other peers.
pub const SHA512CRYPT_USER: &str = "sha512crypt";
pub const YESCRYPT_USER: &str = "yescrypt";

/// A phone's secret.
const CODE_SECRET: &str = "JBSWY3DPEHPK3PXP";

/// The stacks of the peers, on a private machine: `unix`, `pwdfile`, `userdb`, `code`, and `permit`.
pub fn stacks(machine: &Machine) {
    for (user, hash) in [(SHA512CRYPT_USER, SHA512CRYPT), (YESCRYPT_USER, YESCRYPT)] {
        account(user, hash);
    }
    let [pwdfile, userdb, code] = ["pwdfile", "userdb", "code"].map(|name| {
        let path = machine.path(name);
        path.to_str().unwrap().to_owned()
    });
    fs::write(&pwdfile, format!("{SHA512CRYPT_USER}:{SHA512CRYPT}\n")).unwrap();
    load(&format!("{userdb}.db"), SHA512CRYPT_USER, PASSWORD);
    fs::write(&code, format!("{CODE_SECRET}\n\" TOTP_AUTH\n")).unwrap();
    set_mode(Path::new(&code), 0o400);
    for (service, module) in [
        ("permit", "pam_permit.so"),
        ("unix", "pam_unix.so"),
        ("pwdfile", &format!("pam_pwdfile.so pwdfile={pwdfile}")),
        ("userdb", &format!("pam_userdb.so db={userdb} crypt=none")),
        (
            "code",
            &format!("pam_google_authenticator.so secret={code} user=root"),
        ),
    ] {
        stack(machine, service, module);
    }
}

/// A stack of one module.
pub fn stack(machine: &Machine, service: &str, module: &str) {
    let lines = format!("auth required {module}\naccount required pam_permit.so");
    machine.stack(service, &lines);
}

/// The code that the phone shows now.
pub fn code() -> String {
    said(
        &mut Command::new("oathtool"),
        &["--totp", "--base32", CODE_SECRET],
    )
}

/// An account of this machine's, without a home.
pub fn account(user: &str, hash: &str) {
    append(
        "/etc/passwd",
        &format!("{user}:x:65534:65534::/:/usr/sbin/nologin"),
    );
    append("/etc/shadow", &format!("{user}:{hash}:20000::::::"));
}

fn append(path: &str, line: &str) {
    let mut file = File::options().append(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// A Berkeley database of one user, as pam_userdb(8) wants it.
fn load(path: &str, user: &str, password: &str) {
    let mut load = Command::new("db_load");
    load.args(["-T", "-t", "hash", path]).stdin(Stdio::piped());
    let mut load = load.spawn().unwrap();
    let mut input = load.stdin.take().unwrap();
    writeln!(input, "{user}\n{password}").unwrap();
    drop(input);
    assert!(load.wait().unwrap().success());
}
