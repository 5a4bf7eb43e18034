// SPDX-License-Identifier: GPL-3.0-or-later
//! The commands of `[on_revoke] run`: argument lists, no shell, bounded in time.

use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pam_app_passwd::credential::Credential;
use pam_app_passwd::usage::Note;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What `doveadm kick` of Dovecot 2.3 ends with when nobody was connected.
const DOVEADM_NOT_FOUND: i32 = 68;

/// A template with its fields filled in, once for each noted use of the entry: `{user}`, `{entry}`,
/// `{service}` and `{from}`. One that names the service or the address is left out where they are
/// not known.
pub(super) fn expand(template: &[String], entry: &Credential, uses: &[Note]) -> Vec<Vec<String>> {
    let names = |field| template.iter().any(|word| word.contains(field));
    let mut commands = Vec::new();
    if !names("{service}") && !names("{from}") {
        commands.push(filled(template, entry, "", ""));
        return commands;
    }
    for used in uses {
        let origin = used.origin.as_deref();
        if origin.is_some() || !names("{from}") {
            commands.push(filled(
                template,
                entry,
                &used.service,
                origin.unwrap_or_default(),
            ));
        }
    }
    commands
}

fn filled(template: &[String], entry: &Credential, service: &str, origin: &str) -> Vec<String> {
    let id = entry.id.to_string();
    let fields = [
        ("{user}", entry.user.as_str()),
        ("{entry}", &id),
        ("{service}", service),
        ("{from}", origin),
    ];
    template.iter().map(|word| fill(word, &fields)).collect()
}

/// Fills the fields of one word. What is filled in is not looked at again.
fn fill(word: &str, fields: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let field = fields
            .iter()
            .find_map(|(name, value)| Some((rest.strip_prefix(name)?, value)));
        if let Some((behind, value)) = field {
            filled.push_str(value);
            rest = behind;
        } else {
            filled.push(c);
            rest = rest.strip_prefix(c).unwrap_or_default();
        }
    }
    filled
}

/// Runs a command and waits for its end; kills it when its time is over. What it prints goes to
/// standard error.
pub(super) fn run(words: &[String]) -> Result<(), String> {
    let stderr = std::io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|e| e.to_string())?;
    let mut child = start(words, Stdio::from(stderr), Stdio::inherit())?;
    let status = wait(&mut child)?;
    match status.success() || found_nothing(words, status) {
        true => Ok(()),
        false => Err(status.to_string()),
    }
}

/// Whether there was nothing to end, which is as good as to have ended it.
fn found_nothing(words: &[String], status: ExitStatus) -> bool {
    let program = words.first().and_then(|program| program.rsplit('/').next());
    program == Some("doveadm") && status.code() == Some(DOVEADM_NOT_FOUND)
}

/// What a command of few words prints, if it does what it is asked, within the same time.
pub(super) fn ask(words: &[String]) -> Option<String> {
    let mut child = start(words, Stdio::piped(), Stdio::null()).ok()?;
    wait(&mut child).ok().filter(ExitStatus::success)?;
    let mut answer = String::new();
    child.stdout?.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn start(words: &[String], stdout: Stdio, stderr: Stdio) -> Result<Child, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("it is empty".to_owned());
    };
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .map_err(|error| error.to_string())
}

fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                // It may have ended this very moment.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "it took longer than {} s and was killed",
                    PATIENCE.as_secs()
                ));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use pam_app_passwd::clock::Timestamp;
    use pam_app_passwd::credential::{CredentialId, Label, UserName};

    use super::*;

    fn entry() -> Credential {
        Credential {
            id: CredentialId(12),
            user: UserName::parse("{from} x").unwrap(),
            label: Label::parse("phone").unwrap(),
            services: vec![],
            networks: vec![],
            created: Timestamp::from_seconds(0),
            created_by: String::new(),
            expires: None,
            disabled: false,
            revoked: None,
            replaces: None,
            replaced_by: None,
        }
    }

    fn used(service: &str, origin: Option<&str>) -> Note {
        let at = Timestamp::from_seconds(0);
        Note {
            at,
            service: service.to_owned(),
            origin: origin.map(str::to_owned),
            uid: 0,
            count: 1,
        }
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn fields_are_filled_once_for_each_use() {
        let uses = [used("imap", Some("192.0.2.7")), used("smtp", None)];
        let expanded = |line| expand(&words(line), &entry(), &uses);
        assert_eq!(expanded("kick {user}"), [["kick", "{from} x"]]);
        assert_eq!(expanded("end {entry}"), [["end", "12"]]);
        assert_eq!(expanded("kick {from}"), [["kick", "192.0.2.7"]]);
        assert_eq!(
            expanded("log {service}:{entry}"),
            [["log", "imap:12"], ["log", "smtp:12"]]
        );
        assert_eq!(expanded("plain {other}"), [["plain", "{other}"]]);
        assert!(expand(&words("kick {from}"), &entry(), &[]).is_empty());
    }

    #[test]
    fn a_command_that_fails_or_is_missing_is_told() {
        assert_eq!(run(&words("true")), Ok(()));
        assert_eq!(run(&words("sh -c false")), Err("exit status: 1".to_owned()));
        assert!(
            run(&words("/no/such/command"))
                .unwrap_err()
                .contains("No such file")
        );
        assert!(run(&[]).is_err());
    }

    #[test]
    fn to_kick_nobody_is_no_failure() {
        use std::os::unix::process::ExitStatusExt;
        let ended = |code| ExitStatus::from_raw(code << 8);
        assert!(found_nothing(&words("doveadm kick alice"), ended(68)));
        assert!(found_nothing(&words("/usr/bin/doveadm kick a"), ended(68)));
        assert!(!found_nothing(&words("doveadm kick alice"), ended(75)));
        assert!(!found_nothing(&words("tell-owner alice"), ended(68)));
    }

    #[test]
    fn the_answer_of_a_command_is_what_it_prints_if_it_succeeds() {
        assert_eq!(ask(&words("echo 1 hours")), Some("1 hours\n".to_owned()));
        assert_eq!(ask(&words("sh -c false")), None);
        assert_eq!(ask(&words("/no/such/command")), None);
    }
}
