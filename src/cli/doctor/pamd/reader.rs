// SPDX-License-Identifier: GPL-3.0-or-later
//! From the files of a service to its steps.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Calls, Control, Kind, OURS, Place, Service, Step, base_name, is_ours, line};

/// Files within files beyond this are refused by libpam.
const DEEPEST: usize = 16;
/// Files that include each other make many of few; no service needs as many.
const MOST_FILES: usize = 500;
/// Nor as many steps.
const MOST_STEPS: usize = 500;
/// Nor as many bytes in all its files.
const MOST_BYTES: u64 = 256 * 1024;

/// Reads the file of a service. What it includes is looked for in each of `dirs`. More than any
/// service needs is refused, so that an answer does not take forever.
pub(super) fn read(file: &Path, dirs: &[PathBuf]) -> io::Result<Service> {
    let mut reader = Reader {
        dirs,
        service: Service::default(),
        room: MOST_BYTES,
        too_much: false,
    };
    let text = reader.text_of(file)?;
    if let Err(place) = reader.take(file, &text, Within::default()) {
        // The line that names the module may stand behind.
        reader.service.names_us |= text.contains(OURS);
        reader.service.unreadable = Some(place);
    }
    if reader.too_much {
        return Err(too_much());
    }
    Ok(reader.service)
}

fn too_much() -> io::Error {
    let what =
        format!("with what it includes it has more than {MOST_STEPS} steps, or {MOST_BYTES} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

/// Where an included file stands.
#[derive(Clone, Copy, Default)]
struct Within {
    depth: usize,
    level: usize,
    /// Lines of other kinds are left out.
    only: Option<Kind>,
}

struct Reader<'a> {
    dirs: &'a [PathBuf],
    service: Service,
    /// How many bytes more may be read.
    room: u64,
    too_much: bool,
}

impl Reader<'_> {
    /// The text of a file, which need not be text.
    fn text_of(&mut self, file: &Path) -> io::Result<String> {
        if !std::fs::metadata(file)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut bytes = Vec::new();
        let most = self.room + 1;
        let read = File::open(file)?.take(most).read_to_end(&mut bytes)?;
        let left = self.room.checked_sub(u64::try_from(read).unwrap_or(most));
        self.too_much |= left.is_none();
        self.room = left.ok_or_else(too_much)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn push(&mut self, step: Step) {
        self.too_much |= self.service.steps.len() == MOST_STEPS;
        if !self.too_much {
            self.service.steps.push(step);
        }
    }

    /// Takes the lines of a file, up to one that makes libpam give it up.
    fn take(&mut self, file: &Path, text: &str, within: Within) -> Result<(), Place> {
        for (number, words) in line::lines(text) {
            let place = Place {
                file: file.to_owned(),
                line: number,
            };
            match words.as_deref() {
                None => return Err(place),
                Some([word, rest @ ..]) if word == "@include" => {
                    if !self.include(rest.first(), within) {
                        return Err(place);
                    }
                }
                Some(words) => self.take_line(place, words, within),
            }
        }
        Ok(())
    }

    fn take_line(&mut self, place: Place, words: &[String], within: Within) {
        let kind = words.first().map_or("", String::as_str);
        let kind = Kind::parse(kind.strip_prefix('-').unwrap_or(kind));
        // libpam takes a kind that it does not know for the most sensitive one, and as a failure.
        let known = kind.is_some();
        let kind = kind.or(within.only).unwrap_or(Kind::Auth);
        if within.only.is_some_and(|only| only != kind) {
            return;
        }
        self.service.names_us |= words.iter().any(|word| is_ours(base_name(word)));
        let level = within.level;
        let step = |calls| Step {
            place: place.clone(),
            kind,
            level,
            calls,
        };
        let failure = step(Calls::Failure(Control::BAD));
        let only = Some(kind);
        match words {
            [_, word, rest @ ..] if word.eq_ignore_ascii_case("include") => {
                self.include_kind(rest.first(), Within { only, ..within }, failure);
            }
            [_, word, rest @ ..] if word.eq_ignore_ascii_case("substack") => {
                self.push(step(Calls::Substack));
                let level = level + 1;
                let inner = Within {
                    only,
                    level,
                    ..within
                };
                self.include_kind(rest.first(), inner, failure);
            }
            [_, control, rest @ ..] => {
                let calls = calls(Control::parse(control), rest, known);
                self.push(step(calls));
            }
            _ => self.push(failure),
        }
    }

    /// A line `include` or `substack`. Where no file can be read, `failure` stands in its place.
    fn include_kind(&mut self, name: Option<&String>, within: Within, failure: Step) {
        if !self.include(name, within) {
            self.push(failure);
        }
    }

    /// Takes the lines of another file. `false`: there is none that can be read.
    fn include(&mut self, name: Option<&String>, within: Within) -> bool {
        let within = Within {
            depth: within.depth + 1,
            ..within
        };
        let few =
            within.depth < DEEPEST && self.service.includes.len() < MOST_FILES && !self.too_much;
        let Some(name) = name.filter(|_| few) else {
            return false;
        };
        let found = self.dirs.iter().find_map(|dir| {
            let file = dir.join(name);
            self.text_of(&file).ok().map(|text| (file, text))
        });
        found.is_some_and(|(file, text)| {
            let taken = self.take(&file, &text, within).is_ok();
            self.service.includes.push(file);
            taken
        })
    }
}

/// The call of a module, or the failure that libpam makes of a line without one.
fn calls(control: Control, words: &[String], known: bool) -> Calls {
    match words {
        [path, arguments @ ..] if known => Calls::Module {
            control,
            path: path.clone(),
            arguments: arguments.to_vec(),
        },
        _ => Calls::Failure(control),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a service of these files asks: `level kind module arguments` for each step.
    fn read(files: &[(&str, &str)]) -> (Vec<String>, Option<usize>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let file = dir.path().join(files[0].0);
        let service = Service::read(&file, &[dir.path().to_owned()]).unwrap();
        let steps = service.steps.iter().map(|step| {
            let what = match &step.calls {
                Calls::Module { .. } => [&[step.module().to_owned()], step.words()].concat(),
                Calls::Failure(_) => vec!["failure".to_owned()],
                Calls::Substack => vec!["substack".to_owned()],
            };
            format!("{} {} {}", step.level, step.kind.as_str(), what.join(","))
        });
        (steps.collect(), service.unreadable.map(|place| place.line))
    }

    #[test]
    fn an_include_takes_the_lines_of_its_kind_and_at_include_takes_all() {
        let common = "auth required a.so\naccount required b.so";
        for (line, steps) in [
            ("@include common", vec!["0 auth a.so", "0 account b.so"]),
            ("auth include common", vec!["0 auth a.so"]),
            (
                "account substack common",
                vec!["0 account substack", "1 account b.so"],
            ),
        ] {
            let read = read(&[("imap", line), ("common", common)]);
            assert_eq!(
                read,
                (steps.iter().map(|s| (*s).to_owned()).collect(), None)
            );
        }
    }

    #[test]
    fn what_libpam_cannot_read_is_a_failure() {
        for (line, step) in [
            ("auth include none", "0 auth failure"),
            ("auth required", "0 auth failure"),
            ("auth", "0 auth failure"),
            ("audh required a.so", "0 auth failure"),
            ("account include imap", "0 account failure"),
        ] {
            let (steps, unreadable) = read(&[("imap", line)]);
            assert_eq!(steps.last().unwrap(), step, "{line}");
            assert_eq!(unreadable, None);
        }
        for (text, line) in [
            ("auth required a.so\n@include none\nauth required b.so", 2),
            ("auth required a.so\n\nauth required b.so \\", 3),
        ] {
            assert_eq!(read(&[("imap", text)]).1, Some(line), "{text}");
        }
    }

    #[test]
    fn files_that_include_each_other_come_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("imap");
        for text in ["auth include imap\n", "@include imap\n"] {
            std::fs::write(&file, text.repeat(5)).unwrap();
            let read = Service::read(&file, &[dir.path().to_owned()]);
            assert!(read.is_err() || read.unwrap().steps.len() <= MOST_STEPS);
        }
    }

    #[test]
    fn a_dash_hides_nothing_and_brackets_hold_a_word_together() {
        let (steps, _) = read(&[(
            "imap",
            "-AUTH [success=1 default=ignore] /x/a.so [a b\\] c] d # e",
        )]);
        assert_eq!(steps, ["0 auth a.so,a b] c,d"]);
    }
}
