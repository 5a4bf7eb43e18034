// SPDX-License-Identifier: GPL-3.0-or-later
//! Who may take how much of the helper. Root and each configured caller have a quota of their own;
//! everybody else is in one together. So nobody takes what a web server needs: no user, and no
//! other caller.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::User;
use pam_app_passwd::config::Config;

use super::share::{Share, Turns};
use crate::cli::failure::Failure;

/// More than a web server has threads (Apache's default is 150).
const CONNECTIONS_OF_A_CALLER: usize = 256;
/// A screen locker has one.
const CONNECTIONS_OF_ANOTHER: usize = 8;
const CONNECTIONS_OF_ALL_OTHERS: usize = 64;
/// How long after a look at callers that are not there comes the next, for which logins may have to
/// wait.
const AGAIN: Duration = Duration::from_secs(20);
/// Each may cost as much memory as one hash.
const TURNS_OF_A_CALLER: usize = 4;
const TURNS_OF_ALL_OTHERS: usize = 2;

/// What is there to be taken.
pub(super) struct Quota {
    /// Connections that are open.
    connections: Share,
    /// Questions that are answered at once.
    turns: Turns,
}

/// The place of a connection; given back when dropped, also by a thread that panics.
pub(super) struct Place {
    quota: Arc<Quota>,
    uid: u32,
}

/// The quota of each configured caller, and of root.
type Callers = HashMap<u32, Arc<Quota>>;

/// Everybody's quota.
pub(super) struct Quotas {
    config_path: PathBuf,
    /// The configuration that the callers are from, told by its times and places.
    read: Option<Version>,
    /// Callers that were not there, and when to look for them again.
    missing: Vec<String>,
    again: Option<Instant>,
    callers: Callers,
    others: Arc<Quota>,
}

impl Quotas {
    pub(super) fn new(config_path: PathBuf) -> Self {
        Self {
            config_path,
            read: None,
            missing: Vec::new(),
            again: None,
            callers: HashMap::from([(0, Arc::new(Quota::of_a_caller()))]),
            others: Arc::new(Quota::of_all_others()),
        }
    }

    /// The quota that `uid` takes from.
    pub(super) fn of(&self, uid: u32) -> &Arc<Quota> {
        self.callers.get(&uid).unwrap_or(&self.others)
    }

    /// Looks who is a caller now, if the configuration has changed. A configuration that cannot be used
    /// leaves everything as it is. Callers that are not there are looked for again: they may have been
    /// installed since, or be known to a directory that did not answer.
    pub(super) fn refresh(&mut self) -> Result<(), Failure> {
        let there = version(&self.config_path);
        if self.read != Some(there) {
            self.read = Some(there);
            let config = Config::load(&self.config_path)?;
            let before = std::mem::take(&mut self.callers);
            self.missing = config.helper.callers.into_keys().collect();
            // The web page speaks for many.
            if config.self_service.enabled {
                self.missing.push(config.self_service.web_user);
            }
            self.again = None;
            self.admit(0, &before);
            self.look_for_the_missing(&before);
        } else if self.again.is_some_and(|again| Instant::now() >= again) {
            self.look_for_the_missing(&HashMap::new());
        }
        Ok(())
    }

    fn look_for_the_missing(&mut self, before: &Callers) {
        for name in std::mem::take(&mut self.missing) {
            match uid_of(&name) {
                Some(uid) => self.admit(uid, before),
                None => self.missing.push(name),
            }
        }
        self.again = (!self.missing.is_empty()).then(|| Instant::now() + AGAIN);
    }

    /// Gives a caller the quota that it has had, or one of its own.
    fn admit(&mut self, uid: u32, before: &Callers) {
        let quota = before.get(&uid).cloned();
        let quota = quota.unwrap_or_else(|| Arc::new(Quota::of_a_caller()));
        self.callers.entry(uid).or_insert(quota);
    }
}

impl Place {
    /// A place for a connection of `uid`, unless all that it may have are taken.
    pub(super) fn of(uid: u32, quota: &Arc<Quota>) -> Option<Self> {
        let quota = quota.clone();
        // Not made if there is none: to drop it would give back what was not taken.
        quota.connections.enter(uid).then(|| Self { quota, uid })
    }

    /// The turns of its quota.
    pub(super) fn turns(&self) -> &Turns {
        &self.quota.turns
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.quota.connections.leave(self.uid);
    }
}

impl Quota {
    fn of_a_caller() -> Self {
        Self {
            connections: Share::new(CONNECTIONS_OF_A_CALLER, CONNECTIONS_OF_A_CALLER),
            turns: Turns::new(TURNS_OF_A_CALLER),
        }
    }

    fn of_all_others() -> Self {
        Self {
            connections: Share::new(CONNECTIONS_OF_ANOTHER, CONNECTIONS_OF_ALL_OTHERS),
            turns: Turns::new(TURNS_OF_ALL_OTHERS),
        }
    }
}

fn uid_of(name: &str) -> Option<u32> {
    let user = User::from_name(name).ok().flatten()?;
    Some(user.uid.as_raw())
}

/// Inode, length, and when it was changed; `None`: there is no file.
type Version = Option<(u64, u64, i64, i64)>;

fn version(path: &std::path::Path) -> Version {
    let there = fs::metadata(path).ok()?;
    Some((there.ino(), there.len(), there.ctime(), there.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_quota_of_its_own_once_the_configuration_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let mut quotas = Quotas::new(path.clone());
        let (root, nobody) = (0, uid_of("nobody").unwrap());
        let is_other = |quotas: &Quotas, uid| Arc::ptr_eq(quotas.of(uid), &quotas.others);
        quotas.refresh().unwrap();
        assert!(!is_other(&quotas, root) && is_other(&quotas, nobody));
        fs::write(&path, "helper.callers.nobody = [\"web\"]").unwrap();
        quotas.refresh().unwrap();
        assert!(!is_other(&quotas, root) && !is_other(&quotas, nobody));
        assert!(!Arc::ptr_eq(quotas.of(root), quotas.of(nobody)));
        let quota = quotas.of(nobody).clone();
        fs::write(&path, "helper.callers.nobody = [\"web\"").unwrap();
        assert!(quotas.refresh().is_err());
        fs::write(&path, "helper.callers.nobody = [\"web\", \"mail\"]").unwrap();
        quotas.refresh().unwrap();
        // What it has taken meanwhile stays counted.
        assert!(Arc::ptr_eq(quotas.of(nobody), &quota));
    }

    #[test]
    fn a_caller_that_is_not_there_is_looked_for_again_later() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(
            &path,
            "helper.callers = { nobody = [\"web\"], no-such-user = [\"web\"] }",
        )
        .unwrap();
        let mut quotas = Quotas::new(path.clone());
        quotas.refresh().unwrap();
        let later = quotas.again.expect("a time");
        quotas.refresh().unwrap();
        assert_eq!(quotas.again, Some(later));
        // As if nobody had not been there either, and the time has come.
        quotas.callers.clear();
        quotas.missing.push("nobody".to_owned());
        quotas.again = Some(Instant::now());
        quotas.refresh().unwrap();
        let nobody = uid_of("nobody").unwrap();
        assert!(!Arc::ptr_eq(quotas.of(nobody), &quotas.others));
        assert_eq!(quotas.missing, ["no-such-user"]);
        fs::write(&path, "helper.callers.nobody = [\"web\"]").unwrap();
        quotas.refresh().unwrap();
        assert_eq!(quotas.again, None);
    }

    #[test]
    fn a_place_is_given_back_also_by_a_thread_that_panics() {
        let quota = Arc::new(Quota::of_all_others());
        for _ in 0..100 {
            let place = Place::of(1, &quota).expect("a place");
            let panicked = std::thread::spawn(move || {
                let _place = place;
                std::panic::resume_unwind(Box::new(()));
            });
            assert!(panicked.join().is_err());
        }
        let places: Vec<_> = (0..8).map_while(|_| Place::of(1, &quota)).collect();
        assert_eq!(places.len(), 8);
        for _ in 0..2 {
            assert!(Place::of(1, &quota).is_none());
        }
    }
}
