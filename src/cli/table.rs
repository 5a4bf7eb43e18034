// SPDX-License-Identifier: GPL-3.0-or-later
//! Tables for people: columns as wide as what stands in them, and no lines.

use comfy_table::{ContentArrangement, Table, presets};

use super::failure::Failure;
use super::output;

/// Writes a table to standard output.
pub(super) fn print(
    header: impl IntoIterator<Item = &'static str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), Failure> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim().to_owned() + "\n")
        .collect();
    output::text(&lines.concat())
}
