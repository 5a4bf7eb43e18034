// SPDX-License-Identifier: GPL-3.0-or-later
//! The arguments of a line in `/etc/pam.d`.

use std::path::PathBuf;

use crate::credential::ServiceName;

/// What a line in `/etc/pam.d` says behind the module's name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `conf=PATH`
    pub conf: Option<PathBuf>,
    /// `debug`: also say what is usually not worth a line.
    pub debug: bool,
    /// `use_first_pass`: never prompt.
    pub use_first_pass: bool,
    /// `authtok_prompt=TEXT`
    pub prompt: Option<String>,
    /// `service=NAME`: the name for scope and last use.
    pub service: Option<ServiceName>,
    /// `quiet`: no line for an accepted login.
    pub quiet: bool,
    /// `log_failures`: pam_unix's failure sentence for what is unknown or not ours.
    pub log_failures: bool,
    /// What is none of these. It is logged and ignored, never fatal.
    pub unknown: Vec<String>,
}

impl Arguments {
    /// Reads them as libpam hands them over.
    pub fn parse(words: Vec<String>) -> Self {
        let mut arguments = Self::default();
        for word in words {
            arguments.take(word);
        }
        arguments
    }

    fn take(&mut self, word: String) {
        match word.split_once('=') {
            None => match word.as_str() {
                "debug" => self.debug = true,
                "use_first_pass" => self.use_first_pass = true,
                "quiet" => self.quiet = true,
                "log_failures" => self.log_failures = true,
                // What the module does anyway.
                "try_first_pass" | "nodelay" => {}
                _ => self.unknown.push(word),
            },
            Some(("conf", path)) if path.starts_with('/') => self.conf = Some(path.into()),
            Some(("authtok_prompt", text)) => self.prompt = Some(text.to_owned()),
            Some(("service", name)) => match ServiceName::parse(name) {
                Ok(name) => self.service = Some(name),
                Err(_) => self.unknown.push(word),
            },
            Some(_) => self.unknown.push(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn every_documented_argument_is_known() {
        let line = "conf=/etc/x.toml debug use_first_pass try_first_pass authtok_prompt=Code: \
                    service=IMAP quiet log_failures nodelay";
        let expected = Arguments {
            conf: Some("/etc/x.toml".into()),
            debug: true,
            use_first_pass: true,
            prompt: Some("Code:".to_owned()),
            service: ServiceName::parse("imap").ok(),
            quiet: true,
            log_failures: true,
            unknown: vec![],
        };
        assert_eq!(parse(line), expected);
        assert_eq!(parse(""), Arguments::default());
    }

    #[test]
    fn anything_else_is_kept_to_be_logged() {
        let line = "Debug debug=yes conf=relative.toml service= nullok quite";
        assert_eq!(parse(line).unknown.join(" "), line);
    }
}
