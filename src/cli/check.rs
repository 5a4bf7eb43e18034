// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd check USER [--service NAME] [--from ADDRESS]`

use std::net::IpAddr;

use pam_app_passwd::authenticate::recognise;
use pam_app_passwd::credential::{Credential, ServiceName, UserName};
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::policy::{self, Facts, Origin, Request, Service, Verdict};
use pam_app_passwd::shadow;
use pam_app_passwd::store::Store;
use serde::Serialize;

use super::entry::{self, View, Viewer};
use super::failure::{Code, Failure};
use super::{Context, output, terminal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose the password should be
    user: String,
    /// Judge whether it opens this PAM service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Judge whether it may be used from this address
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
}

/// The answer in JSON. Names and order are a promise.
#[derive(Serialize)]
struct Answer<'a> {
    accepted: bool,
    reason: Option<&'static str>,
    entry: Option<View<'a>>,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let user = UserName::parse(&arguments.user)?;
    let request = request(&arguments)?;
    let typed = terminal::password()?;
    let found = match AppPassword::parse(&typed) {
        Some(password) => find(&user, &password, context)?,
        None => None,
    };
    let viewer = Viewer::of(found.as_slice(), context);
    let reason = match &found {
        Some(entry) => refusal(entry, &request, &viewer)?,
        None => Some("unknown"),
    };
    answer(found.as_ref(), reason, &viewer, context)
}

fn request(arguments: &Arguments) -> Result<Request, Failure> {
    let service = arguments
        .service
        .as_deref()
        .map(ServiceName::parse)
        .transpose()?;
    let address = arguments
        .from
        .as_deref()
        .map(str::parse::<IpAddr>)
        .transpose();
    let address = address.map_err(|_| {
        Failure::new(Code::Usage, "--from wants an address").hint("write 192.0.2.7 or 2001:db8::7")
    })?;
    Ok(Request {
        service: service.map(Service::from),
        origin: address.map(Origin::Address),
    })
}

fn find(
    user: &UserName,
    password: &AppPassword,
    context: &Context,
) -> Result<Option<Credential>, Failure> {
    match Store::open_to_read(&context.config.state_dir)? {
        Some(mut store) => {
            let (found, _) = recognise(&mut store, user, password)?;
            Ok(found.map(|(entry, _)| entry))
        }
        None => Ok(None),
    }
}

fn refusal(
    entry: &Credential,
    request: &Request,
    viewer: &Viewer,
) -> Result<Option<&'static str>, Failure> {
    let facts = Facts {
        locked: shadow::is_locked(&entry.user)?,
        ..viewer.facts(entry)
    };
    Ok(
        match policy::judge(entry, request, &facts, viewer.rules()) {
            Verdict::Accept => None,
            Verdict::Refuse(why) => Some(why.as_str()),
        },
    )
}

fn answer(
    found: Option<&Credential>,
    reason: Option<&'static str>,
    viewer: &Viewer,
    context: &Context,
) -> Result<Code, Failure> {
    let accepted = reason.is_none();
    if context.json {
        let entry = found.map(|entry| viewer.view(entry));
        output::json(&Answer {
            accepted,
            reason,
            entry,
        })?;
    } else {
        let entry = found
            .map(|found| format!(": {}", entry::names([found])))
            .unwrap_or_default();
        let said = reason.map_or("accepted".to_owned(), |reason| {
            format!("refused ({reason})")
        });
        output::text(&format!("{said}{entry}\n"))?;
    }
    Ok(if accepted { Code::Done } else { Code::Failed })
}
