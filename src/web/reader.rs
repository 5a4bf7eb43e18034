// SPDX-License-Identifier: GPL-3.0-or-later
//! Somebody who waits for what they wish. While the helper works they may hang up, or sign out elsewhere:
//! then a secret that comes is for nobody, and is not taken.

use std::sync::{Arc, Weak};

use crate::signed_in::SignedIn;
use crate::trouble::{Answer, Trouble};

pub(crate) struct Reader {
    /// As it was when they wished.
    pub(crate) session: SignedIn,
    /// Gone when the browser has hung up.
    request: Weak<()>,
}

impl Reader {
    /// Does this for somebody, and goes on when they hang up: what may take long keeps the place that it has
    /// until it has ended, and so they have no more of it at once than there are places for them.
    pub(crate) async fn serve<W>(session: SignedIn, work: impl FnOnce(Self) -> W) -> Answer
    where
        W: Future<Output = Answer> + Send + 'static,
    {
        let text = session.text();
        let request = Arc::new(()); // dropped with this future
        let reader = Self {
            session,
            request: Arc::downgrade(&request),
        };
        let done = tokio::spawn(work(reader)).await;
        done.unwrap_or(Err(Trouble::no_helper(text)))
    }

    /// Whether they can still be shown something, as far as that is known here.
    pub(crate) fn is_there(&self) -> bool {
        let SignedIn {
            app,
            visitor,
            token,
            ..
        } = &self.session;
        let is_connected = self.request.strong_count() > 0;
        is_connected && app.sessions.look(*token, &visitor.client).is_some()
    }
}
