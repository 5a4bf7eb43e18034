// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd create USER --label LABEL [--service NAME]... [--from NET]... [--expires WHEN]`, and
//! `app-passwd create --from-list FILE`

mod list;

use std::path::PathBuf;

use pam_app_passwd::credential::{Label, UserName};
use pam_app_passwd::policy::life::{self, NoRoom};
use pam_app_passwd::store::{Look, Store};

use super::entry;
use super::failure::{Code, Failure};
use super::mint::{Order, mint};
use super::{Context, limits, named, notify, operator, output, when};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Whose it is to be
    #[arg(required_unless_present = "from_list")]
    pub(super) user: Option<String>,
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

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Code, Failure> {
    let may_be_virtual = arguments.is_virtual || context.config.policy.virtual_users;
    if let Some(file) = &arguments.from_list {
        return list::run(file, may_be_virtual, context);
    }
    let order = order(&arguments, context)?;
    let is_virtual = require_user(&order.user, may_be_virtual)?;
    let order = Order {
        is_virtual,
        ..order
    };
    if let Some(owner) = &context.owner {
        owner.require_scopes(arguments.limits_it())?;
        owner.require_services(&order.services)?;
    }
    output::require_stdout()?;
    limits::warn_about_services(&order.services, &context.config);
    let mut store = Store::open_or_create(&context.config.state_dir, context.now)?;
    entry::warn_of(&store.entries(Some(&order.user))?.damaged);
    if let Some(owner) = &context.owner {
        require_room(&store.look()?, &order.user, &order.label, context)?;
        owner.prove()?;
    }
    let entry = mint(&mut store, order, context, |change, new| {
        require_room(change, &new.user, &new.label, context)?;
        Ok(change.create(new)?)
    })?;
    drop(store);
    notify::tell("created", &[entry], context);
    Ok(Code::Done)
}

impl Arguments {
    /// Whether it is more than somebody's own, of this label.
    pub(super) const fn is_of_root_alone(&self) -> bool {
        self.is_virtual || self.from_list.is_some()
    }

    /// Whether they say what it is limited to.
    const fn limits_it(&self) -> bool {
        !self.services.is_empty() || !self.networks.is_empty() || self.expires.is_some()
    }
}

/// What is asked for, understood.
fn order(arguments: &Arguments, context: &Context) -> Result<Order, Failure> {
    let services = limits::services(&arguments.services)?;
    let networks = limits::networks(&arguments.networks)?;
    let expires = arguments
        .expires
        .as_deref()
        .map(|text| when::parse(text, context.now))
        .transpose()?;
    Ok(Order {
        user: UserName::parse(arguments.user.as_deref().unwrap_or_default())?,
        label: Label::parse(arguments.label.as_deref().unwrap_or_default())?,
        services: match services.is_empty() {
            true => context.config.policy.default_services.clone(),
            false => services,
        },
        networks,
        expires: limits::ending(expires, context.now, context)?,
        is_virtual: false,
    })
}

/// Whether the user is a virtual one, unknown to the system; refused unless that may be. A system
/// that cannot be asked says neither.
pub(super) fn require_user(user: &UserName, may_be_virtual: bool) -> Result<bool, Failure> {
    let name = user.as_str();
    if operator::knows(user)? {
        return Ok(false);
    }
    if !may_be_virtual {
        let message = format!("the system knows no user '{name}'");
        let hint =
            "--virtual, or policy.virtual_users = true, is for mail users without an account";
        return Err(Failure::new(Code::Policy, message).hint(hint));
    }
    if name.chars().any(char::is_uppercase) {
        output::say(&format!(
            "warning: '{name}' has capital letters; Dovecot lower-cases user names before it asks PAM"
        ));
    }
    Ok(true)
}

fn require_room(
    look: &Look<'_>,
    user: &UserName,
    label: &Label,
    context: &Context,
) -> Result<(), Failure> {
    let limit = context.config.policy.max_per_user;
    match life::room(&look.live(user)?.sound, label, limit) {
        Ok(()) => Ok(()),
        Err(NoRoom::Label(holder)) => Err(named::taken(user, label, holder)),
        Err(NoRoom::Limit(count)) => {
            let user = user.as_str();
            let message = format!("{user} has {count} app passwords, which is the limit");
            Err(
                Failure::new(Code::Policy, message).hint(match &context.owner {
                    Some(_) => "revoke one that is no longer used",
                    None => "revoke one that is no longer used, or raise policy.max_per_user",
                }),
            )
        }
    }
}
