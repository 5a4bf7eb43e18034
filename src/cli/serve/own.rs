// SPDX-License-Identifier: GPL-3.0-or-later
//! What account holders have the helper do: the tool's verbs, for themselves.
//!
//! Whose wish it is, is what the kernel says of the process that asks (`SO_PEERCRED`). Only the web
//! page's speaks for others: for whoever has proved to PAM, through it, who they are, as long as it
//! shows the pass that it got for that.
//!
//! Before a secret is made and before an entry opens more than it did, PAM is asked again. No app
//! password satisfies that service.
//!
//! Everything is bounded: how long a talk takes, how many there are at once, and how often somebody may
//! fail to prove who they are. None of it takes anything that a login needs.

mod conversation;
mod passes;
mod peer;
mod rules;
mod tries;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use pam_app_passwd::audit;
use pam_app_passwd::clock;
use pam_app_passwd::config::Config;
use pam_app_passwd::credential::UserName;
use pam_app_passwd::helper::own::{NOT_SIGNED_IN, NOT_THEIRS, TOO_MUCH, TOO_OFTEN, UNPROVEN, Wish};
use pam_app_passwd::syslog;
use rustix::net::UCred;
use rustix::process::nice;

use super::quota::Place;
use super::share::Share;
use crate::cli::client::Client;
use crate::cli::failure::{Code, Failure};
use crate::cli::owner::{Owner, Proof};
use crate::cli::person::Person;
use crate::cli::{
    Cli, Context, Verb, asked_for, create, edit, list, log, operator, own, revoke, rotate, show,
};
use conversation::{Account, End};
use passes::Passes;
use peer::Peer;
use tries::{Tries, Who};

/// How many talks there may be at once, with the people of one uid and with all of them.
const TALKS_OF_EACH: usize = 2;
const TALKS_OF_ALL: usize = 32;
/// And with the web page, which speaks for many.
const TALKS_OF_THE_WEB: usize = 16;
/// Beside them, those in which somebody signs in there: strangers hold up nobody who has.
const SIGN_INS: usize = 16;
/// By how much those who only look are nicer than a login.
const LESS_URGENT: i32 = 10;

/// What is kept between wishes.
pub(super) struct Own {
    shell: Share,
    web: Share,
    sign_ins: Share,
    tries: Tries,
    changes: Tries,
    passes: Passes,
}

/// A talk that is under way; its place is given back when dropped.
struct Talk<'a> {
    share: &'a Share,
    uid: u32,
}

/// What somebody has to prove: that they are this user.
struct Claim<'a> {
    user: &'a UserName,
    origin: Option<&'a str>,
    client: &'a Client,
    /// It is more than what somebody has typed.
    is_known: bool,
    /// The account that asks, if it is on this machine.
    ruser: Option<&'a str>,
    /// By what the failures are counted.
    counted_as: Vec<Who>,
}

impl Own {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self {
            shell: Share::new(TALKS_OF_EACH, TALKS_OF_ALL),
            web: Share::new(TALKS_OF_THE_WEB, TALKS_OF_THE_WEB),
            sign_ins: Share::new(SIGN_INS, SIGN_INS),
            tries: Tries::default(),
            changes: Tries::default(),
            passes: Passes::new()?,
        })
    }

    /// Does what is wished, and says to the end what became of it. A talk may last, and takes nothing that
    /// a login needs: `place` is given back when it begins.
    pub(super) fn serve(
        self: &Arc<Self>,
        wish: &Wish,
        connection: OwnedFd,
        (peer, place): (UCred, Place),
        config_path: &Path,
    ) {
        let client = Arc::new(Client::new(connection, wish.terminal));
        let mut talk = None;
        let done = Config::load(config_path)
            .map_err(Failure::from)
            .and_then(|config| {
                rules::require_enabled(&config)?;
                let peer = Peer::of(peer, &config);
                talk = Some(self.begin_talk(wish, peer)?);
                drop(place);
                self.fulfil(wish, &client, peer, config)
            });
        let code = done.unwrap_or_else(|failure| {
            let told = failure.told_to_holders();
            for line in told.lines() {
                // Who has hung up wants to hear nothing.
                let _ = client.line(&audit::quoted_line(&line));
            }
            told.code
        });
        client.end(code as u8);
        // Not before: what is done after the end is part of it.
        drop(talk);
    }

    fn fulfil(
        self: &Arc<Self>,
        wish: &Wish,
        client: &Arc<Client>,
        peer: Peer,
        config: Config,
    ) -> Result<Code, Failure> {
        let origin = peer.origin(wish)?;
        if let (["sign-in"], Some(user), true) = (words(wish).as_slice(), &wish.user, peer.is_web) {
            return self.sign_in(user, origin.as_deref(), client, peer, &config);
        }
        let user = self.user(wish, peer)?;
        // Also who may do nothing here any more.
        if let (["sign-out", rest @ ..], true) = (words(wish).as_slice(), peer.is_web) {
            return self.sign_out(wish, &user, rest);
        }
        let person = Arc::new(Person {
            user,
            origin,
            pid: peer.pid,
            client: client.clone(),
        });
        rules::require_allowed(&person.user, &config)?;
        let proof = self.proof(person.clone(), peer);
        let config = bounded(config);
        person.clone().serve(|| match words(wish).as_slice() {
            ["rules"] => rules::answer(&person.user, &config),
            ["admin", ..] => administer(wish, &person.user, config, &proof),
            _ => self.have_done(wish, &person.user, config, proof),
        })
    }

    fn begin_talk(&self, wish: &Wish, peer: Peer) -> Result<Talk<'_>, Failure> {
        let share = match (peer.is_web, words(wish).as_slice()) {
            (false, _) => &self.shell,
            (true, ["sign-in", ..]) => &self.sign_ins,
            (true, _) => &self.web,
        };
        let uid = peer.uid;
        match share.enter(uid) {
            true => Ok(Talk { share, uid }),
            false => Err(Failure::new(Code::Failed, TOO_MUCH)
                .hint("end what you have begun elsewhere, or try again")),
        }
    }

    /// Whose wish it is.
    fn user(&self, wish: &Wish, peer: Peer) -> Result<UserName, Failure> {
        if peer.is_web {
            let pass = wish.pass.as_ref().filter(|_| wish.user.is_none());
            let holder = pass.and_then(|pass| self.passes.holder(pass, peer.uid, Instant::now()));
            return holder
                .ok_or_else(|| Failure::new(Code::Unusable, NOT_SIGNED_IN).hint("sign in"));
        }
        if wish.user.is_some() || wish.pass.is_some() {
            return Err(peer::not_for_others());
        }
        // The number of an account that has no name may be the name of a mail user.
        let name = operator::known_name_of(peer.uid)?.ok_or_else(|| {
            let message = format!("the system knows no user with the uid {}", peer.uid);
            Failure::new(Code::Unusable, message).hint("ask the administrator")
        })?;
        Ok(UserName::parse(&name)?)
    }

    /// Gives the web page a pass for whoever is this user, as PAM says.
    fn sign_in(
        &self,
        user: &UserName,
        origin: Option<&str>,
        client: &Client,
        peer: Peer,
        config: &Config,
    ) -> Result<Code, Failure> {
        let user = &operator::spelled(user)?;
        let claim = Claim {
            user,
            origin,
            client,
            is_known: false,
            ruser: None,
            counted_as: peer::strangers(user, origin),
        };
        // Root may know, in the helper's log, why somebody is kept out whose password is right.
        let is_allowed = |user: &UserName| {
            let allowed = rules::require_allowed(user, config);
            allowed.inspect_err(Failure::print).is_ok()
        };
        let user = self.vouch(claim, is_allowed)?;
        let pass = self.passes.give(&user, peer.uid, Instant::now())?;
        let now = clock::now();
        syslog::send(&[audit::signed_in(user.as_str(), origin)], "", now);
        let said = client.out(pass.as_bytes());
        said.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
        Ok(Code::Done)
    }

    fn sign_out(&self, wish: &Wish, user: &UserName, rest: &[&str]) -> Result<Code, Failure> {
        let now = Instant::now();
        match rest {
            [] => self
                .passes
                .end(wish.pass.as_ref().map_or("", |pass| pass), now),
            ["--everywhere"] => self.passes.end_all(user, now),
            _ => return Err(not_theirs()),
        }
        Ok(Code::Done)
    }

    /// Has a verb done by its owner.
    fn have_done(
        &self,
        wish: &Wish,
        user: &UserName,
        config: Config,
        proof: Proof,
    ) -> Result<Code, Failure> {
        match own::read(&wish.words, user.as_str()).ok_or_else(not_theirs)? {
            Ok(cli) => {
                self.count(&cli.verb, user)?;
                let owner = Owner::new(&config, proof);
                run(cli, wish, config, Some(owner))
            }
            Err(error) => asked_for(error),
        }
    }

    /// Counts what changes something. What there is can be revoked at any time, and only once.
    fn count(&self, verb: &Verb, user: &UserName) -> Result<(), Failure> {
        if !matches!(verb, Verb::Create(_) | Verb::Edit(_) | Verb::Rotate(_)) {
            return Ok(());
        }
        let who = Who::Changes(user.as_str().to_owned());
        match self.changes.begin(&[who], Instant::now()) {
            true => Ok(()),
            false => Err(too_often("changed something")),
        }
    }

    /// What has a person prove that it is they.
    fn proof(self: &Arc<Self>, person: Arc<Person>, peer: Peer) -> Proof {
        let own = self.clone();
        Box::new(move || {
            let user = &person.user;
            let claim = Claim {
                user,
                origin: person.origin.as_deref(),
                client: &person.client,
                is_known: true,
                ruser: (!peer.is_web).then_some(user.as_str()),
                counted_as: vec![peer.counted_as(user)],
            };
            own.vouch(claim, |vouched| vouched == user).map(drop)
        })
    }

    /// Who somebody is, as PAM says, if they prove it and `may` be this user. Which of the two is missing,
    /// nobody learns, nor how often they like: it would tell them that a password is right.
    fn vouch(
        &self,
        claim: Claim<'_>,
        may: impl Fn(&UserName) -> bool,
    ) -> Result<UserName, Failure> {
        let mut who = claim.counted_as;
        if !self.tries.begin(&who, Instant::now()) {
            return Err(too_often("failed to prove who you are"));
        }
        let account = Account {
            user: claim.user,
            ruser: claim.ruser,
            rhost: claim.origin,
        };
        let name = match conversation::hold(&account, claim.client) {
            Ok(End::Vouched(name)) => Some(name),
            Ok(End::Refused) => None,
            Ok(End::Unfinished { tried, why }) => {
                if !tried {
                    // Who signs in takes a talk in any case, which counts for the network.
                    who.retain(|who| !matches!(who, Who::Network(_)));
                    self.tries.take_back(&who);
                }
                return Err(why);
            }
            Err(failure) => {
                self.tries.take_back(&who);
                return Err(failure);
            }
        };
        let name = name.and_then(|name| UserName::parse(&name).ok());
        let user = name.map(|name| operator::spelled(&name)).transpose()?;
        match user.filter(may) {
            Some(user) => {
                self.tries.succeeded(&who);
                Ok(user)
            }
            None => {
                let name = claim.is_known.then_some(claim.user.as_str());
                let line = audit::unproven(name, claim.origin, self.tries.left(&who));
                syslog::send(&[line], "", clock::now());
                Err(unproven())
            }
        }
    }
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        self.share.leave(self.uid);
    }
}

/// Has a verb done by an administrator, for anybody: they see, and revoke, but never a secret.
fn administer(
    wish: &Wish,
    user: &UserName,
    config: Config,
    proof: &Proof,
) -> Result<Code, Failure> {
    if !rules::is_admin(user, &config)? {
        return Err(not_theirs());
    }
    let words = ["app-passwd"].into_iter();
    let rest = wish.words.iter().skip(1).map(String::as_str);
    let cli = match Cli::try_parse_from(words.chain(rest)) {
        Ok(cli) => cli,
        Err(error) => return asked_for(error),
    };
    match (&cli.verb, cli.verb.user()) {
        (Verb::List(_) | Verb::Show(_) | Verb::Log(_), _) => {}
        (Verb::Revoke(_), Some(_)) => proof()?,
        _ => return Err(not_theirs()),
    }
    run(cli, wish, config, None)
}

fn run(cli: Cli, wish: &Wish, config: Config, owner: Option<Owner>) -> Result<Code, Failure> {
    let context = Context {
        config,
        json: wish.json || cli.json,
        now: clock::now(),
        owner,
    };
    if matches!(cli.verb, Verb::List(_) | Verb::Show(_) | Verb::Log(_)) {
        // Logins come first. This thread alone, which ends with the talk; what changes something may start
        // programs, which would give way for ever. Where it is refused, all are equal.
        let _ = nice(LESS_URGENT);
    }
    match cli.verb {
        Verb::Create(arguments) => create::run(arguments, &context),
        Verb::List(arguments) => list::run(arguments, &context),
        Verb::Show(arguments) => show::run(arguments, &context),
        Verb::Revoke(arguments) => revoke::run(arguments, &context),
        Verb::Edit(arguments) => edit::run(arguments, &context),
        Verb::Rotate(arguments) => rotate::run(arguments, &context),
        Verb::Log(arguments) => log::run(arguments, &context),
        _ => Err(not_theirs()),
    }
}

/// For account holders there is one longest lifetime.
fn bounded(mut config: Config) -> Config {
    let own = config.self_service.max_lifetime;
    config.policy.max_lifetime = config.policy.max_lifetime.or_shorter(own);
    config
}

fn words(wish: &Wish) -> Vec<&str> {
    wish.words.iter().map(String::as_str).collect()
}

fn not_theirs() -> Failure {
    Failure::new(Code::Unusable, NOT_THEIRS).hint("leave out USER for your own")
}

fn too_often(what: &str) -> Failure {
    let message = format!("within ten minutes you have {what} {TOO_OFTEN}");
    Failure::new(Code::Policy, message).hint("try again later")
}

fn unproven() -> Failure {
    Failure::new(Code::Failed, UNPROVEN)
        .hint("an app password is no proof: use the account's password")
}
