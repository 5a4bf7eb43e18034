// SPDX-License-Identifier: GPL-3.0-or-later
//! Entries of accounts that are gone: a new account may get the name, and with it the entries.

use pam_app_passwd::audit::quoted;
use pam_app_passwd::store::Store;

use super::finding::{Check, Finding};
use crate::cli::operator;

pub(super) fn check(store: &Store) -> Vec<Finding> {
    let accounts = match store.accounts() {
        Ok(accounts) => accounts,
        Err(error) => return vec![Finding::error(Check::Accounts, error)],
    };
    let mut findings = Vec::new();
    for user in &accounts {
        match operator::knows(user) {
            Ok(true) => {}
            Ok(false) => {
                let what = format!(
                    "{} has live app passwords, but the account is gone; a new one of that name would have them",
                    quoted(user.as_str())
                );
                findings.push(Finding::wrong(
                    Check::Accounts,
                    what,
                    "app-passwd prune --gone-users",
                ));
            }
            Err(failure) => return vec![Finding::error(Check::Accounts, failure)],
        }
    }
    if findings.is_empty() {
        let what = format!(
            "accounts with app passwords: {}; all are there",
            accounts.len()
        );
        findings.push(Finding::ok(Check::Accounts, what));
    }
    findings
}
