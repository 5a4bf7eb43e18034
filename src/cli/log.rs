// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd log [USER] [--last N]`

use pam_app_passwd::audit::{quoted, quoted_line};
use pam_app_passwd::credential::UserName;
use pam_app_passwd::store::{Event, Store};
use serde::Serialize;

use super::failure::{Code, Failure};
use super::when::{self, Utc};
use super::{Context, output, table};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose events; without it all
    pub(super) user: Option<String>,
    /// Only the newest so many
    #[arg(long, value_name = "N")]
    last: Option<u32>,
}

/// An event in JSON. Names and order are a promise.
#[derive(Serialize)]
struct View {
    at: Utc,
    by: String,
    action: String,
    user: Option<String>,
    entry: Option<i64>,
    detail: String,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = arguments.user.as_deref().map(UserName::parse).transpose()?;
    let events = match Store::open_to_read(&context.config.state_dir)? {
        Some(store) => store.events(user.as_ref(), arguments.last)?,
        None => Vec::new(),
    };
    if context.json {
        let views: Vec<_> = events.into_iter().map(view).collect();
        output::json(&views)?;
    } else if events.is_empty() {
        output::say("There are no events.");
    } else {
        table::print(COLUMNS, events.iter().map(row))?;
    }
    Ok(Code::Done)
}

fn view(event: Event) -> View {
    View {
        at: Utc(event.at),
        by: event.by,
        action: event.action,
        user: event.user,
        entry: event.entry.map(|id| id.0),
        detail: event.detail,
    }
}

const COLUMNS: [&str; 6] = ["TIME", "BY", "ACTION", "USER", "ENTRY", "DETAIL"];

fn row(event: &Event) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        when::local(event.at),
        quoted(&event.by),
        quoted(&event.action),
        or_dash(event.user.as_deref().map(quoted)),
        or_dash(event.entry.map(|id| id.to_string())),
        quoted_line(&event.detail),
    ]
}
