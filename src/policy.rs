// SPDX-License-Identifier: GPL-3.0-or-later
//! Facts in, verdict out. Pure: nothing here reads anything, and nothing here can fail.

pub mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::clock::{Span, Timestamp};
use crate::credential::{Credential, CredentialId, Label, ServiceName, UserName};

/// Services that an entry must name, one by one or by group: `any` does not include them. They
/// open a shell, change who one is, or stand for "whatever has no stack of its own".
pub const PROTECTED: &[&str] = &[
    "sshd",
    "sshd-session",
    "login",
    "remote",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "runuser",
    "runuser-l",
    "doas",
    "polkit-1",
    "pkexec",
    "passwd",
    "chpasswd",
    "chsh",
    "chfn",
    "newusers",
    "systemd-user",
    "cron",
    "atd",
    "vsftpd",
    "proftpd",
    "gdm-password",
    "gdm-launch-environment",
    "lightdm",
    "sddm",
    "kde",
    "xdm",
    "xscreensaver",
    "i3lock",
    "swaylock",
    "gtklock",
    "xrdp-sesman",
    "cockpit",
    "webmin",
    "proxmox-ve-auth",
    "other",
];

/// Re-authentication for self-service. No app password satisfies it, or one could mint others.
pub const SELF_SERVICE: &str = "app-passwd";

/// What the configuration says about judging.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Names for groups of services; each contains its own name.
    pub groups: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
    /// Services protected beside [`PROTECTED`].
    pub protected: BTreeSet<ServiceName>,
    /// Services not protected in spite of [`PROTECTED`].
    pub unprotected: BTreeSet<ServiceName>,
    /// How long an entry may lie unused.
    pub idle_expiry: Option<Span>,
}

/// Who wants in, through which service and from where.
#[derive(Clone)]
pub struct Attempt {
    /// The user; `None`: a name that no entry can have.
    pub user: Option<UserName>,
    /// The service.
    pub service: Service,
    /// What the host said about the other side; `None`: nothing.
    pub rhost: Option<String>,
}

impl Attempt {
    /// What is to be judged.
    pub fn request(&self) -> Request {
        Request {
            service: Some(self.service.clone()),
            origin: Some(self.origin()),
        }
    }

    /// Host names are never resolved: what is not an address is unknown.
    fn origin(&self) -> Origin {
        let address = self
            .rhost
            .as_deref()
            .and_then(|rhost| rhost.parse::<IpAddr>().ok());
        address.map_or(Origin::Unknown, |address| {
            Origin::Address(address.to_canonical())
        })
    }

    /// From where, as it is noted and shown.
    pub fn origin_text(&self) -> Option<String> {
        match self.origin() {
            Origin::Address(address) => Some(address.to_string()),
            Origin::Unknown => self.rhost.clone().filter(|rhost| !rhost.is_empty()),
        }
    }
}

/// What somebody wants to use an entry for. What is `None` is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The service.
    pub service: Option<Service>,
    /// From where.
    pub origin: Option<Origin>,
}

/// The service of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name that scope and last use go by.
    pub name: ServiceName,
    /// The PAM service, which alone decides whether the service is protected.
    pub pam: ServiceName,
}

impl From<ServiceName> for Service {
    /// A service that goes by its own name.
    fn from(name: ServiceName) -> Self {
        let pam = name.clone();
        Self { name, pam }
    }
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From this address.
    Address(IpAddr),
    /// The host did not say, or not an address.
    Unknown,
}

/// What is known beside the entry when it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// Since when the entry has lain unused, if its use can be noted here and now: the latest of
    /// created, last used, and the beginning of the notes. `None`: idleness is not judged.
    pub unused_since: Option<Timestamp>,
    /// Whether the account is locked.
    pub locked: bool,
}

impl Facts {
    /// Nothing is known but the time.
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            unused_since: None,
            locked: false,
        }
    }
}

/// The answer to a right app password.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It opens this door.
    Accept,
    /// It does not.
    Refuse(Refusal),
}

/// What becomes of a user's app passwords when the password of the account has changed, and how many
/// there are.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They go on working.
    Kept(usize),
    /// They are revoked.
    Revoked(usize),
}

/// What became of a login.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The password opens this door.
    Accepted {
        /// Which entry it is.
        entry: Entry,
        /// It would have been refused as idle, could its use be noted here.
        idle_unnoted: bool,
        /// Says the entry to the process that opens the session (see `ticket`).
        ticket: Option<String>,
    },
    /// Not the shape of an app password. Another module will judge it.
    NotOurs,
    /// A right password at the wrong door, or past its time.
    Refused {
        /// Which entry it is.
        entry: Entry,
        /// Why.
        why: Refusal,
    },
    /// The shape of an app password, but it opens nothing.
    Unknown {
        /// Whether the user has, or had, any app password.
        user_known: bool,
    },
}

/// The entry that an outcome is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: CredentialId,
    /// Its label.
    pub label: Label,
}

/// Why a right app password is refused: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant is its word, explained in the manual"
)]
pub enum Refusal {
    Revoked,
    Disabled,
    Expired,
    Idle,
    Locked,
    Protected,
    Service,
    Network,
}

impl Refusal {
    const ALL: [Self; 8] = [
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::Idle,
        Self::Locked,
        Self::Protected,
        Self::Service,
        Self::Network,
    ];

    /// The word for it in the log and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Locked => "locked",
            Self::Protected => "protected",
            Self::Service => "service",
            Self::Network => "network",
        }
    }

    /// The reason that `word` says.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|refusal| refusal.as_str() == word)
    }
}

/// Judges an entry whose password has been proved. The order of the list is the order of the
/// questions; the first that is answered with no is said.
pub fn judge(entry: &Credential, request: &Request, facts: &Facts, rules: &Rules) -> Verdict {
    let refusal = dead(entry, facts, rules)
        .or_else(|| facts.locked.then_some(Refusal::Locked))
        .or_else(|| service_refused(entry, request.service.as_ref()?, rules))
        .or_else(|| network_refused(entry, request.origin?));
    refusal.map_or(Verdict::Accept, Verdict::Refuse)
}

/// Why the entry opens nothing at all, whatever it is asked for.
pub fn dead(entry: &Credential, facts: &Facts, rules: &Rules) -> Option<Refusal> {
    if entry.revoked.is_some() {
        Some(Refusal::Revoked)
    } else if entry.disabled {
        Some(Refusal::Disabled)
    } else if entry.expires.is_some_and(|expires| expires <= facts.now) {
        Some(Refusal::Expired)
    } else if idle(facts, rules) {
        Some(Refusal::Idle)
    } else {
        None
    }
}

fn idle(facts: &Facts, rules: &Rules) -> bool {
    match (facts.unused_since, rules.idle_expiry) {
        (Some(since), Some(limit)) => facts.now.since(since) > limit.seconds(),
        _ => false,
    }
}

fn service_refused(entry: &Credential, service: &Service, rules: &Rules) -> Option<Refusal> {
    let needs_naming = rules.protects(&service.pam);
    if service.pam.as_str() == SELF_SERVICE
        || needs_naming && !rules.names(&entry.services, &service.pam)
    {
        return Some(Refusal::Protected);
    }
    let open = rules.names(&entry.services, &service.name)
        || entry.services.iter().any(ServiceName::is_any);
    (!open).then_some(Refusal::Service)
}

fn network_refused(entry: &Credential, origin: Origin) -> Option<Refusal> {
    let inside = entry.networks.is_empty()
        || match origin {
            Origin::Address(address) => entry.networks.iter().any(|net| net.contains(address)),
            Origin::Unknown => false,
        };
    (!inside).then_some(Refusal::Network)
}

impl Rules {
    /// Whether `service` must be named by an entry, `any` not being enough.
    pub fn protects(&self, service: &ServiceName) -> bool {
        (PROTECTED.contains(&service.as_str()) || self.protected.contains(service))
            && !self.unprotected.contains(service)
    }

    /// Whether an entry with these services opens `service`.
    fn opens(&self, services: &[ServiceName], service: &ServiceName) -> bool {
        self.names(services, service)
            || services.iter().any(ServiceName::is_any) && !self.protects(service)
    }

    /// Whether `services` has `service` itself or a group that contains it.
    fn names(&self, services: &[ServiceName], service: &ServiceName) -> bool {
        services
            .iter()
            .any(|named| !named.is_any() && self.includes(named, service))
    }

    /// Whether `named` is `service` or a group that contains it.
    pub fn includes(&self, named: &ServiceName, service: &ServiceName) -> bool {
        named == service
            || self
                .groups
                .get(named)
                .is_some_and(|group| group.contains(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{CredentialId, Label, Network, Revocation, RevokedWhy, UserName};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000_000);

    pub(super) fn names<'a>(list: &'a str) -> impl Iterator<Item = ServiceName> + 'a {
        list.split_whitespace()
            .map(|name| ServiceName::parse(name).unwrap())
    }

    pub(super) fn entry(services: &str, networks: &str) -> Credential {
        Credential {
            id: CredentialId(1),
            user: UserName::parse("alice").unwrap(),
            label: Label::parse("phone").unwrap(),
            services: names(services).collect(),
            networks: networks
                .split_whitespace()
                .map(|n| Network::parse(n).unwrap())
                .collect(),
            created: NOW,
            created_by: "root".to_owned(),
            expires: None,
            disabled: false,
            revoked: None,
            replaces: None,
            replaced_by: None,
        }
    }

    pub(super) fn rules() -> Rules {
        let group = |name: &str, members: &str| {
            let name = ServiceName::parse(name).unwrap();
            let members = names(members).chain([name.clone()]).collect();
            (name, members)
        };
        Rules {
            groups: BTreeMap::from([group("mail", "imap smtp"), group("shell", "sshd login")]),
            protected: names("vault").collect(),
            unprotected: names("vsftpd").collect(),
            idle_expiry: Span::parse("90d"),
        }
    }

    fn facts() -> Facts {
        Facts {
            now: NOW,
            unused_since: Some(NOW),
            locked: false,
        }
    }

    fn request(service: &str, from: &str) -> Request {
        let name = ServiceName::parse(service).unwrap();
        Request {
            service: Some(Service {
                pam: name.clone(),
                name,
            }),
            origin: Some(from.parse().map_or(Origin::Unknown, Origin::Address)),
        }
    }

    fn said(entry: &Credential, request: &Request, facts: &Facts) -> &'static str {
        match judge(entry, request, facts, &rules()) {
            Verdict::Accept => "accepted",
            Verdict::Refuse(refusal) => refusal.as_str(),
        }
    }

    #[test]
    fn the_service_must_be_one_that_the_entry_has() {
        for (services, service, answer) in [
            ("mail", "imap", "accepted"),
            ("mail", "smtp", "accepted"),
            ("mail", "mail", "accepted"), // a group contains its own name
            ("mail", "ftp", "service"),
            ("imap", "imap", "accepted"),
            ("imap", "smtp", "service"),
            ("imap ftp", "ftp", "accepted"),
            ("gone", "imap", "service"), // a group that was removed matches nothing
            ("any", "imap", "accepted"),
            ("any", "any", "accepted"),
            ("any", "sshd", "protected"),
            ("any", "other", "protected"),
            ("any", "vault", "protected"), // protected by the configuration
            ("any", "vsftpd", "accepted"), // no longer protected
            ("mail", "sshd", "protected"),
            ("sshd", "sshd", "accepted"),
            ("shell", "sshd", "accepted"), // named by group
            ("any sshd", "sshd", "accepted"),
            ("any app-passwd", "app-passwd", "protected"), // never
            ("", "imap", "service"),
        ] {
            let answered = said(&entry(services, ""), &request(service, ""), &facts());
            assert_eq!(answered, answer, "{services:?} at {service}");
        }
    }

    #[test]
    fn a_renamed_service_is_protected_by_its_real_name() {
        let renamed = |name, pam| Request {
            service: Some(Service {
                name: ServiceName::parse(name).unwrap(),
                pam: ServiceName::parse(pam).unwrap(),
            }),
            origin: None,
        };
        for (services, name, pam, answer) in [
            ("mail", "imap", "dovecot", "accepted"),
            ("mail", "imap", "sudo", "protected"),
            ("imap", "imap", "sudo", "protected"),
            ("imap sudo", "imap", "sudo", "accepted"),
            ("sudo", "imap", "sudo", "service"),
            ("any", "imap", "app-passwd", "protected"),
        ] {
            let answered = said(&entry(services, ""), &renamed(name, pam), &facts());
            assert_eq!(answered, answer, "{services:?} at {name} ({pam})");
        }
    }

    #[test]
    fn the_address_must_lie_in_a_network_of_the_entry() {
        let lan = "192.0.2.0/24 2001:db8::/32";
        for (networks, from, answer) in [
            ("", "", "accepted"),
            ("", "203.0.113.1", "accepted"),
            (lan, "192.0.2.9", "accepted"),
            (lan, "::ffff:192.0.2.9", "accepted"),
            (lan, "2001:db8::9", "accepted"),
            (lan, "203.0.113.1", "network"),
            (lan, "", "network"),
            (lan, "mail.example.org", "network"), // names are never resolved
        ] {
            let answered = said(&entry("mail", networks), &request("imap", from), &facts());
            assert_eq!(answered, answer, "{networks:?} from {from:?}");
        }
    }

    #[test]
    fn what_is_not_asked_is_not_judged() {
        let nothing = Request {
            service: None,
            origin: None,
        };
        assert_eq!(
            said(&entry("ftp", "192.0.2.0/24"), &nothing, &facts()),
            "accepted"
        );
    }

    #[test]
    fn an_entry_ends_in_the_second_it_expires() {
        for (expires, answer) in [(-1, "expired"), (0, "expired"), (1, "accepted")] {
            let mut entry = entry("mail", "");
            entry.expires = Some(Timestamp::from_seconds(NOW.seconds() + expires));
            assert_eq!(
                said(&entry, &request("imap", ""), &facts()),
                answer,
                "{expires}"
            );
        }
    }

    #[test]
    fn an_entry_unused_for_longer_than_allowed_is_idle() {
        let limit = 90 * 86_400;
        let unused = |seconds: i64| Facts {
            unused_since: Some(Timestamp::from_seconds(NOW.seconds() - seconds)),
            ..facts()
        };
        let unknown = Facts {
            unused_since: None,
            ..facts()
        };
        for (facts, answer) in [
            (unused(limit), "accepted"),
            (unused(limit + 1), "idle"),
            (unknown, "accepted"),
        ] {
            assert_eq!(
                said(&entry("mail", ""), &request("imap", ""), &facts),
                answer
            );
        }
    }

    #[test]
    fn the_first_reason_of_the_list_is_said() {
        let mut entry = entry("ftp", "192.0.2.0/24");
        let mut facts = Facts {
            unused_since: Some(Timestamp::from_seconds(0)),
            ..facts()
        };
        facts.locked = true;
        entry.revoked = Some(Revocation {
            at: NOW,
            by: String::new(),
            why: RevokedWhy::ByHand,
        });
        entry.disabled = true;
        entry.expires = Some(NOW);
        let sshd = request("sshd", "");
        assert_eq!(said(&entry, &sshd, &facts), "revoked");
        entry.revoked = None;
        assert_eq!(said(&entry, &sshd, &facts), "disabled");
        entry.disabled = false;
        assert_eq!(said(&entry, &sshd, &facts), "expired");
        entry.expires = None;
        assert_eq!(said(&entry, &sshd, &facts), "idle");
        facts.unused_since = None;
        assert_eq!(said(&entry, &sshd, &facts), "locked");
        facts.locked = false;
        assert_eq!(said(&entry, &sshd, &facts), "protected");
        assert_eq!(said(&entry, &request("imap", ""), &facts), "service");
        assert_eq!(said(&entry, &request("ftp", ""), &facts), "network");
    }

    #[test]
    fn every_reason_reads_back_from_its_word() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::parse(refusal.as_str()), Some(refusal));
        }
        assert_eq!(Refusal::parse("unknown"), None);
    }
}
