// SPDX-License-Identifier: GPL-3.0-or-later
//! What the web page gets for somebody who has signed in there, and shows for whatever they want later:
//! 256 random bits, which are kept nowhere but in the helper's memory, and there as a keyed hash.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pam_app_passwd::credential::UserName;
use pam_app_passwd::error::Error;
use pam_app_passwd::hash::{Key, SEAL_LEN};
use pam_app_passwd::random;
use zeroize::Zeroizing;

use super::super::share::locked;

/// How long one is good without being used.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// How long one is good at most.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// How many one user may have. The one that was not used for longest ends for another.
const MOST: usize = 50;

/// All that are good.
pub(super) struct Passes {
    key: Key,
    good: Mutex<HashMap<Seal, Pass>>,
}

type Seal = [u8; SEAL_LEN];

struct Pass {
    user: UserName,
    /// Who may show it.
    uid: u32,
    made: Instant,
    used: Instant,
}

impl Passes {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            key: Key::new(random::bytes()?),
            good: Mutex::default(),
        })
    }

    /// One for this user, which `uid` may show.
    pub(super) fn give(
        &self,
        user: &UserName,
        uid: u32,
        now: Instant,
    ) -> Result<Zeroizing<String>, Error> {
        let mut pass = Zeroizing::new(String::with_capacity(64));
        for byte in *Zeroizing::new(random::bytes::<32>()?) {
            for digit in [byte >> 4, byte & 15] {
                pass.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        let seal = self.seal(&pass)?;
        let mut good = self.good(now);
        let own = good.iter().filter(|(_, pass)| pass.user == *user);
        if own.clone().count() >= MOST {
            let oldest = own.min_by_key(|(_, pass)| pass.used);
            if let Some(oldest) = oldest.map(|(seal, _)| *seal) {
                good.remove(&oldest);
            }
        }
        let (user, made, used) = (user.clone(), now, now);
        good.insert(
            seal,
            Pass {
                user,
                uid,
                made,
                used,
            },
        );
        Ok(pass)
    }

    /// Whose it is, if it is good and `uid` may show it.
    pub(super) fn holder(&self, pass: &str, uid: u32, now: Instant) -> Option<UserName> {
        let seal = self.seal(pass).ok()?;
        let mut good = self.good(now);
        let pass = good.get_mut(&seal).filter(|pass| pass.uid == uid)?;
        pass.used = now;
        Some(pass.user.clone())
    }

    /// Ends one.
    pub(super) fn end(&self, pass: &str, now: Instant) {
        if let Ok(seal) = self.seal(pass) {
            self.good(now).remove(&seal);
        }
    }

    /// Ends all that a user has.
    pub(super) fn end_all(&self, user: &UserName, now: Instant) {
        self.good(now).retain(|_, pass| pass.user != *user);
    }

    fn seal(&self, pass: &str) -> Result<Seal, Error> {
        Ok(self.key.seal(&[b"pass", pass.as_bytes()])?)
    }

    fn good(&self, now: Instant) -> MutexGuard<'_, HashMap<Seal, Pass>> {
        let mut good = locked(&self.good);
        good.retain(|_, pass| {
            now.duration_since(pass.used) < IDLE && now.duration_since(pass.made) < LONGEST
        });
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: u32 = 990;

    fn user(name: &str) -> UserName {
        UserName::parse(name).unwrap()
    }

    #[test]
    fn a_pass_names_its_user_to_whom_it_was_given_and_to_nobody_else() {
        let (passes, now) = (Passes::new().unwrap(), Instant::now());
        let pass = passes.give(&user("alice"), WEB, now).unwrap();
        assert_eq!(pass.len(), 64);
        assert_eq!(passes.holder(&pass, WEB, now), Some(user("alice")));
        assert_eq!(passes.holder(&pass, WEB + 1, now), None);
        assert_eq!(passes.holder(&pass.replace('a', "b"), WEB, now), None);
        assert_eq!(passes.holder("", WEB, now), None);
    }

    #[test]
    fn a_pass_ends_when_it_is_not_used_and_after_half_a_day_in_any_case() {
        let (passes, begin) = (Passes::new().unwrap(), Instant::now());
        let idle = passes.give(&user("alice"), WEB, begin).unwrap();
        let used = passes.give(&user("alice"), WEB, begin).unwrap();
        let (mut now, mut last) = (begin, begin);
        while passes.holder(&used, WEB, now).is_some() {
            last = now;
            now += IDLE / 2;
        }
        assert_eq!(passes.holder(&idle, WEB, begin + IDLE), None);
        assert!(last < begin + LONGEST && last + IDLE >= begin + LONGEST);
    }

    #[test]
    fn a_pass_is_ended_alone_or_with_all_of_its_user() {
        let (passes, now) = (Passes::new().unwrap(), Instant::now());
        let give = |name| passes.give(&user(name), WEB, now).unwrap();
        let (one, other, third, bobs) = (give("alice"), give("alice"), give("alice"), give("bob"));
        passes.end(&one, now);
        assert_eq!(passes.holder(&one, WEB, now), None);
        assert!(passes.holder(&other, WEB, now).is_some());
        passes.end_all(&user("alice"), now);
        for pass in [other, third] {
            assert_eq!(passes.holder(&pass, WEB, now), None);
        }
        assert!(passes.holder(&bobs, WEB, now).is_some());
    }

    #[test]
    fn one_more_than_the_most_ends_the_one_that_was_not_used_for_longest() {
        let (passes, begin) = (Passes::new().unwrap(), Instant::now());
        let at = |second: usize| begin + Duration::from_secs(second as u64);
        let all: Vec<_> = (0..MOST)
            .map(|number| passes.give(&user("alice"), WEB, at(number)).unwrap())
            .collect();
        let now = at(MOST);
        assert!(passes.holder(&all[0], WEB, now).is_some());
        passes.give(&user("bob"), WEB, now).unwrap();
        passes.give(&user("alice"), WEB, now).unwrap();
        let gone = |pass: &&Zeroizing<String>| passes.holder(pass, WEB, now).is_none();
        assert_eq!(all.iter().filter(gone).count(), 1);
        assert!(gone(&&all[1]));
    }
}
