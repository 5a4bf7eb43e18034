// SPDX-License-Identifier: GPL-3.0-or-later
//! What is kept about one app password, and the names it is made of. Each name type has one
//! `parse`; past it there are no bare strings for users, services, labels or networks.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::clock::Timestamp;

/// The number of an entry. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(pub i64);

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One app password, without its secret and without its hash.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its number.
    pub id: CredentialId,
    /// Whose it is, as PAM presents the name.
    pub user: UserName,
    /// What it is for.
    pub label: Label,
    /// PAM services and groups of the configuration, as named when it was made.
    pub services: Vec<ServiceName>,
    /// Where it may be used from; empty: from anywhere.
    pub networks: Vec<Network>,
    /// When it was made.
    pub created: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// Refused until it is enabled again.
    pub disabled: bool,
    /// Refused for ever.
    pub revoked: Option<Revocation>,
    /// The entry whose successor this is.
    pub replaces: Option<CredentialId>,
    /// The successor of this entry.
    pub replaced_by: Option<CredentialId>,
}

/// When, by whom and why an entry was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: RevokedWhy,
}

/// Why an entry was revoked: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedWhy {
    /// The account is gone.
    AccountDeleted,
    /// An administrator or the owner said so.
    ByHand,
    /// It had expired and was tidied away.
    Expired,
    /// The secret could not be shown to whoever asked for it.
    NotShown,
    /// The account's password was changed.
    PasswordChanged,
    /// A successor took its place.
    Rotated,
}

impl RevokedWhy {
    const ALL: [Self; 6] = [
        Self::AccountDeleted,
        Self::ByHand,
        Self::Expired,
        Self::NotShown,
        Self::PasswordChanged,
        Self::Rotated,
    ];

    /// The word for it in the store, in JSON and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountDeleted => "account deleted",
            Self::ByHand => "by hand",
            Self::Expired => "expired",
            Self::NotShown => "not shown",
            Self::PasswordChanged => "password changed",
            Self::Rotated => "rotated",
        }
    }

    /// The reason that `word` says.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

/// The name of an account or a mail user: 1 to 255 bytes of UTF-8, no control characters, `:` or
/// `/`, no leading `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// Reads a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > 255 {
            return Err(NameError::UserLength);
        }
        if name.starts_with('-') {
            return Err(NameError::UserDash);
        }
        if name.contains(|c: char| c.is_control() || c == ':' || c == '/') {
            return Err(NameError::UserCharacter);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A PAM service or a group of them: 1 to 255 bytes, no control characters, blanks, `,` or `/`.
/// Kept in lower case, as libpam does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct ServiceName(String);

impl ServiceName {
    /// The word that stands for every service that is not protected.
    pub const ANY: &'static str = "any";

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > 255 {
            return Err(NameError::ServiceLength);
        }
        if name.contains(|c: char| c.is_control() || c.is_whitespace() || c == ',' || c == '/') {
            return Err(NameError::ServiceCharacter);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stack that libpam takes for services without one.
    pub fn other() -> Self {
        Self("other".to_owned())
    }

    /// Whether this is the word for every service that is not protected.
    pub fn is_any(&self) -> bool {
        self.0 == Self::ANY
    }
}

impl TryFrom<String> for ServiceName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::parse(&name)
    }
}

/// What an app password is for, in its owner's words: 1 to 64 characters after trimming blanks,
/// not all digits (those are ids), no control characters and none that reorder text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(String);

impl Label {
    /// Reads a label.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 64 {
            return Err(NameError::LabelLength);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NameError::LabelDigits);
        }
        if text.contains(|c: char| c.is_control() || reorders_text(c)) {
            return Err(NameError::LabelCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `c` changes the direction of the text around it (Unicode's Bidi_Control), so that
/// what a person sees is not what is stored.
pub const fn reorders_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where an entry may be used from: an address or a network. IPv4-mapped IPv6 is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`, ...
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse().map_err(|_| NameError::Network)?,
        };
        if net.addr() != net.network() {
            return Err(NameError::NetworkHostBits(Self(unmap(net.trunc()))));
        }
        Ok(Self(unmap(net)))
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all of `other` lies in it.
    pub fn includes(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
fn unmap(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let mapped = Ipv6Addr::to_ipv4_mapped(&v6.network());
    match (mapped, v6.prefix_len().checked_sub(96)) {
        (Some(v4), Some(length)) => Ipv4Net::new(v4, length).map_or(net, IpNet::V4),
        _ => net,
    }
}

/// Why a name is not one.
#[derive(Debug, Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its sentence")]
pub enum NameError {
    #[error("a label must not hold control characters or characters that reorder text")]
    LabelCharacter,
    #[error("a label must not consist of digits only, since those are entry ids")]
    LabelDigits,
    #[error("a label must have 1 to 64 characters")]
    LabelLength,
    #[error("not an address or a network such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")]
    Network,
    #[error("the network has bits set behind its prefix")]
    NetworkHostBits(Network),
    #[error("a service name must not hold blanks, control characters, ',' or '/'")]
    ServiceCharacter,
    #[error("a service name must have 1 to 255 bytes")]
    ServiceLength,
    #[error("a user name must not hold control characters, ':' or '/'")]
    UserCharacter,
    #[error("a user name must not begin with '-'")]
    UserDash,
    #[error("a user name must have 1 to 255 bytes")]
    UserLength,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_trimmed_and_bounded() {
        let longest = "é".repeat(64);
        for (text, kept) in [
            ("phone", "phone"),
            ("  my phone ", "my phone"),
            ("42nd", "42nd"),
            (longest.as_str(), longest.as_str()),
        ] {
            assert_eq!(Label::parse(text).unwrap().as_str(), kept);
        }
        for (text, why) in [
            ("", NameError::LabelLength),
            ("   ", NameError::LabelLength),
            (&"x".repeat(65), NameError::LabelLength),
            ("42", NameError::LabelDigits),
            ("a\nb", NameError::LabelCharacter),
            ("a\u{1b}[31m", NameError::LabelCharacter),
            ("a\u{85}b", NameError::LabelCharacter),
            ("a\u{202e}b", NameError::LabelCharacter),
        ] {
            assert_eq!(Label::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn user_names_are_what_a_passwd_field_can_hold() {
        for name in [
            "alice",
            "alice@example.org",
            "Alice Liddell",
            "é",
            "DOM\\alice",
            &"a".repeat(255),
        ] {
            assert_eq!(UserName::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "-x",
            "a:b",
            "../etc",
            "a\nb",
            "a\u{9b}b",
            &"a".repeat(256),
        ] {
            assert!(UserName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn networks_are_canonical() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ] {
            assert_eq!(Network::parse(text).unwrap().to_string(), shown);
        }
        for text in [
            "",
            "localhost",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.7/",
            "2001:db8::/129",
        ] {
            assert_eq!(Network::parse(text), Err(NameError::Network), "{text:?}");
        }
        let Err(NameError::NetworkHostBits(meant)) = Network::parse("192.0.2.7/24") else {
            panic!("host bits are refused")
        };
        assert_eq!(meant.to_string(), "192.0.2.0/24");
    }

    #[test]
    fn a_mapped_address_lies_in_the_ipv4_network() {
        let net = Network::parse("192.0.2.0/24").unwrap();
        for (address, inside) in [
            ("192.0.2.200", true),
            ("::ffff:192.0.2.200", true),
            ("192.0.3.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(net.contains(address.parse().unwrap()), inside, "{address}");
        }
    }
}
