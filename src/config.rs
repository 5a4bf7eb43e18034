// SPDX-License-Identifier: GPL-3.0-or-later
//! The configuration: every key with its default beside it. A missing file means the defaults;
//! anything unknown, misspelt or of the wrong type is an error with file, line and column.
//!
//! The only file that names `toml`.

mod self_service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::clock::Span;
use crate::credential::ServiceName;
use crate::error::Error;
use crate::hash::Cost;
use crate::policy::Rules;
use crate::trust;
pub use self_service::SelfService;

/// Where the configuration is looked for. AppArmor's authentication abstraction lets every
/// confined PAM host read this directory.
pub const PATH: &str = "/etc/security/app-passwd.toml";

/// Brackets within brackets beyond this are refused.
const DEEPEST: usize = 16;
/// Longer files are refused.
const MAX_BYTES: u64 = 256 * 1024;

/// What the administrator decided.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where `store.db` and `usage.db` are.
    #[serde(deserialize_with = "absolute_path")]
    pub state_dir: PathBuf,
    /// What the hash of a new entry costs.
    pub hash: Cost,
    /// `[policy]`
    pub policy: Policy,
    /// `[services]`: names for groups of PAM services.
    pub services: Groups,
    /// `[on_revoke]`
    pub on_revoke: OnRevoke,
    /// `[notify]`
    pub notify: Notify,
    /// `[helper]`
    pub helper: Helper,
    /// `[self_service]`
    pub self_service: SelfService,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/app-passwd".into(),
            hash: Cost::default(),
            policy: Policy::default(),
            services: Groups::default(),
            on_revoke: OnRevoke::default(),
            notify: Notify::default(),
            helper: Helper::default(),
            self_service: SelfService::default(),
        }
    }
}

/// `[policy]`: what entries may be.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Live entries of one user; 0: no limit.
    pub max_per_user: u32,
    /// A longer or missing expiry is cut to it.
    pub max_lifetime: Limit,
    /// An entry unused for longer is refused.
    pub idle_expiry: Limit,
    /// How long a revoked entry is remembered.
    pub keep_revoked: Span,
    /// How long an event is remembered.
    pub keep_events: Span,
    /// What becomes of the entries when the account's password changes.
    pub on_password_change: OnPasswordChange,
    /// Users need not be known to the system.
    pub virtual_users: bool,
    /// Services of an entry made without `--service`.
    #[serde(deserialize_with = "not_empty")]
    pub default_services: Vec<ServiceName>,
    /// Protected services beside the built-in ones.
    pub protected_services: BTreeSet<ServiceName>,
    /// Built-in protected services that are not to be protected.
    pub protected_except: BTreeSet<ServiceName>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_per_user: 25,
            max_lifetime: Limit::None,
            idle_expiry: Limit::None,
            keep_revoked: Span::days(365),
            keep_events: Span::days(730),
            on_password_change: OnPasswordChange::Revoke,
            virtual_users: false,
            default_services: names(&["mail"]),
            protected_services: BTreeSet::new(),
            protected_except: BTreeSet::new(),
        }
    }
}

/// A span, or `"none"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Limit {
    /// No limit.
    None,
    /// At most this long.
    At(Span),
}

impl Limit {
    /// The shorter of two.
    pub fn or_shorter(self, other: Self) -> Self {
        let spans = self.span().into_iter().chain(other.span());
        spans.min().map_or(Self::None, Self::At)
    }

    /// The span, if there is a limit.
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::None => None,
            Self::At(span) => Some(span),
        }
    }
}

impl TryFrom<String> for Limit {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "none" {
            Ok(Self::None)
        } else {
            Span::try_from(text).map(Self::At)
        }
    }
}

/// What becomes of the entries when the account's password changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnPasswordChange {
    /// They go on.
    Keep,
    /// They are revoked.
    Revoke,
}

/// `[services]`: what is given here is added to the default, or replaces a group of that name.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Vec<ServiceName>>")]
pub struct Groups(BTreeMap<ServiceName, Vec<ServiceName>>);

impl Default for Groups {
    fn default() -> Self {
        const MAIL: &[&str] = &[
            "imap",
            "pop3",
            "pop",
            "smtp",
            "submission",
            "sieve",
            "managesieve",
            "dovecot",
            "exim",
        ];
        Self(
            names(&["mail"])
                .into_iter()
                .map(|mail| (mail, names(MAIL)))
                .collect(),
        )
    }
}

impl TryFrom<BTreeMap<String, Vec<ServiceName>>> for Groups {
    type Error = String;

    fn try_from(given: BTreeMap<String, Vec<ServiceName>>) -> Result<Self, Self::Error> {
        let mut own = BTreeMap::new();
        for (name, members) in given {
            let name = ServiceName::parse(&name).map_err(|error| error.to_string())?;
            if name.is_any() {
                return Err("\"any\" stands for every service and cannot be a group".to_owned());
            }
            if own.insert(name, members).is_some() {
                return Err("a group stands there twice, in capitals and not".to_owned());
            }
        }
        let Self(mut groups) = Self::default();
        groups.extend(own);
        Ok(Self(groups))
    }
}

/// `[on_revoke]`: commands that end what a revoked password had opened.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnRevoke {
    /// Argument lists; no shell.
    pub run: Vec<Vec<String>>,
}

/// `[notify]`: who is told of changes.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// An argument list; it gets the event as JSON on standard input.
    pub command: Vec<String>,
}

/// `[helper]`
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Helper {
    /// System users that may ask about others, and for which services.
    pub callers: BTreeMap<String, Vec<ServiceName>>,
}

impl Default for Helper {
    fn default() -> Self {
        let web = ("www-data".to_owned(), names(&["apache2", "nginx"]));
        Self {
            callers: BTreeMap::from([web]),
        }
    }
}

impl Config {
    /// Reads the file at `path`; the defaults if there is none.
    pub fn load(path: &Path) -> Result<Self, Error> {
        read(path)
    }

    /// What there is to judge by.
    pub fn rules(&self) -> Rules {
        let group = |(name, members): (&ServiceName, &Vec<ServiceName>)| {
            (
                name.clone(),
                members.iter().chain([name]).cloned().collect(),
            )
        };
        Rules {
            groups: self.services.0.iter().map(group).collect(),
            protected: self.policy.protected_services.clone(),
            unprotected: self.policy.protected_except.clone(),
            idle_expiry: self.policy.idle_expiry.span(),
        }
    }
}

/// Reads a configuration; the defaults if there is no file.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T, Error> {
    let Some(bytes) = trust::read(path, MAX_BYTES)? else {
        return Ok(T::default());
    };
    let error = |offset: usize, message: &str| {
        let (line, column) = position(&bytes, offset);
        let message = message.replace('\n', "; ");
        Error::Configuration {
            path: path.to_owned(),
            line,
            column,
            message,
        }
    };
    let text = str::from_utf8(&bytes).map_err(|e| error(e.valid_up_to(), "not UTF-8"))?;
    if let Some(offset) = too_deep(&bytes) {
        return Err(error(offset, "nested too deeply"));
    }
    toml::from_str(text).map_err(|e| error(e.span().map_or(0, |span| span.start), e.message()))
}

/// Where brackets are nested deeper than any setting of ours. The parser would need more stack for
/// them than the thread of a host may have.
fn too_deep(text: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    text.iter().position(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Line and column of a byte, both counted from 1; columns are characters.
fn position(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.split(|&byte| byte == b'\n').count();
    let column = before
        .rsplit(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    (line, String::from_utf8_lossy(column).chars().count() + 1)
}

/// An absolute path without `..`; slashes at its end and doubled ones are dropped.
fn absolute_path<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.is_absolute() && !path.components().any(|step| step == Component::ParentDir) {
        Ok(path.components().collect())
    } else {
        Err(D::Error::custom("expected an absolute path without \"..\""))
    }
}

fn not_empty<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ServiceName>, D::Error> {
    let services = Vec::deserialize(deserializer)?;
    if services.is_empty() {
        return Err(D::Error::custom("an app password must open something"));
    }
    Ok(services)
}

fn names(names: &[&str]) -> Vec<ServiceName> {
    names
        .iter()
        .filter_map(|name| ServiceName::parse(name).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn load(text: &str) -> Result<Config, Error> {
        let mut file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Config::load(file.path())
    }

    /// The error without the path in front.
    fn refused(text: &str) -> String {
        let message = load(text).unwrap_err().to_string();
        message.split_once(':').unwrap().1.to_owned()
    }

    #[test]
    fn a_missing_file_means_the_defaults() {
        let config = Config::load(Path::new("/etc/security/no-such-file.toml")).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(load("").unwrap(), Config::default());
    }

    #[test]
    fn the_sample_says_the_defaults() {
        let sample = include_str!("../packaging/app-passwd.toml");
        assert_eq!(load(sample).unwrap(), Config::default(), "as shipped");
        // Every setting stands there commented out; without its mark it is a setting.
        let active: String = sample
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_eq!(load(&active).unwrap(), Config::default(), "{active}");
        let keys = [
            "state_dir",
            "memory_kib",
            "passes",
            "lanes",
            "max_per_user",
            "max_lifetime",
            "idle_expiry",
            "keep_revoked",
            "keep_events",
            "on_password_change",
            "virtual_users",
            "default_services",
            "protected_services",
            "protected_except",
            "mail",
            "run",
            "command",
            "www-data",
        ];
        for key in keys {
            assert!(active.contains(&format!("\n{key} = ")), "{key}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_column() {
        for (text, said) in [
            ("stat_dir = \"/x\"", "1:1: unknown field `stat_dir`"),
            (
                "\n[policy]\nmax_per_usr = 3",
                "3:1: unknown field `max_per_usr`",
            ),
            (
                "[policy]\nmax_per_user = \"many\"",
                "2:16: invalid type: string",
            ),
            ("[policy]\nidle_expiry = \"90\"", "2:15: expected a span"),
            (
                "[policy]\non_password_change = \"ask\"",
                "2:22: unknown variant `ask`",
            ),
            ("[hash]\nmemory_kib = 65537", "1:1: argon2id takes"),
            ("[hash]\npepper = 1", "2:1: unknown field `pepper`"),
            ("state_dir = \"here\"", "1:13: expected an absolute path"),
            (
                "state_dir = \"/var/../x\"",
                "1:13: expected an absolute path",
            ),
            ("[services]\nany = []", "1:1: \"any\" stands for"),
            (
                "[services]\nmail = [\"a b\"]",
                "2:8: a service name must not",
            ),
            ("state_dir = ", "1:13: "),
            (
                &format!("x = {}", "[".repeat(70)),
                "1:21: nested too deeply",
            ),
            (
                "[services]\na = []\nA = []",
                "1:1: a group stands there twice",
            ),
            (
                "[policy]\ndefault_services = []",
                "2:20: an app password must open something",
            ),
            ("a = 1\na = 2", "2:1: duplicate key"),
        ] {
            let message = refused(text);
            assert!(message.starts_with(said), "{text:?}: {message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_group_contains_its_own_name_and_mail_is_always_there() {
        let rules = load("[services]\nshell = [\"sshd\", \"Login\"]")
            .unwrap()
            .rules();
        let members = |group: &str| -> Vec<String> {
            let group = rules
                .groups
                .get(&ServiceName::parse(group).unwrap())
                .unwrap();
            group.iter().map(|name| name.as_str().to_owned()).collect()
        };
        assert_eq!(members("shell"), ["login", "shell", "sshd"]);
        assert!(members("mail").contains(&"imap".to_owned()));
    }

    #[test]
    fn a_path_is_written_in_one_way() {
        let config = load("state_dir = \"/srv//app-passwd/\"").unwrap();
        assert_eq!(config.state_dir.as_os_str(), "/srv/app-passwd");
    }
}
