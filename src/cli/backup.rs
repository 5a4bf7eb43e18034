// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd backup FILE [--force]`

use std::fs;
use std::path::{Path, PathBuf};

use pam_app_passwd::error::Error;
use pam_app_passwd::store::{self, Store};
use pam_app_passwd::trust;
use serde::Serialize;

use super::failure::{Code, Failure};
use super::{Context, output};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The file to make
    file: PathBuf,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
}

/// What was backed up, in JSON.
#[derive(Serialize)]
struct Done {
    file: String,
    entries: usize,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let file = place(&arguments, &context.config.state_dir)?;
    let store = Store::open_to_read(&context.config.state_dir)?;
    let store = store.ok_or_else(|| Error::NoStore(store::path_in(&context.config.state_dir)))?;
    let mut snapshot = store.snapshot()?;
    drop(store);
    snapshot.check_rows()?;
    // It is not the store that cannot be used.
    let written = snapshot.write(&file);
    written.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
    let entries = snapshot.contents()?.entries;
    if context.json {
        let file = file.display().to_string();
        output::json(&Done { file, entries })?;
    } else {
        let (entries, file) = (
            output::counted(entries, "app password"),
            arguments.file.display(),
        );
        output::say(&format!(
            "Backed up {entries} to {file}. It holds the key: keep it as safe as the store."
        ));
    }
    Ok(Code::Done)
}

/// Where the file will be: nobody else may be able to put another in its place, and it must be
/// none that the program itself uses.
fn place(arguments: &Arguments, state_dir: &Path) -> Result<PathBuf, Failure> {
    if arguments.file == Path::new("-") {
        let message = "a backup is a file; it cannot be written to standard output";
        return Err(Failure::new(Code::Usage, message));
    }
    let absolute = std::path::absolute(&arguments.file)
        .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let file = trust::place_for(&absolute).map_err(|error| match error {
        Error::Untrusted { .. } => {
            Failure::from(error).hint("choose a directory that nobody but root can change")
        }
        error if error.is_not_permitted() => error.into(),
        // It is not the store that cannot be used.
        error => Failure {
            code: Code::Failed,
            ..error.into()
        },
    })?;
    let shown = file.display();
    if file.parent() == Some(state_dir) {
        let message = format!("{shown}: that directory is for the program's own files");
        return Err(Failure::new(Code::Usage, message).hint("choose another directory"));
    }
    match fs::symlink_metadata(&file) {
        Err(_) => Ok(file),
        Ok(there) if !there.is_file() => {
            let message = format!("{shown}: there is something that is not a regular file");
            Err(Failure::new(Code::Failed, message).hint("choose another name"))
        }
        Ok(_) if arguments.force => Ok(file),
        Ok(_) => Err(Failure::new(
            Code::Failed,
            format!("{shown}: there is a file of that name"),
        )
        .hint("--force replaces it")),
    }
}
