// SPDX-License-Identifier: GPL-3.0-or-later
//! A session that an app password has opened, as the tool and the helper name it, and as the page reads it from
//! what the helper says. Pure.

use std::fmt::{self, Display, Formatter};

/// Such a session. It is written as `the sshd session from 192.0.2.7 (process 4711)`.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The PAM service.
    pub service: &'a str,
    /// The address it came from, if it came from another host.
    pub origin: Option<&'a str>,
    /// The process that has opened it.
    pub pid: i32,
}

impl Display for Opened<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the {} session", self.service)?;
        if let Some(origin) = self.origin {
            write!(f, " from {origin}")?;
        }
        write!(f, " (process {})", self.pid)
    }
}

impl<'a> Opened<'a> {
    /// What is said when it was ended.
    pub fn has_ended(&self) -> String {
        format!("Ended {self}.")
    }

    /// The session of which a line says that.
    pub fn ended_by(line: &'a str) -> Option<Self> {
        let which = line.strip_prefix("Ended the ")?.strip_suffix(").")?;
        let (name, pid) = which.rsplit_once(" (process ")?;
        let (service, origin) = match name.strip_suffix(" session") {
            Some(service) => (service, None),
            None => {
                let (service, origin) = name.rsplit_once(" session from ")?;
                (service, Some(origin))
            }
        };
        Some(Self {
            service,
            origin,
            pid: pid.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_session_that_was_ended_is_read_from_what_is_said_of_it() {
        for origin in [None, Some("192.0.2.7"), Some("host.example")] {
            let session = Opened {
                service: "sshd",
                origin,
                pid: 4711,
            };
            assert_eq!(Opened::ended_by(&session.has_ended()), Some(session));
        }
    }

    #[test]
    fn nothing_else_is_read_as_one() {
        for line in [
            "",
            "Ended the sshd session",
            "Ended the sshd session (process x).",
            "Ended the (process 1).",
            "warning: could not end the sshd session (process 1); end it by hand",
        ] {
            assert_eq!(Opened::ended_by(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "(Ended the )?.{0,40}( session from .{0,9})?( \\(process .{0,3}\\)\\.)?") {
            let _ = Opened::ended_by(&line);
        }
    }
}
