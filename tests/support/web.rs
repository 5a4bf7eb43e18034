//! The self-service page on a private machine, with its helper, a Dovecot, and people who use it.

use super::private_machine::PrivateMachine;
use super::{browser, cannot_run};

/// The page.
const PAGE: Option<&str> = option_env!("CARGO_BIN_EXE_app-passwd-web");

pub struct Web {
    pub machine: PrivateMachine,
    pub url: String,
}

impl Web {
    /// With TLS of its own. Nothing, after having said so, where that cannot be had.
    pub fn start() -> Option<Web> {
        Web::with("", "dovecot.sh", &["dovecot", "doveadm"])
    }

    /// With options of `web.sh`, behind the daemons of these scripts.
    pub fn with(options: &str, daemons: &str, needs: &[&str]) -> Option<Web> {
        let always = [
            "root", "unshare", "nsenter", "perl", "openssl", "sqlite3", "curl", "oathtool",
        ];
        if cannot_run(&[&always, needs, &browser::NEEDS].concat()) {
            return None;
        }
        let page = PAGE.expect("the page is a feature, which is on unless it is turned off");
        let machine = PrivateMachine::with(&format!("{daemons} web.sh {page} {options} --"));
        let url = machine.shell("cat web-url").trim_end().to_owned();
        Some(Web { machine, url })
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
