// SPDX-License-Identifier: GPL-3.0-or-later
//! The configuration of the page: every key with its default beside it. It has a file of its own, so
//! that the module, which reads the other one at each login, needs to know nothing of it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use axum::http::HeaderName;
use pam_app_passwd::config;
use pam_app_passwd::credential::Network;
use serde::Deserialize;
use serde::de::Error as _;

use crate::text::Language;

/// Where the configuration is looked for.
pub(crate) const PATH: &str = "/etc/security/app-passwd-web.toml";

/// The file.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Listen,
    /// What stands before the first slash in the browser: `https://passwords.example.org`.
    origin: String,
    /// Whose word about the browser's address is taken.
    #[serde(deserialize_with = "networks")]
    trusted_proxies: Vec<Network>,
    /// The header that has it.
    client_address_header: String,
    language: Choice,
    /// A PEM file, the server's own certificate first.
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
}

impl Default for File {
    fn default() -> Self {
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        Self {
            listen: Listen::Network(SocketAddr::from((Ipv4Addr::LOCALHOST, 8462))),
            origin: String::new(),
            trusted_proxies: loopback
                .iter()
                .filter_map(|address| Network::parse(&address.to_string()).ok())
                .collect(),
            client_address_header: "X-Forwarded-For".to_owned(),
            language: Choice::Auto,
            tls_certificate: None,
            tls_key: None,
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Listen {
    Network(SocketAddr),
    /// A socket for a proxy, which no other user may open.
    Socket(PathBuf),
}

impl TryFrom<String> for Listen {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.parse() {
            Ok(address) => Ok(Self::Network(address)),
            Err(_) if text.starts_with('/') => Ok(Self::Socket(text.into())),
            Err(_) => Err("neither an address with a port nor the absolute path of a socket"),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// In which language pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    /// In the one that the browser prefers of those that there are.
    Auto,
    De,
    En,
}

/// What the administrator decided, and that can be used.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: Listen,
    pub(crate) origin: String,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) client_address_header: HeaderName,
    /// In this language, whatever the browser prefers.
    pub(crate) language: Option<Language>,
    pub(crate) tls: Option<Tls>,
}

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Settings {
    /// Reads and checks the file at `path`.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let file: File = config::read(path).map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; hint: {hint}"),
            None => error.to_string(),
        })?;
        Self::of(file).map_err(|message| format!("{}: {message}", path.display()))
    }

    fn of(file: File) -> Result<Self, String> {
        if !is_origin(&file.origin) {
            return Err(
                "origin must be what stands in the browser: https:// and a host, nothing behind it, as in \
                 origin = \"https://passwords.example.org\""
                    .to_owned(),
            );
        }
        Ok(Self {
            listen: file.listen,
            origin: file.origin,
            trusted_proxies: file.trusted_proxies,
            client_address_header: address_header(&file.client_address_header)?,
            language: match file.language {
                Choice::Auto => None,
                Choice::De => Some(Language::De),
                Choice::En => Some(Language::En),
            },
            tls: match (file.tls_certificate, file.tls_key) {
                (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
                (None, None) => None,
                _ => return Err("tls_certificate and tls_key go together".to_owned()),
            },
        })
    }
}

/// A header that has an address, or a list of them, as its name says. Any other would keep everybody out, or
/// have what the browser says believed.
fn address_header(name: &str) -> Result<HeaderName, String> {
    let name = name.to_ascii_lowercase();
    let of_addresses = ["-for", "ip", "addr", "address"];
    let is_right = of_addresses.iter().any(|end| name.ends_with(end));
    name.parse().ok().filter(|_| is_right).ok_or_else(|| {
        format!(
            "client_address_header: '{name}' is no header that has addresses and nothing else; hint: have the \
             proxy send X-Forwarded-For"
        )
    })
}

/// `https://`, and a host with perhaps a port. Cookies that only this host can have set need TLS.
fn is_origin(origin: &str) -> bool {
    let in_a_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c);
    origin
        .strip_prefix("https://")
        .is_some_and(|host| !host.is_empty() && host.chars().all(in_a_host))
}

fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| Network::parse(text).map_err(D::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(origin: &str) -> File {
        File {
            origin: origin.to_owned(),
            ..File::default()
        }
    }

    #[test]
    fn the_sample_says_the_defaults() {
        let sample = include_str!("../../packaging/web/app-passwd-web.toml");
        let active: String = sample
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or(line)
            })
            .filter(|line| !line.starts_with("tls_"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let path = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        std::fs::write(path.path(), &active).unwrap();
        let read: File = config::read(path.path()).unwrap();
        assert_eq!(read, file("https://passwords.example.org"), "{active}");
        for key in [
            "listen",
            "trusted_proxies",
            "client_address_header",
            "language",
        ] {
            assert!(active.contains(&format!("\n{key} = ")), "{key}");
        }
        for key in ["tls_certificate", "tls_key"] {
            assert!(sample.contains(&format!("\n#{key} = ")), "{key}");
        }
    }

    #[test]
    fn an_origin_is_https_and_a_host() {
        for good in ["https://passwords.example.org", "https://[::1]:8462"] {
            assert!(Settings::of(file(good)).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "https://",
            "http://passwords.example.org",
            "https://passwords.example.org/",
            "https://Passwords.example.org",
            "https://a b",
        ] {
            assert!(Settings::of(file(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_browsers_address_comes_in_a_header_of_addresses() {
        let with = |name: &str| {
            Settings::of(File {
                client_address_header: name.to_owned(),
                ..file("https://passwords.example.org")
            })
        };
        for good in [
            "X-Forwarded-For",
            "x-real-ip",
            "CF-Connecting-IP",
            "X-Envoy-External-Address",
        ] {
            assert!(with(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "Forwarded",
            "Host",
            "Cookie",
            "X-Forwarded-Host",
            "X Real IP",
        ] {
            let why = with(wrong).unwrap_err();
            assert!(
                why.contains("hint: have the proxy send X-Forwarded-For"),
                "{why}"
            );
        }
    }

    #[test]
    fn one_listens_at_an_address_with_a_port_or_at_the_path_of_a_socket() {
        let listen = |text: &str| Listen::try_from(text.to_owned());
        assert!(matches!(listen("[::]:8462"), Ok(Listen::Network(_))));
        assert!(matches!(listen("/run/web/socket"), Ok(Listen::Socket(_))));
        for wrong in ["", "8462", "127.0.0.1", "localhost:8462", "run/web/socket"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let file = File {
            tls_certificate: Some("/etc/ssl/certificate.pem".into()),
            ..file("https://passwords.example.org")
        };
        assert!(Settings::of(file).is_err());
    }
}
