// SPDX-License-Identifier: GPL-3.0-or-later
//! What an event says about an entry.

use super::{networks as list_of_networks, services as list_of_services};
use crate::audit::{bare, quoted};
use crate::clock::Timestamp;
use crate::credential::{Label, Network, ServiceName};

/// All that it is limited to.
pub(super) fn limits(
    label: &Label,
    services: &[ServiceName],
    networks: &[Network],
    expires: Option<Timestamp>,
) -> String {
    let words = [
        self::label(label),
        self::services(services),
        self::networks(networks),
        self::expires(expires),
    ];
    words.join(" ")
}

pub(super) fn label(label: &Label) -> String {
    format!("label=\"{}\"", quoted(label.as_str()))
}

pub(super) fn services(services: &[ServiceName]) -> String {
    format!("services={}", list_of_services(services))
}

pub(super) fn networks(networks: &[Network]) -> String {
    match networks {
        [] => "networks=any".to_owned(),
        networks => format!("networks={}", list_of_networks(networks)),
    }
}

pub(super) fn expires(expires: Option<Timestamp>) -> String {
    let end = expires.map_or("never".to_owned(), |at| at.seconds().to_string());
    format!("expires={end}")
}

pub(super) fn origin(address: &str) -> String {
    format!("from={}", bare(address.as_bytes()))
}
