//! The self-service page on a private machine, with its helper, a Dovecot, and people who use it.

use super::private_machine::PrivateMachine;
use super::visitor::Visitor;
use super::{browser, cannot_run};

/// The page.
pub const PAGE: Option<&str> = option_env!("CARGO_BIN_EXE_app-passwd-web");

pub struct Web {
    pub machine: PrivateMachine,
    pub url: String,
}

impl Web {
    /// With TLS of its own. Nothing, after having said so, where that cannot be had.
    pub fn start() -> Option<Web> {
        let needs = ["dovecot", "doveadm"];
        Web::with("", "dovecot.sh", &[&needs, &browser::NEEDS[..]].concat())
    }

    /// With options of `web.sh`, behind the daemons of these scripts.
    fn with(options: &str, daemons: &str, needs: &[&str]) -> Option<Web> {
        Web::running(needs, |page| {
            format!("{daemons} web.sh {page} {options} --")
        })
    }

    fn running(needs: &[&str], daemons: impl FnOnce(&str) -> String) -> Option<Web> {
        let always = [
            "root", "unshare", "nsenter", "perl", "openssl", "sqlite3", "curl", "oathtool",
        ];
        if cannot_run(&[&always, needs].concat()) {
            return None;
        }
        let page = PAGE.expect("the page is a feature, which is on unless it is turned off");
        let machine = PrivateMachine::with(&daemons(page));
        let url = machine.shell("cat web-url").trim_end().to_owned();
        Some(Web { machine, url })
    }

    /// Behind a proxy that is played by the visitors themselves: they say where they are.
    pub fn behind_a_proxy() -> Option<Web> {
        Web::with("--proxy", "", &[])
    }

    /// With TLS of its own, and without mail.
    pub fn alone() -> Option<Web> {
        Web::with("", "", &[])
    }

    /// Behind this proxy, which has the configuration that we ship and comes by `way`, an option of `web.sh`.
    pub fn behind(proxy: &str, way: &str, needs: &[&str]) -> Option<Web> {
        let daemons = format!("web-proxy.sh {proxy}");
        let needs = [needs, &browser::NEEDS].concat();
        Web::running(&needs, |page| format!("web.sh {page} {way} -- {daemons}"))
    }

    /// Somebody at this address.
    pub fn visitor(&self, address: &str) -> Visitor {
        Visitor::new(self.port(), &self.url, address)
    }

    /// Somebody who has signed in. neighbour has no second factor.
    pub fn neighbour(&self) -> Visitor {
        let mut visitor = self.visitor("192.0.2.1");
        let password = self.machine.account_password("neighbour");
        let page = visitor.sign_in("neighbour", &[&password]);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(visitor.cookies.contains_key("__Host-session"), "{page:?}");
        visitor
    }

    pub fn port(&self) -> u16 {
        self.machine
            .shell("cat web-port")
            .trim_end()
            .parse()
            .unwrap()
    }

    /// What the kernel says about the page's process.
    pub fn status(&self, field: &str) -> usize {
        let line = format!(
            "sed -n 's/^{field}:[[:space:]]*\\([0-9]*\\).*/\\1/p' /proc/$(cat web.pid)/status"
        );
        self.machine.shell(&line).trim_end().parse().unwrap()
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The code that demo's phone shows in so many steps of half a minute. Each is good once.
    pub fn code(&self, steps: u32) -> String {
        let line = format!(
            "oathtool --totp --base32 --now=\"@$(( $(date +%s) + {} ))\" - <demo.code-secret",
            30 * steps
        );
        self.machine.shell(&line).trim_end().to_owned()
    }
}
