// SPDX-License-Identifier: GPL-3.0-or-later
//! The files of `/etc/pam.d` as libpam reads them: what stands in one for a service, with what it
//! includes (pam.conf(5), and Debian's `@include`).

mod control;
mod line;
mod modules;
mod walk;

use std::path::{Path, PathBuf};

use pam_app_passwd::arguments::Arguments;

pub(super) use control::{Action, Code, Control};
pub(super) use walk::Walk;

/// Files within files beyond this are refused by libpam.
const DEEPEST: usize = 16;

/// The module that this is all about.
pub(super) const OURS: &str = "pam_app_passwd.so";
/// What the names begin with that people write instead.
const LIKE_OURS: &str = "pam_app";

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Auth,
    Account,
    Password,
    Session,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Auth, Self::Account, Self::Password, Self::Session];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.as_str()))
    }
}

/// Where a line stands, as it is shown: `/etc/pam.d/imap:3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One step of a stack.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// How many substacks it stands in.
    pub(super) level: usize,
    pub(super) calls: Calls,
}

#[derive(Debug)]
pub(super) enum Calls {
    /// A module, by its file's name or path.
    Module {
        control: Control,
        path: String,
        arguments: Vec<String>,
    },
    /// Nothing: libpam cannot read the line, and takes it as a failure.
    Failure(Control),
    /// Nothing: here a substack begins.
    Substack,
}

impl Step {
    /// The file of the module that it calls, without the way to it.
    pub(super) fn module(&self) -> &str {
        base_name(self.path())
    }

    /// The module as it is named.
    pub(super) fn path(&self) -> &str {
        match &self.calls {
            Calls::Module { path, .. } => path,
            _ => "",
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.module() == OURS
    }

    /// Whether it is ours, or most likely meant to be.
    pub(super) fn is_like_ours(&self) -> bool {
        is_like_ours(self.module())
    }

    pub(super) fn words(&self) -> &[String] {
        match &self.calls {
            Calls::Module { arguments, .. } => arguments,
            _ => &[],
        }
    }

    /// What follows when the module answers with `code`.
    pub(super) fn action(&self, code: Code) -> Action {
        match &self.calls {
            Calls::Module { control, .. } | Calls::Failure(control) => control.action(code),
            Calls::Substack => Action::Ignore,
        }
    }

    /// The arguments of a line of ours.
    pub(super) fn our_arguments(&self) -> Arguments {
        Arguments::parse(self.words().to_vec())
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_like_ours(module: &str) -> bool {
    module.starts_with(LIKE_OURS)
}

/// All that a service asks, with what its file includes.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) steps: Vec<Step>,
    /// Whether a line names our module, or what is most likely meant to be it.
    pub(super) names_us: bool,
    /// The files that it includes.
    pub(super) includes: Vec<PathBuf>,
    /// What libpam cannot read, so that it refuses everybody: where it is named.
    pub(super) unreadable: Option<Place>,
}

impl Service {
    /// Reads the file of that name. What it includes is looked for in each of `dirs`.
    pub(super) fn read(file: &Path, dirs: &[PathBuf]) -> std::io::Result<Self> {
        let text = read_to_string(file)?;
        let mut service = Self::default();
        let reader = Reader { dirs };
        reader.take(&mut service, file, &text, Within::default());
        Ok(service)
    }

    /// The steps of one kind.
    pub(super) fn stack(&self, kind: Kind) -> Vec<&Step> {
        self.steps.iter().filter(|step| step.kind == kind).collect()
    }
}

/// A file of the directory need not be text.
fn read_to_string(file: &Path) -> std::io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(file)?).into_owned())
}

/// Where an included file stands.
#[derive(Clone, Copy, Default)]
struct Within {
    depth: usize,
    level: usize,
    only: Option<Kind>,
}

struct Reader<'a> {
    dirs: &'a [PathBuf],
}

impl Reader<'_> {
    fn take(&self, service: &mut Service, file: &Path, text: &str, within: Within) {
        for (number, words) in line::lines(text) {
            let place = Place {
                file: file.to_owned(),
                line: number,
            };
            self.take_line(service, place, &words, within);
        }
    }

    fn take_line(&self, service: &mut Service, place: Place, words: &[String], within: Within) {
        let names_us = words.iter().any(|word| is_like_ours(base_name(word)));
        let mut words = words.iter().map(String::as_str);
        let first = words.next().unwrap_or_default();
        if first == "@include" {
            let name = words.next();
            if !self.include(service, name, within) {
                service.unreadable.get_or_insert(place);
            }
            return;
        }
        let kind = Kind::parse(first.strip_prefix('-').unwrap_or(first));
        // libpam takes a kind that it does not know for the most sensitive one, and as a failure.
        let known = kind.is_some();
        let kind = kind.or(within.only).unwrap_or(Kind::Auth);
        if within.only.is_some_and(|only| only != kind) {
            return;
        }
        service.names_us |= names_us;
        let mut add = |level, calls| {
            let place = place.clone();
            service.steps.push(Step {
                place,
                kind,
                level,
                calls,
            });
        };
        let control = words.next();
        let calls = match control {
            Some(word) if word.eq_ignore_ascii_case("include") => {
                return self.include_kind(service, place, kind, words.next(), within, 0);
            }
            Some(word) if word.eq_ignore_ascii_case("substack") => {
                add(within.level, Calls::Substack);
                return self.include_kind(service, place, kind, words.next(), within, 1);
            }
            Some(word) => calls(Control::parse(word), words, known),
            None => Calls::Failure(Control::BAD),
        };
        add(within.level, calls);
    }

    /// A line `include` or `substack`. A file that cannot be read is a failure in its place.
    fn include_kind(
        &self,
        service: &mut Service,
        place: Place,
        kind: Kind,
        name: Option<&str>,
        within: Within,
        deeper: usize,
    ) {
        let inner = Within {
            level: within.level + deeper,
            only: Some(kind),
            ..within
        };
        if !self.include(service, name, inner) {
            service.steps.push(Step {
                place,
                kind,
                level: within.level,
                calls: Calls::Failure(Control::BAD),
            });
        }
    }

    /// Takes the lines of another file. `false`: there is none that can be read.
    fn include(&self, service: &mut Service, name: Option<&str>, within: Within) -> bool {
        let within = Within {
            depth: within.depth + 1,
            ..within
        };
        let Some(name) = name.filter(|_| within.depth < DEEPEST) else {
            return false;
        };
        let found = self.dirs.iter().find_map(|dir| {
            let file = dir.join(name);
            read_to_string(&file).ok().map(|text| (file, text))
        });
        match found {
            Some((file, text)) => {
                self.take(service, &file, &text, within);
                service.includes.push(file);
                true
            }
            None => false,
        }
    }
}

/// The call of a module, or the failure that libpam makes of a line without one.
fn calls<'a>(control: Control, mut words: impl Iterator<Item = &'a str>, known: bool) -> Calls {
    match words.next() {
        Some(path) if known => Calls::Module {
            control,
            path: path.to_owned(),
            arguments: words.map(str::to_owned).collect(),
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
        let text = "auth required a.so\n@include none\nauth required b.so";
        assert_eq!(read(&[("imap", text)]).1, Some(2));
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
