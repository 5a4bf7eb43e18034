// SPDX-License-Identifier: GPL-3.0-or-later
//! The commands of `[on_revoke] run`.

use std::process::ExitStatus;

use pam_app_passwd::credential::Credential;
use pam_app_passwd::usage::Note;

use crate::cli::program;

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

/// Runs a command and waits for its end.
pub(super) fn run(words: &[String]) -> Result<(), String> {
    let status = program::run(words, b"")?;
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
    fn to_kick_nobody_is_no_failure() {
        use std::os::unix::process::ExitStatusExt;
        let ended = |code| ExitStatus::from_raw(code << 8);
        assert!(found_nothing(&words("doveadm kick alice"), ended(68)));
        assert!(found_nothing(&words("/usr/bin/doveadm kick a"), ended(68)));
        assert!(!found_nothing(&words("doveadm kick alice"), ended(75)));
        assert!(!found_nothing(&words("tell-owner alice"), ended(68)));
    }
}
