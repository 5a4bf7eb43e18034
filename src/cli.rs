// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line. The rules of what is printed where:
//!
//! - A secret goes alone to standard output, and so does what `list`, `show`, `check`, `log`,
//!   `status` and `doctor` answer.
//! - With `--json`, standard output holds one object or array and nothing else; nothing on error.
//! - Everything else goes to standard error: an error is one line, and a line `hint:` where there
//!   is a remedy.
//! - What other people typed is escaped.
//!
//! Each verb is a file: arguments -> library -> output.

mod backup;
mod change;
mod check;
mod client;
mod converse;
mod create;
mod disable;
mod doctor;
mod edit;
mod enable;
mod entry;
mod export;
mod exported;
mod failure;
mod import;
mod limits;
mod lines;
mod list;
mod log;
mod mint;
mod named;
mod notify;
mod operator;
mod output;
mod own;
mod owner;
mod person;
mod program;
mod progress;
mod prune;
mod restore;
mod revoke;
mod room;
mod rotate;
mod serve;
mod shell;
mod show;
mod signout;
mod status;
mod table;
mod terminal;
mod when;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use pam_app_passwd::clock::{self, Timestamp};
use pam_app_passwd::config::{self, Config};

use failure::{Code, Failure};
use owner::Owner;

/// App-specific passwords for Linux accounts
///
/// Each program that cannot show a second factor gets a password of its own: generated, labelled,
/// shown once, limited to what it needs, revoked alone.
///
/// Whoever is not root leaves out USER, and looks after their own with create, list, show, revoke,
/// edit, rotate and log, where that is enabled.
#[derive(Parser)]
#[command(
    name = "app-passwd",
    version,
    arg_required_else_help = false,
    disable_help_subcommand = true
)]
struct Cli {
    /// Print one JSON object or array instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Read this configuration
    #[arg(long, global = true, value_name = "PATH", default_value = config::PATH)]
    config: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make an app password and show it once
    Create(create::Arguments),
    /// List the app passwords of a user, or of everybody
    List(list::Arguments),
    /// Show one app password's entry
    Show(show::Arguments),
    /// Revoke app passwords; what used them is refused from now on
    Revoke(revoke::Arguments),
    /// Change what an app password is for and what limits it; the password stays
    Edit(edit::Arguments),
    /// Refuse app passwords until they are enabled again
    Disable(disable::Arguments),
    /// Accept app passwords that were disabled
    Enable(enable::Arguments),
    /// Make a successor with the same label and limits, and show it once; the old one ends
    Rotate(rotate::Arguments),
    /// Say which app password it is and whether it would be accepted; changes nothing
    Check(check::Arguments),
    /// Say who did what, and when
    Log(log::Arguments),
    /// Forget what was revoked long ago, and old events
    Prune(prune::Arguments),
    /// Count the app passwords: how many are live, unused, about to expire, or open much
    Status,
    /// Look at what may be wrong on this machine, and say what to do about it
    Doctor(doctor::Arguments),
    /// Copy the whole store into a file, while logins go on
    Backup(backup::Arguments),
    /// Put a backup in the place of the store
    Restore(restore::Arguments),
    /// Write entries, with their hashes, for another machine
    Export(export::Arguments),
    /// Add the entries that another machine has exported
    Import(import::Arguments),
    /// Answer hosts that may not open the store themselves: the helper
    Serve(serve::Arguments),
    /// Ask PAM about an account, for the helper on standard input
    #[command(hide = true)]
    Converse,
}

impl Verb {
    /// Whose entries it is about, in the verbs that people also have for themselves.
    fn user(&self) -> Option<&str> {
        match self {
            Self::Create(arguments) => arguments.user.as_deref(),
            Self::List(arguments) => arguments.user.as_deref(),
            Self::Show(arguments) => Some(&arguments.user),
            Self::Revoke(arguments) => arguments.user.as_deref(),
            Self::Edit(arguments) => Some(&arguments.user),
            Self::Rotate(arguments) => Some(&arguments.user),
            Self::Log(arguments) => arguments.user.as_deref(),
            _ => None,
        }
    }
}

/// What every verb is given beside its arguments.
struct Context {
    config: Config,
    json: bool,
    now: Timestamp,
    /// The account holder who does it alone; `None`: root.
    owner: Option<Owner>,
}

/// Runs the command line.
pub(crate) fn run() -> ExitCode {
    let done = own::run().unwrap_or_else(|| {
        let done = match Cli::try_parse() {
            Ok(cli) => cli.run(),
            Err(error) => asked_for(error),
        };
        done.map(ExitCode::from)
    });
    match done {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            failure.code.into()
        }
    }
}

impl Cli {
    fn run(self) -> Result<Code, Failure> {
        let config_path = std::path::absolute(&self.config)
            .map_err(|error| Failure::new(Code::Usage, format!("--config: {error}")))?;
        warn_of_a_missing_file(&config_path);
        let context = || -> Result<Context, Failure> {
            Ok(Context {
                config: Config::load(&config_path)?,
                json: self.json,
                now: clock::now(),
                owner: None,
            })
        };
        match self.verb {
            Verb::Create(arguments) => create::run(arguments, &context()?),
            Verb::List(arguments) => list::run(arguments, &context()?),
            Verb::Show(arguments) => show::run(arguments, &context()?),
            Verb::Revoke(arguments) => revoke::run(arguments, &context()?),
            Verb::Edit(arguments) => edit::run(arguments, &context()?),
            Verb::Disable(arguments) => disable::run(arguments, &context()?),
            Verb::Enable(arguments) => enable::run(arguments, &context()?),
            Verb::Rotate(arguments) => rotate::run(arguments, &context()?),
            Verb::Check(arguments) => check::run(arguments, &context()?),
            Verb::Log(arguments) => log::run(arguments, &context()?),
            Verb::Prune(arguments) => prune::run(arguments, &context()?),
            Verb::Status => status::run(&context()?),
            // One that cannot be used is what it has to say.
            Verb::Doctor(arguments) => doctor::run(arguments, &config_path, self.json),
            Verb::Backup(arguments) => backup::run(arguments, &context()?),
            Verb::Restore(arguments) => restore::run(arguments, &context()?),
            Verb::Export(arguments) => export::run(arguments, &context()?),
            Verb::Import(arguments) => import::run(arguments, &context()?),
            // The configuration may change while it runs.
            Verb::Serve(arguments) => serve::run(arguments, config_path),
            Verb::Converse => converse::run(),
        }
    }
}

/// A missing file means the defaults. Where one was named, that is most likely a slip of the pen.
fn warn_of_a_missing_file(path: &Path) {
    if path != Path::new(config::PATH) && !path.exists() {
        output::say(&format!(
            "warning: {}: no such file; the defaults apply",
            path.display()
        ));
    }
}

/// Help and version are answers; all else that clap says is an error of usage, in one line.
fn asked_for(error: clap::Error) -> Result<Code, Failure> {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        output::text(&error.render().to_string())?;
        return Ok(Code::Done);
    }
    let text = error.render().to_string();
    let sentence = text.split("\n\n").next().unwrap_or_default();
    let sentence = sentence.strip_prefix("error: ").unwrap_or(sentence);
    let words: Vec<_> = sentence.split_whitespace().collect();
    Err(Failure::new(Code::Usage, words.join(" ")).hint("see 'app-passwd --help'"))
}
