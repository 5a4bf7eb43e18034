// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd restore FILE [--yes]`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pam_app_passwd::error::Error;
use pam_app_passwd::store::{self, Contents, Replaced, Restore};
use pam_app_passwd::{syslog, usage};
use serde::Serialize;

use super::failure::{Code, Failure};
use super::{Context, notify, operator, output, terminal, when};

/// How often it begins anew because somebody has changed the store meanwhile.
const ATTEMPTS: usize = 50;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The backup
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What was restored, in JSON.
#[derive(Serialize)]
struct Done {
    entries: usize,
    still_revoked: usize,
    still_disabled: usize,
    old_state: Option<String>,
    usage_forgotten: bool,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let (file, state_dir) = (&arguments.file, &context.config.state_dir);
    let (file, by) = (backup(file, state_dir)?, operator::name());
    let prepare = || {
        let restore = Restore::prepare(&file, state_dir, &by, context.now);
        restore.map_err(|error| about(&file, state_dir, error))
    };
    let mut restore = prepare()?;
    warn_of_what_is_lost(&restore);
    if !arguments.yes {
        terminal::confirm(&question(&restore)?)?;
    }
    for _ in 0..ATTEMPTS {
        let mut done = Done::of(&restore);
        let is_other = !restore.is_of_same_store()?;
        if let Some(lines) = restore.finish()? {
            syslog::send(&lines, "", context.now);
            done.usage_forgotten = is_other && forget_usage(context);
            let said = report(&done, context);
            notify::tell_of_all("restored", context);
            return said;
        }
        restore = prepare()?;
    }
    Err(Error::Busy(store::path_in(state_dir)).into())
}

impl Done {
    fn of(restore: &Restore) -> Self {
        let old_state = restore.kept.as_ref();
        Self {
            entries: restore.backup.entries,
            still_revoked: restore.still_revoked,
            still_disabled: restore.still_disabled,
            old_state: old_state.map(|path| path.display().to_string()),
            usage_forgotten: false,
        }
    }

    /// What is not undone, in a sentence each.
    fn what_stays(&self) -> Vec<String> {
        let revoked = stays(self.still_revoked, "revoked");
        let disabled = stays(self.still_disabled, "disabled");
        revoked.into_iter().chain(disabled).collect()
    }
}

/// The backup that is meant.
fn backup(file: &Path, state_dir: &Path) -> Result<PathBuf, Failure> {
    let file =
        std::path::absolute(file).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let shown = file.display();
    match file.canonicalize() {
        Ok(meant) if meant == store::path_in(state_dir) => {
            let message = format!("{shown}: that is the store itself");
            Err(Failure::new(Code::Usage, message).hint("name a backup of it"))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            Err(Failure::new(Code::Failed, format!("{shown}: no such file")))
        }
        _ => Ok(file),
    }
}

/// What is wrong with a backup is not mended by restoring a backup.
fn about(file: &Path, state_dir: &Path, error: Error) -> Failure {
    let hint = match &error {
        Error::Untrusted { path, .. } if !state_dir.starts_with(path) => {
            "name a file that nobody but root can have written"
        }
        Error::Store { path, .. } | Error::DamagedEntry { path, .. } if path == file => {
            "nothing was changed; take an older backup"
        }
        _ => return error.into(),
    };
    Failure::from(error).hint(hint)
}

/// What is replaced by what, and what becomes of what was revoked or disabled since.
fn question(restore: &Restore) -> Result<String, Failure> {
    let new = described(&restore.backup);
    let question = match &restore.old {
        Replaced::Nothing => format!("Restore {new}?"),
        Replaced::Unreadable { .. } => format!("Replace a store that cannot be read by {new}?"),
        Replaced::Store(old) => format!("Replace {} by {new}?", described(&old.contents()?)),
    };
    let mut sentences = Done::of(restore).what_stays();
    sentences.push(question);
    Ok(sentences.join(" "))
}

fn stays(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 that was {what} since stays {what}.")),
        count => Some(format!("{count} that were {what} since stay {what}.")),
    }
}

/// `12 app passwords (3 revoked, last change 2026-11-20 09:00)`
fn described(contents: &Contents) -> String {
    let last = contents.last_change.map(when::local);
    let last = last.map_or_else(String::new, |at| format!(", last change {at}"));
    let (entries, revoked) = (
        output::counted(contents.entries, "app password"),
        contents.revoked,
    );
    format!("{entries} ({revoked} revoked{last})")
}

/// Of a store that is damaged, it may be lost what was revoked or disabled since.
fn warn_of_what_is_lost(restore: &Restore) {
    if let Replaced::Unreadable {
        error,
        is_forgotten,
    } = &restore.old
    {
        output::say(&match is_forgotten {
            true => format!(
                "warning: {error}; what was revoked or disabled since the backup was made opens again, unless it can be read"
            ),
            false => format!(
                "warning: {error}; what was revoked or disabled since the backup was made can be read, and stays so"
            ),
        });
    }
}

/// What is noted about the old store's entries is not about these. Returns whether there was any.
fn forget_usage(context: &Context) -> bool {
    let forgotten = usage::forget(&context.config.state_dir, context.now);
    forgotten.unwrap_or_else(|error| {
        output::say(&format!(
            "warning: {error}; what is noted about last uses may be about other entries, so remove that file"
        ));
        false
    })
}

fn report(done: &Done, context: &Context) -> Result<Code, Failure> {
    if context.json {
        output::json(done)?;
        return Ok(Code::Done);
    }
    output::say(&format!(
        "Restored {}.",
        output::counted(done.entries, "app password")
    ));
    done.what_stays().iter().for_each(|line| output::say(line));
    if done.usage_forgotten {
        output::say(
            "What was noted about last uses is forgotten: it may have been about other app passwords.",
        );
    }
    if let Some(old_state) = &done.old_state {
        output::say(&format!(
            "The old state is kept in {old_state}: it holds a key."
        ));
    }
    Ok(Code::Done)
}
