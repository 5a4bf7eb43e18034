// SPDX-License-Identifier: GPL-3.0-or-later
//! A bar on the terminal for work that takes a while. Never while the store is locked: a terminal
//! can be stopped.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, if that is a terminal and there is as much to do as `large`.
pub(super) fn bar(what: &'static str, total: u64, large: u64) -> ProgressBar {
    if total < large {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} %");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.progress_chars("=> ");
    ProgressBar::new(total).with_style(style).with_message(what)
}
