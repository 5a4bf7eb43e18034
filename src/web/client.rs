// SPDX-License-Identifier: GPL-3.0-or-later
//! Who is at the other end, as far as the network tells. Pure.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use pam_app_passwd::credential::Network;

/// A browser on the way it comes by. What was begun by one is not gone on with by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) address: IpAddr,
    /// What it calls itself.
    agent: Box<str>,
}

/// More of a browser's own description is not looked at.
const AGENT: usize = 200;

impl Client {
    pub(crate) fn new(address: IpAddr, agent: &str) -> Self {
        Self {
            address,
            agent: agent.chars().take(AGENT).collect(),
        }
    }

    /// Whether this may be the one that `other` was: addresses change within a network, and between IPv4
    /// and IPv6 as the browser likes, which tells nothing.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let is_other_family = self.address.is_ipv4() != other.address.is_ipv4();
        self.agent == other.agent
            && (is_other_family || network(self.address) == network(other.address))
    }
}

/// Those who are counted together: what one customer of a provider may have.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).map_or(address, |network| network.network())
}

/// Where the browser is. `said` is what the header of the trusted proxies says, each proxy behind the
/// one before it. `None`: a trusted proxy says nothing that can be understood, so nobody knows. A `peer`
/// without an address is one.
pub(crate) fn address<'a>(
    peer: Option<IpAddr>,
    said: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[Network],
) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer.map(|peer| peer.to_canonical());
    if let Some(browser) = peer.filter(|peer| !is_trusted(*peer)) {
        return Some(browser);
    }
    let mut nearest = None;
    for hop in said.rev().flat_map(|line| line.rsplit(',')) {
        let hop = read(hop.trim())?;
        nearest = Some(hop);
        if !is_trusted(hop) {
            break;
        }
    }
    nearest
}

/// An address, perhaps with a port behind it.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bare.unwrap_or(text).parse() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, said: &[&str]) -> Option<String> {
        let trusted = ["127.0.0.1", "::1", "10.0.0.0/8"].map(|text| Network::parse(text).unwrap());
        let found = address(peer.parse().ok(), said.iter().copied(), &trusted);
        found.map(|address| address.to_string())
    }

    #[test]
    fn a_browser_that_comes_itself_is_where_it_comes_from_whatever_it_says() {
        assert_eq!(found("192.0.2.7", &["203.0.113.9"]).unwrap(), "192.0.2.7");
        assert_eq!(found("::ffff:192.0.2.7", &[]).unwrap(), "192.0.2.7");
    }

    #[test]
    fn of_a_trusted_proxy_the_last_hop_that_is_no_proxy_is_believed() {
        for (said, expected) in [
            (&["203.0.113.9"] as &[&str], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            (&["203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&["rubbish, 203.0.113.9"], "203.0.113.9"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["[2001:db8::9]"], "2001:db8::9"),
            (&["[2001:db8::9]:4711"], "2001:db8::9"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["127.0.0.1"], "127.0.0.1"),
        ] {
            assert_eq!(
                found("127.0.0.1", said).as_deref(),
                Some(expected),
                "{said:?}"
            );
        }
    }

    #[test]
    fn whoever_has_no_address_has_come_over_the_proxys_own_socket() {
        assert_eq!(found("", &["203.0.113.9"]).unwrap(), "203.0.113.9");
        assert_eq!(found("", &[]), None);
    }

    #[test]
    fn a_trusted_proxy_that_does_not_say_it_is_not_mistaken_for_the_browser() {
        for said in [
            &[] as &[&str],
            &[""],
            &["unknown"],
            &["203.0.113.9, _hidden"],
        ] {
            assert_eq!(found("::1", said), None, "{said:?}");
        }
    }

    #[test]
    fn a_browser_may_change_its_address_within_its_network_and_between_families_only() {
        let at = |address: &str| Client::new(address.parse().unwrap(), "Browser 1");
        assert!(at("192.0.2.7").may_be(&at("192.0.2.200")));
        assert!(!at("192.0.2.7").may_be(&at("192.0.3.7")));
        assert!(at("2001:db8::1").may_be(&at("2001:db8:0:ffff::1")));
        assert!(!at("2001:db8::1").may_be(&at("2001:db8:1::1")));
        assert!(at("2001:db8::1").may_be(&at("192.0.2.7")));
        let other = Client::new("192.0.2.7".parse().unwrap(), "Browser 2");
        assert!(!at("192.0.2.7").may_be(&other));
    }
}
