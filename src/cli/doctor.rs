// SPDX-License-Identifier: GPL-3.0-or-later
//! `app-passwd doctor [--pam-dir DIR]`: looks at what goes wrong in the field, and says what to do
//! about it. Each thing that is looked at has a file. Changes nothing.

mod accounts;
mod commands;
mod configuration;
mod daemons;
mod databases;
mod files;
mod finding;
mod machine;
mod modules;
mod pamd;
mod protected;
mod saslauthd;
mod self_service;
mod services;
mod stacks;

use std::path::{Path, PathBuf};

use pam_app_passwd::audit;
use pam_app_passwd::clock::{self, Timestamp};
use pam_app_passwd::config::Config;
use serde::Serialize;

use super::failure::{Code, Failure};
use super::output;
use finding::Finding;
use services::Named;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Judge the stacks in this directory
    #[arg(long, value_name = "DIR", default_value = "/etc/pam.d")]
    pam_dir: PathBuf,
}

/// The answer in JSON. Names and order are a promise.
#[derive(Serialize)]
struct Answer {
    ok: bool,
    findings: Vec<Finding>,
}

/// A configuration that cannot be used is a finding like any other.
pub(super) fn run(arguments: Arguments, config: &Path, json: bool) -> Result<Code, Failure> {
    if !rustix::process::geteuid().is_root() {
        let message = "only root can look at all that may be wrong";
        return Err(Failure::new(Code::Unusable, message).hint("be root"));
    }
    let pam_dir = std::path::absolute(&arguments.pam_dir)
        .map_err(|error| Failure::new(Code::Usage, format!("--pam-dir: {error}")))?;
    let findings = examine(config, &pam_dir, clock::now());
    let ok = findings.iter().all(|finding| finding.ok);
    if json {
        output::json(&Answer { ok, findings })?;
    } else {
        print(&findings)?;
    }
    Ok(if ok { Code::Done } else { Code::Failed })
}

fn examine(config_path: &Path, pam_dir: &Path, now: Timestamp) -> Vec<Finding> {
    let (services, unreadable) = services::read(pam_dir);
    let (config, mut findings) = configuration::check(config_path);
    if let Some(config) = &config {
        findings.extend(commands::check(config));
        findings.extend(files::check(config, config_path));
        findings.extend(examine_state(config, &services, now));
        findings.extend(daemons::helper(&services, config));
        findings.extend(self_service::check(config, pam_dir));
    }
    findings.extend(unreadable);
    findings.extend(stacks::check(&services, pam_dir));
    findings.extend(modules::check(&services));
    findings.extend(modules::outdated());
    findings.extend(files::of_stacks(&services, pam_dir));
    findings.extend(configuration::others(&services, config_path));
    findings.extend(daemons::caches(&services, config.as_ref()));
    findings
}

fn examine_state(config: &Config, services: &[Named], now: Timestamp) -> Vec<Finding> {
    let (store, mut findings) = databases::store(&config.state_dir);
    findings.extend(databases::usage(&config.state_dir));
    if let Some(store) = &store {
        findings.push(machine::clock(store, &config.state_dir, now));
        findings.extend(accounts::check(store));
    }
    findings.push(machine::disk(store.as_ref(), &config.state_dir));
    findings.extend(protected::check(store.as_ref(), services, config));
    findings
}

/// A line for each finding, and one for its remedy. What is wrong comes last, where it is seen.
fn print(findings: &[Finding]) -> Result<(), Failure> {
    let (ok, wrong): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.ok);
    let lines: String = ok
        .iter()
        .chain(&wrong)
        .map(|finding| line(finding))
        .collect();
    output::text(&lines)?;
    output::say(&match wrong.len() {
        0 => "Nothing is wrong.".to_owned(),
        1 => "1 thing is wrong.".to_owned(),
        count => format!("{count} things are wrong."),
    });
    Ok(())
}

fn line(finding: &Finding) -> String {
    let verdict = if finding.ok { "ok" } else { "WRONG" };
    let what = audit::quoted_line(&finding.what);
    let hint = finding.hint.as_ref().map(|hint| {
        let hint = audit::quoted_line(hint);
        format!("{:<20} hint: {hint}\n", "")
    });
    let check = finding.check.as_str();
    format!(
        "{verdict:<5}  {check:<13} {what}\n{}",
        hint.unwrap_or_default()
    )
}
