// SPDX-License-Identifier: GPL-3.0-or-later
//! What `export` writes and `import` reads: JSON lines, first a header, then keys, then entries.
//! Names are a promise; app-passwd(8) has them.

use std::borrow::Cow;
use std::fmt::Write;

use pam_app_passwd::clock::Timestamp;
use pam_app_passwd::credential::{
    Credential, CredentialId, Label, Network, Revocation, RevokedWhy, ServiceName, UserName,
};
use pam_app_passwd::hash::{Hash, Key};
use pam_app_passwd::store::WholeEntry;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::failure::{Code, Failure};
use super::limits;
use super::when::{self, Utc};

/// What the header says.
const FORMAT: &str = "app-passwd export";
/// The version of the format.
const VERSION: u32 = 1;

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Line<'a> {
    Header(Header),
    Key(KeyLine),
    #[serde(borrow)]
    Entry(Box<EntryLine<'a>>),
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    format: String,
    version: u32,
    created: String,
}

/// A key, with the name by which entries mean it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyLine {
    key: String,
    secret: Secret,
}

/// An entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine<'a> {
    id: i64,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    label: Cow<'a, str>,
    services: Vec<String>,
    networks: Vec<String>,
    #[serde(borrow)]
    created: Cow<'a, str>,
    #[serde(borrow)]
    created_by: Cow<'a, str>,
    expires: Option<String>,
    disabled: bool,
    revoked: Option<Revoked>,
    replaces: Option<i64>,
    replaced_by: Option<i64>,
    #[serde(rename = "virtual")]
    is_virtual: bool,
    #[serde(borrow)]
    key: Cow<'a, str>,
    tag: u16,
    #[serde(borrow)]
    hash: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    at: String,
    by: String,
    why: String,
}

/// The hexadecimal digits of a key.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Header {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            created: Utc(now).to_string(),
        }
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.format != FORMAT {
            return Err(Failure::new(Code::Usage, "not an export of app-passwd"));
        }
        if self.version != VERSION {
            let message = format!(
                "version {} of the format is not known, only {VERSION}",
                self.version
            );
            return Err(Failure::new(Code::Usage, message));
        }
        Ok(())
    }
}

impl KeyLine {
    pub(super) fn new(key: &Key) -> Result<Self, Failure> {
        let mut secret = Secret(String::with_capacity(2 * Key::LEN));
        for byte in key.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(secret.0, "{byte:02x}");
        }
        Ok(Self {
            key: key.fingerprint()?,
            secret,
        })
    }

    /// The key, by its name.
    pub(super) fn read(self) -> Result<(String, Key), Failure> {
        let wrong = || Failure::new(Code::Usage, format!("that is not the key {}", self.key));
        let digits = self.secret.0.as_bytes();
        let mut bytes = Zeroizing::new([0; Key::LEN]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        let key = Key::new(*bytes);
        let is_named = digits.len() == 2 * Key::LEN && key.fingerprint()? == self.key;
        is_named
            .then_some((self.key.clone(), key))
            .ok_or_else(wrong)
    }
}

impl<'a> EntryLine<'a> {
    /// `key` is the name of its key.
    pub(super) fn new(whole: &'a WholeEntry, key: &'a str) -> Self {
        let entry = &whole.entry;
        let services = entry.services.iter().map(ServiceName::as_str);
        let revoked = entry.revoked.as_ref().map(|revoked| Revoked {
            at: Utc(revoked.at).to_string(),
            by: revoked.by.clone(),
            why: revoked.why.as_str().to_owned(),
        });
        Self {
            id: entry.id.0,
            user: entry.user.as_str().into(),
            label: entry.label.as_str().into(),
            services: services.map(str::to_owned).collect(),
            networks: entry.networks.iter().map(Network::to_string).collect(),
            created: Utc(entry.created).to_string().into(),
            created_by: entry.created_by.as_str().into(),
            expires: entry.expires.map(|at| Utc(at).to_string()),
            disabled: entry.disabled,
            revoked,
            replaces: entry.replaces.map(|id| id.0),
            replaced_by: entry.replaced_by.map(|id| id.0),
            is_virtual: whole.is_virtual,
            key: key.into(),
            tag: whole.tag,
            hash: whole.hash.to_phc().into(),
        }
    }

    /// The entry, with the numbers that it had, and the name of its key.
    pub(super) fn read(self) -> Result<(WholeEntry, String), Failure> {
        let services = self.services.iter().map(|name| ServiceName::parse(name));
        let hash = Hash::parse(&self.hash);
        let entry = Credential {
            id: CredentialId(self.id),
            user: UserName::parse(&self.user)?,
            label: Label::parse(&self.label)?,
            services: services.collect::<Result<_, _>>()?,
            networks: limits::networks(&self.networks)?,
            created: when::read_utc(&self.created)?,
            created_by: self.created_by.into_owned(),
            expires: self.expires.as_deref().map(when::read_utc).transpose()?,
            disabled: self.disabled,
            revoked: self.revoked.map(Revoked::read).transpose()?,
            replaces: self.replaces.map(CredentialId),
            replaced_by: self.replaced_by.map(CredentialId),
        };
        let whole = WholeEntry {
            entry,
            key: 0, // known by its name only, so far
            tag: self.tag,
            hash: hash.map_err(|error| Failure::new(Code::Usage, error.to_string()))?,
            is_virtual: self.is_virtual,
        };
        Ok((whole, self.key.into_owned()))
    }
}

impl Revoked {
    fn read(self) -> Result<Revocation, Failure> {
        let why = RevokedWhy::parse(&self.why).ok_or_else(|| {
            let message = format!("nothing is revoked because of '{}'", self.why);
            Failure::new(Code::Usage, message)
        })?;
        Ok(Revocation {
            at: when::read_utc(&self.at)?,
            by: self.by,
            why,
        })
    }
}
