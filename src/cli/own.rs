// SPDX-License-Identifier: GPL-3.0-or-later
//! The verbs for whoever is not root: without USER, about their own app passwords. The helper has them
//! done, and here is printed what it says and asked what it asks.
//!
//! Both sides read what was typed in the same way: this one to say at once what is wrong with it, the
//! helper because what comes over a socket may have been typed by anybody.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{CommandFactory, FromArgMatches};
use pam_app_passwd::config;
use pam_app_passwd::helper::own::{Reply, Said, Wish};
use pam_app_passwd::helper::wire::Answer;
use pam_app_passwd::helper::{SOCKET, TALK, VERSIONS_DIFFER, reach, read_frame, write_all};
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::failure::{Code, Failure};
use super::{Cli, Verb, operator, output, terminal};

/// The verbs that people have for themselves.
const VERBS: [&str; 7] = ["create", "list", "show", "revoke", "edit", "rotate", "log"];

/// What was typed, as an account holder means it: without USER, or with their own name. `None`: it is
/// not for them to do, for it is none of their verbs, or about others, or it names a configuration and
/// with it a store.
pub(super) fn read(words: &[String], user: &str) -> Option<Result<Cli, clap::Error>> {
    let (verb, rest) = words.split_first()?;
    if !VERBS.contains(&verb.as_str()) {
        return None;
    }
    // Made once: it is dearer than to parse.
    let mut command = Cli::command();
    let mut parse = |user: Option<&str>| {
        let words = ["app-passwd", verb].into_iter().chain(user);
        let words = words.chain(rest.iter().map(String::as_str));
        let mut parsed = command.try_get_matches_from_mut(words)?;
        Cli::from_arg_matches_mut(&mut parsed)
    };
    let (typed, own) = (parse(None), parse(Some(user)));
    let names_them = |cli: &Cli| cli.verb.user() == Some(user);
    let read = match (typed, own) {
        (Ok(typed), _) if names_them(&typed) => Ok(typed),
        (Ok(_), Err(_)) => return None,
        (_, own) => own,
    };
    Some(read).filter(|read| is_for_them(read, user))
}

/// What is wrong is told to anybody.
fn is_for_them(read: &Result<Cli, clap::Error>, user: &str) -> bool {
    let Ok(cli) = read else { return true };
    let is_of_root_alone =
        matches!(&cli.verb, Verb::Create(arguments) if arguments.is_of_root_alone());
    !is_of_root_alone && cli.verb.user() == Some(user) && cli.config == Path::new(config::PATH)
}

/// Has it done what this process was started for. `None`: that is not for the helper to do.
pub(super) fn run() -> Option<Result<ExitCode, Failure>> {
    let uid = geteuid();
    if uid.is_root() {
        return None;
    }
    let words = std::env::args_os().skip(1).map(|word| word.into_string());
    let words: Vec<_> = words.collect::<Result<_, _>>().ok()?;
    let before = words.iter().take_while(|word| *word == "--json").count();
    let words = words.get(before..).unwrap_or_default();
    let cli = match read(words, &operator::name_of(uid.as_raw()))? {
        Ok(cli) => cli,
        Err(error) => return Some(super::asked_for(error).map(ExitCode::from)),
    };
    let makes_a_secret = matches!(cli.verb, Verb::Create(_) | Verb::Rotate(_));
    let wish = Wish {
        json: cli.json || before > 0,
        terminal: terminal::is_there(),
        words: words.to_vec(),
        ..Wish::default()
    };
    let wanted = match makes_a_secret {
        true => output::require_stdout(),
        false => Ok(()),
    };
    Some(wanted.and_then(|()| have_done(&wish)))
}

/// How long the helper may take to say that somebody has taken too long.
const LAST_WORDS: Duration = Duration::from_secs(5);

fn have_done(wish: &Wish) -> Result<ExitCode, Failure> {
    let too_long = || Failure::new(Code::Usage, "that is too long");
    let bytes = wish.encode().ok_or_else(too_long)?;
    let helper = reach().map_err(|error| {
        let message = format!("the helper does not answer at {SOCKET}: {error}");
        let hint = "only root can do without it; the administrator starts it";
        Failure::new(Code::Unusable, message).hint(hint)
    })?;
    let answers = Instant::now() + TALK;
    let talk = Talk {
        helper,
        answers,
        until: answers + LAST_WORDS,
    };
    // If it does not listen, it may have said why.
    let _ = write_all(&talk.helper, &bytes, talk.until);
    loop {
        if let Some(code) = talk.heed(talk.hear()?)? {
            return Ok(code.into());
        }
    }
}

/// What goes on until the helper says the end.
struct Talk {
    helper: OwnedFd,
    /// Until when somebody may answer.
    answers: Instant,
    until: Instant,
}

impl Talk {
    fn hear(&self) -> Result<Said, Failure> {
        let frame = read_frame(&self.helper, self.until).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the helper has hung up".to_owned(),
                _ => format!("the helper says no more: {error}"),
            };
            Failure::new(Code::Unusable, why).hint("look what was done, and try again")
        })?;
        let said = Said::decode(&frame);
        // Who is sent away at the door is told as a login is: nothing was read of the wish.
        said.ok_or_else(|| match Answer::decode(&frame) {
            Some(Answer::Failed { message, hint }) => Failure {
                hint,
                ..Failure::new(Code::Failed, format!("the helper: {message}"))
            },
            _ => {
                let message = "the helper says something that this version does not understand";
                Failure::new(Code::Unusable, message).hint(VERSIONS_DIFFER)
            }
        })
    }

    /// Does what the helper says. Returns the exit status at the end.
    fn heed(&self, said: Said) -> Result<Option<u8>, Failure> {
        match said {
            Said::Out(bytes) => output::bytes(&bytes)?,
            Said::Secret(bytes) => {
                let written = output::bytes(&bytes).ok();
                self.reply(written.map(|()| Zeroizing::default()));
            }
            Said::Say(line) => output::say(&line),
            Said::Tell(text) | Said::Warn(text) => text.lines().for_each(output::say),
            Said::Ask { prompt, hidden } => self.reply(ask(&prompt, hidden, self.answers)),
            Said::End { code } => return Ok(Some(code)),
        }
        Ok(None)
    }

    /// If it does not listen, it says no more either.
    fn reply(&self, text: Option<Zeroizing<String>>) {
        let bytes = Reply(text).encode().or_else(|| Reply(None).encode());
        let _ = write_all(&self.helper, &bytes.unwrap_or_default(), self.until);
    }
}

/// A question may have several lines; the last one is answered.
fn ask(prompt: &str, hidden: bool, until: Instant) -> Option<Zeroizing<String>> {
    let (before, question) = prompt.rsplit_once('\n').unwrap_or(("", prompt));
    before.lines().for_each(output::say);
    let answer = terminal::answer(question, hidden, until)?;
    let text = str::from_utf8(&answer).ok();
    if text.is_none() {
        output::say("the answer is not in UTF-8, which PAM is asked in here");
    }
    text.map(|text| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_verb_without_a_user_or_with_their_own_name_is_theirs() {
        for line in [
            "create --label phone",
            "create alice --label phone --service imap --json",
            "list",
            "list --all",
            "list alice",
            "show 12",
            "show alice 12",
            "show alice", // an entry of that label
            "revoke 12",
            "revoke 12 13",
            "revoke phone tablet",
            "revoke alice phone",
            "revoke --all --yes",
            "revoke --unused-since 90d",
            "edit 12 --label x",
            "edit alice phone --any-network",
            "rotate phone --overlap 1d",
            "log",
        ] {
            let read = read(&words(line), "alice");
            let cli = read.expect(line).map_err(|error| error.to_string());
            assert_eq!(cli.expect(line).verb.user(), Some("alice"), "{line}");
        }
    }

    #[test]
    fn what_is_about_others_or_not_for_them_is_not_theirs() {
        for line in [
            "create bob --label phone",
            "create --label phone --virtual",
            "create --from-list /etc/shadow",
            "list bob",
            "show bob 12",
            "log bob",
            "edit bob 12 --label x",
            "rotate bob 12",
            "revoke bob --all",
            "revoke --everyone --never-used",
            "list --config /tmp/x",
            "disable 12",
            "export alice",
            "serve",
            "converse alice",
            "--json list",
            "",
        ] {
            assert!(read(&words(line), "alice").is_none(), "{line}");
        }
        assert!(read(&[], "alice").is_none());
        // What is wrong in either way is said.
        for line in [
            "show",
            "create",
            "list --unknown",
            "revoke",
            "edit 12 13 14",
        ] {
            assert!(
                read(&words(line), "alice").is_some_and(|read| read.is_err()),
                "{line}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_about_nobody_else(
            line in proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(vec![
                        "create", "list", "show", "revoke", "edit", "rotate", "log", "enable", "prune", "alice",
                        "bob", "12", "--all", "--yes", "--everyone", "--never-used", "--label", "--label=bob",
                        "--service", "--from", "--virtual", "--from-list", "--from-list=/etc/shadow", "--config",
                        "--config=/tmp/x", "--json", "--", "-", "--help", "--overlap", "1d", "--dry-run",
                    ]).prop_map(str::to_owned),
                    ".{0,6}",
                ],
                0..7,
            )
        ) {
            let Some(Ok(cli)) = read(&line, "alice") else { return Ok(()) };
            prop_assert_eq!(cli.verb.user(), Some("alice"));
            prop_assert_eq!(cli.config, Path::new(config::PATH));
            let is_of_root_alone = match cli.verb {
                Verb::Create(arguments) => arguments.is_of_root_alone(),
                Verb::List(_) | Verb::Show(_) | Verb::Revoke(_) | Verb::Edit(_) => false,
                Verb::Rotate(_) | Verb::Log(_) => false,
                _ => true,
            };
            prop_assert!(!is_of_root_alone);
        }
    }
}
