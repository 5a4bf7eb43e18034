// SPDX-License-Identifier: GPL-3.0-or-later
//! The account holder whom a thread of the helper serves: what the thread prints goes to their program,
//! what it asks is asked there, and what it changes is by them. The verbs do not know the difference.

use std::cell::RefCell;
use std::sync::Arc;

use pam_app_passwd::credential::UserName;

use super::client::Client;

thread_local! {
    static SERVED: RefCell<Option<Arc<Person>>> = const { RefCell::new(None) };
}

/// Whom a thread serves.
pub(super) struct Person {
    pub(super) user: UserName,
    /// Where the wish came from, if not from this machine.
    pub(super) origin: Option<String>,
    /// The process that has asked.
    pub(super) pid: i32,
    pub(super) client: Arc<Client>,
}

/// Whom this thread serves; `None`: whoever has started this process.
pub(super) fn current() -> Option<Arc<Person>> {
    SERVED.with_borrow(Clone::clone)
}

/// Does something when whoever this thread serves has heard the end; at once, if it serves nobody.
pub(super) fn afterwards(work: impl FnOnce() + Send + 'static) {
    match current() {
        Some(person) => person.client.do_afterwards(work),
        None => work(),
    }
}

impl Person {
    /// Has this thread do `work` for them.
    pub(super) fn serve<T>(self: Arc<Self>, work: impl FnOnce() -> T) -> T {
        let _until_done = Served::begin(self);
        work()
    }
}

/// A thread serves somebody as long as this is there.
struct Served;

impl Served {
    fn begin(person: Arc<Person>) -> Self {
        SERVED.set(Some(person));
        Self
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        SERVED.set(None);
    }
}
