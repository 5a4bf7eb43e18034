// SPDX-License-Identifier: GPL-3.0-or-later
//! Whoever closes the browser signs out of nothing: what they leave is forgotten when its time is over,
//! though nobody comes to look. With a session goes its pass, which is wiped.

use std::time::Duration;

use tokio::time::sleep;

use crate::session::Sessions;
use crate::talks::Talks;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(60);

pub(crate) async fn forever(sessions: &Sessions, talks: &Talks) {
    loop {
        sleep(LOOK).await;
        sessions.sweep();
        talks.sweep();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pam_app_passwd::credential::UserName;
    use tokio::time::timeout;
    use zeroize::Zeroizing;

    use super::*;
    use crate::client::Client;
    use crate::entry::Rules;
    use crate::session::Who;

    #[tokio::test(start_paused = true)]
    async fn a_session_that_is_over_is_forgotten_though_nobody_comes_to_look() {
        let (sessions, talks) = (Sessions::default(), Talks::default());
        let who = Who {
            user: UserName::parse("alice").unwrap(),
            pass: Zeroizing::new("pass".to_owned()),
            rules: Rules::default(),
            turns: Arc::default(),
        };
        let client = Client::new("192.0.2.7".parse().unwrap(), "Browser");
        let token = sessions.begin(who, client.clone()).unwrap();
        let turns = sessions.look(token, &client).unwrap().turns;
        let minutes = |minutes| timeout(LOOK * minutes, forever(&sessions, &talks));
        assert!(minutes(14).await.is_err());
        assert_eq!(Arc::strong_count(&turns), 2);
        assert!(minutes(2).await.is_err());
        assert_eq!(Arc::strong_count(&turns), 1);
    }
}
