// SPDX-License-Identifier: GPL-3.0-or-later
//! The tool `app-passwd`: creates, lists and revokes app passwords.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
