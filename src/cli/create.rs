// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd create USER --label LABEL [--service NAME]... [--from NET]... [--expires WHEN]`, and
//! `app-passwd create --from-list FILE`

mod list;

use std::path::{Path, PathBuf};

use pam_app_passwd::authenticate::recognise;
use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::{
    Credential, Label, Network, Revocation, RevokedWhy, ServiceName, UserName,
};
use pam_app_passwd::hash::Hash;
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::policy::SELF_SERVICE;
use pam_app_passwd::store::{Change, Entries, NewCredential, Store};
use pam_app_passwd::{audit, random, syslog};
use serde::Serialize;
use zeroize::Zeroizing;

use super::entry::{self, View, Viewer};
use super::failure::{Code, Failure};
use super::{Context, notify, operator, output, revoke, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose it is to be
    #[arg(required_unless_present = "from_list")]
    user: Option<String>,
    /// What it is for, as its owner will recognise it in the list
    #[arg(long, required_unless_present = "from_list")]
    label: Option<String>,
    /// A PAM service or a group it opens, or "any"; may be repeated
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<String>,
    /// An address or a network it may be used from; may be repeated
    #[arg(long = "from", value_name = "NET")]
    networks: Vec<String>,
    /// When it ends: 2027-01-31, 2027-01-31T12:00:00+01:00 or 90d
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// The user need not be known to the system
    #[arg(long = "virtual")]
    is_virtual: bool,
    /// Make one for each line of a file, all or none; "-" is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["user", "label", "services", "networks", "expires"]
    )]
    from_list: Option<PathBuf>,
}

/// What is asked for, understood.
struct Order {
    user: UserName,
    label: Label,
    services: Vec<ServiceName>,
    networks: Vec<Network>,
    expires: Option<Timestamp>,
}

/// The entry in JSON, and its password, once.
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    entry: View,
    password: &'a str,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let may_be_virtual = arguments.is_virtual || context.config.policy.virtual_users;
    if let Some(file) = &arguments.from_list {
        return list::run(file, may_be_virtual, context);
    }
    let order = Order::read(arguments, context)?;
    let is_virtual = require_user(&order.user, may_be_virtual)?;
    output::require_stdout()?;
    warn_about_services(&order.services, &context.config);
    let mut store = Store::open_or_create(&context.config.state_dir, context.now)?;
    let password = AppPassword::generate(random::fill)?;
    let user = order.user.clone();
    let entry = store_entry(&mut store, order, is_virtual, &password, context)
        .map_err(|failure| undo(&mut store, &user, &password, failure, context))?;
    if let Err(failure) = show(&entry, &password, context) {
        return Err(take_back(&mut store, entry, failure, context));
    }
    drop(store);
    notify::tell("created", &[entry], context);
    Ok(Code::Done)
}

/// A change whose commit has failed may be there all the same, if what failed came after. Whether it
/// is, the password itself tells.
fn undo(
    store: &mut Store,
    user: &UserName,
    password: &AppPassword,
    failure: Failure,
    context: &Context,
) -> Failure {
    match recognise(store, user, password) {
        Ok((Some((entry, _)), _)) => take_back(store, entry, failure, context),
        _ => failure,
    }
}

/// Revokes what nobody has seen.
fn take_back(store: &mut Store, entry: Credential, failure: Failure, context: &Context) -> Failure {
    let (at, by) = (context.now, operator::name());
    let revocation = Revocation {
        at,
        by,
        why: RevokedWhy::NotShown,
    };
    let (user, id) = (entry.user.as_str().to_owned(), entry.id);
    match revoke::revoke(store, &[entry], None, &revocation) {
        Ok(_) => failure.hint("the app password was revoked, since nobody has seen it"),
        Err(_) => failure.hint(format!(
            "nobody has seen it, so revoke it: app-passwd revoke {user} {id}"
        )),
    }
}

impl Order {
    fn read(arguments: Arguments, context: &Context) -> Result<Self, Failure> {
        let services = services(&arguments.services)?;
        let networks = arguments
            .networks
            .iter()
            .map(|net| Network::parse(net))
            .collect::<Result<_, _>>()?;
        let expires = arguments
            .expires
            .as_deref()
            .map(|text| when::parse(text, context.now))
            .transpose()?;
        Ok(Self {
            user: UserName::parse(&arguments.user.unwrap_or_default())?,
            label: Label::parse(&arguments.label.unwrap_or_default())?,
            services: match services.is_empty() {
                true => context.config.policy.default_services.clone(),
                false => services,
            },
            networks,
            expires: bounded(expires, context),
        })
    }
}

/// The services, each once.
fn services(names: &[String]) -> Result<Vec<ServiceName>, Failure> {
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

/// An expiry beyond `policy.max_lifetime`, or none, is cut to it.
fn bounded(expires: Option<Timestamp>, context: &Context) -> Option<Timestamp> {
    let Some(longest) = context.config.policy.max_lifetime.span() else {
        return expires;
    };
    let latest = context.now.plus(longest);
    if expires.is_none_or(|expires| expires > latest) {
        output::say(&format!(
            "policy.max_lifetime ends it on {}.",
            when::local(latest)
        ));
        return Some(latest);
    }
    expires
}

/// Whether the user is a virtual one, unknown to the system; refused unless that may be.
pub(super) fn require_user(user: &UserName, may_be_virtual: bool) -> Result<bool, Failure> {
    let name = user.as_str();
    let known = operator::knows(user);
    if may_be_virtual {
        let is_virtual = !known.unwrap_or(false);
        if is_virtual && name.chars().any(char::is_uppercase) {
            output::say(&format!(
                "warning: '{name}' has capital letters; Dovecot lower-cases user names before it asks PAM"
            ));
        }
        return Ok(is_virtual);
    }
    if known? {
        return Ok(false);
    }
    let message = format!("the system knows no user '{name}'");
    let hint = "--virtual, or policy.virtual_users = true, is for mail users without an account";
    Err(Failure::new(Code::Policy, message).hint(hint))
}

/// A name that nothing goes by is most likely a slip of the pen.
fn warn_about_services(services: &[ServiceName], config: &Config) {
    let rules = config.rules();
    for service in services {
        let known = service.is_any()
            || rules.groups.contains_key(service)
            || Path::new("/etc/pam.d").join(service.as_str()).is_file();
        if !known {
            output::say(&format!(
                "warning: '{}' is neither a group of services nor a file in /etc/pam.d",
                audit::quoted(service.as_str())
            ));
        }
    }
}

/// Makes the entry. What is slow, the hash, is done before the store is locked.
fn store_entry(
    store: &mut Store,
    order: Order,
    is_virtual: bool,
    password: &AppPassword,
    context: &Context,
) -> Result<Credential, Failure> {
    let key = store.own_key()?;
    let proof = key.key.proof(&order.user, password)?;
    let new = NewCredential {
        key: key.id,
        tag: proof.tag(),
        hash: Hash::of(&proof, random::bytes()?, context.config.hash)?,
        user: order.user,
        label: order.label,
        services: order.services,
        networks: order.networks,
        created: context.now,
        created_by: operator::name(),
        expires: order.expires,
        is_virtual,
    };
    let mut change = store.change()?;
    require_room(&change, &new, context.config.policy.max_per_user)?;
    let entry = change.create(&new)?;
    syslog::send(&change.commit()?, "", context.now);
    Ok(entry)
}

/// An entry that has a successor counts neither for its label nor for the limit.
fn require_room(change: &Change<'_>, new: &NewCredential, limit: u32) -> Result<(), Failure> {
    let user = new.user.as_str();
    let Entries {
        sound: mut live,
        damaged,
    } = change.live(&new.user)?;
    entry::warn_of(&damaged);
    live.retain(|entry| entry.replaced_by.is_none());
    if let Some(entry) = live.iter().find(|entry| entry.label == new.label) {
        let label = audit::quoted(new.label.as_str());
        let message = format!("{user} has an app password \"{label}\" already");
        let hint = format!(
            "choose another label, or revoke it: app-passwd revoke {user} {}",
            entry.id
        );
        return Err(Failure::new(Code::Policy, message).hint(hint));
    }
    if limit != 0 && live.len() >= limit as usize {
        let message = format!(
            "{user} has {} app passwords, which is the limit",
            live.len()
        );
        return Err(Failure::new(Code::Policy, message)
            .hint("revoke one that is no longer used, or raise policy.max_per_user"));
    }
    Ok(())
}

/// Shows the password: alone on standard output, so that it can be piped into a clipboard.
fn show(entry: &Credential, password: &AppPassword, context: &Context) -> Result<(), Failure> {
    let shown = password.reveal();
    if context.json {
        let entry = Viewer::new(context).view(entry);
        let password = str::from_utf8(&*shown).unwrap_or_default();
        return output::bytes(&output::to_json(&Created { entry, password })?);
    }
    let (name, user) = (entry::names([entry]), entry.user.as_str());
    output::say(&format!("App password {name} of {user}. It is shown once:"));
    // Of its full length at once, so that it does not grow and leave a copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(shown.len() + 1));
    line.extend_from_slice(shown.as_slice());
    line.push(b'\n');
    output::bytes(&line)
}
