// SPDX-License-Identifier: GPL-3.0-or-later
//! What limits an entry, as it is given on the command line: services, networks, and an end.

use std::path::Path;

use pam_app_passwd::audit::quoted;
use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{Network, ServiceName};
use pam_app_passwd::policy::{SELF_SERVICE, life};

use super::failure::{Code, Failure};
use super::{Context, output, when};

/// The services, each once.
pub(super) fn services(names: &[String]) -> Result<Vec<ServiceName>, Failure> {
    let mut services = Vec::new();
    for name in names {
        let service = ServiceName::parse(name)?;
        if service.as_str() == SELF_SERVICE {
            let message = format!("no app password ever satisfies the service {SELF_SERVICE}");
            return Err(Failure::new(Code::Policy, message)
                .hint("it asks for the account's own password before it makes app passwords"));
        }
        if !services.contains(&service) {
            services.push(service);
        }
    }
    Ok(services)
}

/// The networks, each once, however it is written.
pub(super) fn networks(nets: &[String]) -> Result<Vec<Network>, Failure> {
    let mut networks = Vec::new();
    for net in nets {
        let network = Network::parse(net)?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

/// An expiry beyond `policy.max_lifetime`, or none, is cut to it, and that is said.
pub(super) fn ending(
    asked: Option<Timestamp>,
    made: Timestamp,
    context: &Context,
) -> Result<Option<Timestamp>, Failure> {
    let longest = context.config.policy.max_lifetime.span();
    let end = life::ending(asked, made, longest);
    let Some(cut) = end.filter(|_| end != asked) else {
        return Ok(end);
    };
    let date = when::local(cut);
    let what = match &context.owner {
        Some(_) => "the longest lifetime here",
        None => "policy.max_lifetime",
    };
    if cut <= context.now {
        let message = format!("by {what} it had to end on {date}");
        return Err(Failure::new(Code::Policy, message)
            .hint("'app-passwd rotate' gives it a successor, whose life begins now"));
    }
    output::say(&format!("{what} ends it on {date}."));
    Ok(end)
}

/// A name that nothing goes by is most likely a slip of the pen.
pub(super) fn warn_about_services<'a>(
    services: impl IntoIterator<Item = &'a ServiceName>,
    config: &Config,
) {
    let rules = config.rules();
    for service in services {
        let known = service.is_any()
            || rules.groups.contains_key(service)
            || Path::new("/etc/pam.d").join(service.as_str()).is_file();
        if !known {
            output::say(&format!(
                "warning: '{}' is neither a group of services nor a file in /etc/pam.d",
                quoted(service.as_str())
            ));
        }
    }
}
