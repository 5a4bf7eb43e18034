// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd create --from-list FILE`: very many at once, in one transaction.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use pam_app_passwd::audit::quoted;
use pam_app_passwd::authenticate::recognise;
use pam_app_passwd::credential::{Credential, CredentialId, Label, RevokedWhy, UserName};
use pam_app_passwd::hash::Hash;
use pam_app_passwd::password::AppPassword;
use pam_app_passwd::policy::life;
use pam_app_passwd::store::{Change, NumberedKey, Store, WholeEntry};
use pam_app_passwd::{random, syslog};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::require_user;
use crate::cli::entry::Viewer;
use crate::cli::failure::{Code, Failure};
use crate::cli::limits::{networks, services, warn_about_services};
use crate::cli::mint::Created;
use crate::cli::output::{self, Values};
use crate::cli::room::Room;
use crate::cli::{Context, change, lines, notify, operator, progress, when};

/// How many hashes are worth a bar.
const LARGE: u64 = 1_000;

/// A line of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    user: String,
    label: String,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    expires: Option<String>,
}

/// A wish, understood: an entry without a number, and its line.
struct Order {
    line: usize,
    entry: Credential,
    is_virtual: bool,
}

pub(super) fn run(file: &Path, may_be_virtual: bool, context: &Context) -> Result<Code, Failure> {
    let mut orders = read(file, context)?;
    require_users(&mut orders, may_be_virtual, file)?;
    look_for_room(&orders, file, context)?;
    output::require_stdout()?;
    warn_about_each_service(&orders, context);
    let mut store = Store::open_or_create(&context.config.state_dir, context.now)?;
    let key = store.own_key()?;
    let (passwords, mut made) = hash(&orders, &key, context)?;
    if let Err(failure) = add(&mut store, &orders, &key, &mut made, file, context) {
        return Err(undo(&mut store, &passwords, &made, failure));
    }
    let made: Vec<_> = made.into_iter().map(|whole| whole.entry).collect();
    if let Err(failure) = show(&made, &passwords, context) {
        return Err(take_back(&mut store, &made, failure));
    }
    drop(store);
    notify::tell("created", &made, context);
    Ok(Code::Done)
}

fn read(file: &Path, context: &Context) -> Result<Vec<Order>, Failure> {
    let by = operator::name();
    let longest = context.config.policy.max_lifetime.span();
    let (mut orders, mut cut) = (Vec::new(), 0);
    lines::read(file, |line, text| {
        let mut entry = lines::parse::<Wish>(text)?.read(&by, context)?;
        let end = life::ending(entry.expires, context.now, longest);
        cut += usize::from(end != entry.expires);
        entry.expires = end;
        orders.push(Order {
            line,
            entry,
            is_virtual: false,
        });
        Ok(())
    })?;
    if let Some(longest) = longest.filter(|_| cut > 0) {
        let date = when::local(context.now.plus(longest));
        output::say(&format!(
            "policy.max_lifetime ends {cut} of them on {date}."
        ));
    }
    Ok(orders)
}

impl Wish {
    fn read(self, by: &str, context: &Context) -> Result<Credential, Failure> {
        let expires = self.expires.map(|text| when::parse(&text, context.now));
        let services = services(&self.services)?;
        Ok(Credential {
            id: CredentialId(0),
            user: UserName::parse(&self.user)?,
            label: Label::parse(&self.label)?,
            services: match services.is_empty() {
                true => context.config.policy.default_services.clone(),
                false => services,
            },
            networks: networks(&self.networks)?,
            created: context.now,
            created_by: by.to_owned(),
            expires: expires.transpose()?,
            disabled: false,
            revoked: None,
            replaces: None,
            replaced_by: None,
        })
    }
}

/// Asks about each user once.
fn require_users(orders: &mut [Order], may_be_virtual: bool, file: &Path) -> Result<(), Failure> {
    let mut asked = HashMap::new();
    for order in orders {
        let user = &order.entry.user;
        order.is_virtual = match asked.get(user) {
            Some(answer) => *answer,
            None => {
                let answer = require_user(user, may_be_virtual)
                    .map_err(|failure| failure.at(&lines::place(file, order.line)))?;
                asked.insert(user.clone(), answer);
                answer
            }
        };
    }
    Ok(())
}

/// Looks before anything slow is done, and before a store is made. It is looked at again when nobody
/// else can change it.
fn look_for_room(orders: &[Order], file: &Path, context: &Context) -> Result<(), Failure> {
    let mut store = Store::open(&context.config.state_dir)?;
    let change = store.as_mut().map(Store::change).transpose()?;
    require_room(orders, change.as_ref(), file, context)
}

fn require_room(
    orders: &[Order],
    change: Option<&Change<'_>>,
    file: &Path,
    context: &Context,
) -> Result<(), Failure> {
    let mut room = Room::of(change, context.config.policy.max_per_user)?;
    for Order { line, entry, .. } in orders {
        let taken = room.take(&entry.user, &entry.label);
        taken.map_err(|failure| failure.at(&lines::place(file, *line)))?;
    }
    Ok(())
}

fn warn_about_each_service(orders: &[Order], context: &Context) {
    let mut said = BTreeSet::new();
    let services = orders.iter().flat_map(|order| &order.entry.services);
    let services = services.filter(|name| said.insert(name.as_str()));
    warn_about_services(services, &context.config);
}

/// Makes the passwords, and what is stored of them: slow, and done before the store is locked.
fn hash(
    orders: &[Order],
    key: &NumberedKey,
    context: &Context,
) -> Result<(Vec<AppPassword>, Vec<WholeEntry>), Failure> {
    let bar = progress::bar("hashing", orders.len() as u64, LARGE);
    // Of its full length at once, so that it does not grow and leave copies behind.
    let mut passwords = Vec::with_capacity(orders.len());
    let mut made = Vec::with_capacity(orders.len());
    for Order {
        entry, is_virtual, ..
    } in orders
    {
        let password = AppPassword::generate(random::fill)?;
        let proof = key.key.proof(&entry.user, &password)?;
        made.push(WholeEntry {
            entry: entry.clone(),
            key: key.id,
            tag: proof.tag(),
            hash: Hash::of(&proof, random::bytes()?, context.config.hash)?,
            is_virtual: *is_virtual,
        });
        passwords.push(password);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((passwords, made))
}

/// Adds them, all or none.
fn add(
    store: &mut Store,
    orders: &[Order],
    key: &NumberedKey,
    made: &mut [WholeEntry],
    file: &Path,
    context: &Context,
) -> Result<(), Failure> {
    let mut change = store.change()?;
    change.require_key(key)?;
    require_room(orders, Some(&change), file, context)?;
    let CredentialId(first) = change.next_id()?;
    for (number, whole) in (first..).zip(made.iter_mut()) {
        whole.entry.id = CredentialId(number);
    }
    change.add(made, "created", &operator::name(), context.now)?;
    syslog::send(&change.commit()?, "", context.now);
    Ok(())
}

/// A change whose commit has failed may be there all the same, if what failed came after. Whether it
/// is, the first password tells of all.
fn undo(
    store: &mut Store,
    passwords: &[AppPassword],
    made: &[WholeEntry],
    failure: Failure,
) -> Failure {
    let (Some(password), Some(first)) = (passwords.first(), made.first()) else {
        return failure;
    };
    match recognise(store, &first.entry.user, password) {
        Ok((Some(_), _)) => {
            let made: Vec<_> = made.iter().map(|whole| whole.entry.clone()).collect();
            take_back(store, &made, failure)
        }
        _ => failure,
    }
}

/// Revokes all of them: which ones have been seen is not known.
fn take_back(store: &mut Store, made: &[Credential], failure: Failure) -> Failure {
    match change::revoke_each(store, made, RevokedWhy::NotShown) {
        Ok(_) => {
            failure.hint("all app passwords of the list were revoked, since not all were shown")
        }
        Err(_) => failure.hint("not all were shown, so revoke all app passwords of the list"),
    }
}

/// Shows the passwords: alone on standard output, a line for each.
fn show(made: &[Credential], passwords: &[AppPassword], context: &Context) -> Result<(), Failure> {
    if context.json {
        return show_as_json(made, passwords, context);
    }
    let count = output::counted(made.len(), "app password");
    output::say(&format!(
        "{count}: user, label, password. They are shown once:"
    ));
    for (entry, password) in made.iter().zip(passwords) {
        let (user, label) = (quoted(entry.user.as_str()), quoted(entry.label.as_str()));
        let shown = password.reveal();
        // Of its full length at once, so that it does not grow and leave a copy behind.
        let length = user.len() + label.len() + shown.len() + 3;
        let mut line = Zeroizing::new(Vec::with_capacity(length));
        line.extend_from_slice(format!("{user}\t{label}\t").as_bytes());
        line.extend_from_slice(shown.as_slice());
        line.push(b'\n');
        output::bytes(&line)?;
    }
    Ok(())
}

fn show_as_json(
    made: &[Credential],
    passwords: &[AppPassword],
    context: &Context,
) -> Result<(), Failure> {
    let viewer = Viewer::of(made, context);
    let mut values = Values::new(true);
    for (entry, password) in made.iter().zip(passwords) {
        let (entry, shown) = (viewer.view(entry), password.reveal());
        let password = str::from_utf8(&*shown).unwrap_or_default();
        values.put(&Created { entry, password })?;
    }
    values.end()
}
