// SPDX-License-Identifier: GPL-3.0-or-later
//! JSON lines, read from a file or from standard input. What is wrong is said with its line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::failure::{Code, Failure};
use super::progress;

/// No line of ours is near that long.
const LONGEST: usize = 64 * 1024;
/// How many bytes are worth a bar.
const LARGE: u64 = 512 * 1024;

/// Reads every line that is not empty, with its number. `-` is standard input.
pub(super) fn read(
    file: &Path,
    mut take: impl FnMut(usize, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut input, size) = open(file)?;
    let bar = progress::bar("reading", size, LARGE);
    // It may hold a key. Of its full length at once, so that no copy stays behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    for number in 1.. {
        line.clear();
        let mut bounded = (&mut input).take(LONGEST as u64 + 1);
        let length = bounded.read_until(b'\n', &mut line);
        let length = length.map_err(|error| cannot_read(file, &error))?;
        if length == 0 {
            break;
        }
        bar.inc(length as u64);
        if !line.trim_ascii().is_empty() {
            let taken = take(number, &line);
            taken.map_err(|failure| failure.at(&place(file, number)))?;
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// `FILE:12`
pub(super) fn place(file: &Path, line: usize) -> String {
    format!("{}:{line}", file.display())
}

fn open(file: &Path) -> Result<(Box<dyn BufRead>, u64), Failure> {
    if file == Path::new("-") {
        return Ok((Box::new(std::io::stdin().lock()), 0));
    }
    let opened = File::open(file).and_then(|opened| {
        let size = opened.metadata()?.len();
        Ok((opened, size))
    });
    let (opened, size) = opened.map_err(|error| cannot_read(file, &error))?;
    Ok((Box::new(BufReader::new(opened)), size))
}

/// What a line says.
pub(super) fn parse<'line, T: Deserialize<'line>>(line: &'line [u8]) -> Result<T, Failure> {
    if line.len() > LONGEST {
        return Err(Failure::new(Code::Usage, "the line is too long"));
    }
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // It counts lines itself, and there is but one.
        let what = text.split(" at line ").next().unwrap_or_default();
        Failure::new(Code::Usage, what)
    })
}

fn cannot_read(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Code::Failed, format!("{}: {error}", file.display()))
}
