// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd-web`: the page on which account holders make, see and remove their app passwords.
//!
//! It is nobody of importance: a user of its own, without access to the store, to shadow or to PAM. All
//! that it can do it asks of the helper, which has PAM decide who a person is and gives out a pass for
//! them. So whoever breaks in here can act for those who are signed in, and for nobody else.
//!
//! ```text
//! server     connections, their time, and their end
//!   listener    where they come in
//!   connections their number, and which gives way
//!   unread      ends one whose answers are not read
//!   tls         without a proxy
//!   sweep       forgets what is over
//!   security what every answer says, and which POST is believed
//!   visitor  who is at the other end: address, language, cookie
//!   pages    one file for each page
//!     form     what was typed
//!     helper   the only door to the helper's socket
//!     said     what it says, in the words of the pages
//!     talks    conversations that wait for their next form
//!     reader   whoever a secret is for, while they wait
//!     session  who is signed in
//!     text     every word, in every language
//! ```

mod arriving;
mod asset;
mod client;
mod connections;
mod cookie;
mod draft;
mod entry;
mod event;
mod filter;
mod form;
mod helper;
mod listener;
mod page;
mod pages;
mod places;
mod prompt;
mod reader;
mod said;
mod security;
mod seldom;
mod server;
mod session;
mod settings;
mod signed_in;
mod sweep;
mod talks;
mod text;
mod tls;
mod token;
mod trouble;
mod turns;
mod unread;
mod visitor;
mod when;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use pam_app_passwd::{audit, helper as socket};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use helper::Helper;
use session::Sessions;
use settings::Settings;
use talks::Talks;
use tls::Tls;

/// The self-service page of app-passwd
#[derive(Parser)]
#[command(name = "app-passwd-web", version)]
struct Arguments {
    /// Read this configuration
    #[arg(long, value_name = "PATH", default_value = settings::PATH)]
    config: PathBuf,
    /// Say whether the configuration can be used, and end
    #[arg(long)]
    check: bool,
}

/// What every page is given.
struct App {
    settings: Settings,
    helper: Helper,
    sessions: Sessions,
    talks: Talks,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    // What people type, and what lets them in, passes through here: no core dump holds it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("core dumps: {error}"))?;
    let settings = Settings::load(&arguments.config)?;
    let tls = settings.tls.clone().map(Tls::load).transpose()?;
    if arguments.check {
        return Ok(());
    }
    let app = Arc::new(App {
        settings,
        helper: Helper::at(Path::new(socket::SOCKET)),
        sessions: Sessions::default(),
        talks: Talks::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(server::run(app, tls))
}

/// Tells the log. There is nobody left to tell if this cannot be written.
fn say(line: &str) {
    use std::io::Write as _;
    let line = audit::quoted_line(line);
    let _ = writeln!(std::io::stderr(), "app-passwd-web: {line}");
}
