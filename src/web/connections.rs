// SPDX-License-Identifier: GPL-3.0-or-later
//! The connections that there are. Whoever comes finds room: where all places are taken, one over which
//! nothing is being answered gives way, of the network that has most. So nobody keeps others out who holds
//! many, be it in a handshake, between two requests, or with one that does not come to its end, or an answer
//! that is not read.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::places;

/// At once.
const MOST: usize = 512;
/// Those of one network that comes itself.
const OF_A_NETWORK: usize = 64;
/// How long one that has just come gives way to nobody, but to its own network: its request may be on its way.
/// Where all others are being answered, each would give way to the next, and nobody be served.
const MOMENT: Duration = Duration::from_secs(1);
/// How often it is looked whether there is room, where no connection may give way.
const LOOK: Duration = Duration::from_millis(10);

/// As whose a connection counts: that of a network, or a proxy's, which sees to its own.
type Party = Option<IpAddr>;

#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, Connection>>,
    places: places::Places<Party>,
    next: AtomicU64,
}

struct Connection {
    place: places::Place<Party>,
    came: Instant,
    /// Since when nothing is being answered over it. `None`: something is.
    idle: Option<Instant>,
    /// With this goes the connection.
    _stays: oneshot::Sender<()>,
}

/// Room for a connection, until it is dropped.
pub(crate) struct Place {
    connections: Arc<Connections>,
    number: u64,
}

/// A request, until it is answered.
pub(crate) struct Asked(Arc<Place>);

impl Connections {
    /// Waits until there is room for whoever has come.
    pub(crate) async fn room(&self) {
        while self.places.in_all() >= MOST && !self.give_up(|other| other.came.elapsed() >= MOMENT)
        {
            sleep(LOOK).await;
        }
    }

    /// A place for one of this party, and what says that it has to give way. `None`: they have as many as
    /// they get, and need them all.
    pub(crate) fn admit(
        self: &Arc<Self>,
        party: Party,
    ) -> Option<(Arc<Place>, oneshot::Receiver<()>)> {
        let has_many = party.is_some() && self.places.of(&party) >= OF_A_NETWORK;
        if has_many && !self.give_up(|other| *other.place.party() == party) {
            return None;
        }
        let (stays, gives_way) = oneshot::channel();
        let now = Instant::now();
        let connection = Connection {
            place: self.places.take(party),
            came: now,
            idle: Some(now),
            _stays: stays,
        };
        let place = Place {
            connections: self.clone(),
            number: self.next.fetch_add(1, Ordering::Relaxed),
        };
        self.with(|open| open.insert(place.number, connection));
        Some((Arc::new(place), gives_way))
    }

    /// Gives up one of those that `may` give way: of the party that has most, the one that is idle for
    /// longest. `false`: there is none.
    fn give_up(&self, may: impl Fn(&Connection) -> bool) -> bool {
        let given_up = self.with(|open| {
            let candidates = open.iter().filter_map(|(number, connection)| {
                let idle = connection.idle.filter(|_| may(connection))?;
                let load = self.places.of(connection.place.party());
                Some((Reverse(load), idle, *number))
            });
            let (.., number) = candidates.min()?;
            open.remove(&number)
        });
        given_up.is_some()
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<u64, Connection>) -> T) -> T {
        look(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place {
    /// A request has begun. When what is returned is dropped, it is answered.
    pub(crate) fn asked(self: &Arc<Self>) -> Asked {
        Asked(self.clone())
    }

    /// All of it is there, and is being answered: the connection does not give way now.
    pub(crate) fn busy(&self) {
        self.idle(None);
    }

    fn idle(&self, since: Option<Instant>) {
        self.connections.with(|open| {
            if let Some(connection) = open.get_mut(&self.number) {
                connection.idle = since;
            }
        });
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.idle(Some(Instant::now()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.with(|open| open.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use oneshot::error::TryRecvError::Closed;
    use tokio::time::advance;

    use super::*;

    type Admitted = (Arc<Place>, oneshot::Receiver<()>);

    /// Somebody's network.
    fn network(number: usize) -> Party {
        let [.., third, fourth] = u32::try_from(number).unwrap().to_be_bytes();
        Some([198, third, fourth, 0].into())
    }

    fn admitted(connections: &Arc<Connections>, party: Party, number: usize) -> Vec<Admitted> {
        (0..number)
            .map(|_| connections.admit(party).unwrap())
            .collect()
    }

    /// One that is being answered, until it is dropped.
    fn answered((place, _): &Admitted) -> Asked {
        place.busy();
        place.asked()
    }

    /// Which of them give way.
    fn give_way(all: &mut [Admitted]) -> Vec<usize> {
        let gives_way = |(_, says): &mut Admitted| says.try_recv().is_err_and(|why| why == Closed);
        let numbered = all.iter_mut().enumerate();
        numbered
            .filter_map(|(number, one)| gives_way(one).then_some(number))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_places_are_taken_whoever_has_most_gives_way_with_what_is_idle_for_longest() {
        let connections = Arc::new(Connections::default());
        let mut singles: Vec<_> = (1..MOST - 2)
            .flat_map(|number| admitted(&connections, network(number), 1))
            .collect();
        let mut many = admitted(&connections, network(0), 3);
        advance(MOMENT).await;
        drop(answered(&many[0]));
        connections.room().await;
        assert_eq!(connections.places.in_all(), MOST - 1);
        assert_eq!(give_way(&mut many), [1]);
        assert!(give_way(&mut singles).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_answered_keeps_its_place_and_whoever_comes_waits_for_the_first_to_be_idle()
     {
        let connections = Arc::new(Connections::default());
        let mut all = admitted(&connections, None, MOST);
        let mut busy: Vec<_> = all.iter().map(answered).collect();
        let room = tokio::time::timeout(Duration::from_secs(60), connections.room());
        assert!(room.await.is_err());
        drop(busy.remove(7));
        connections.room().await;
        assert_eq!(give_way(&mut all), [7]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_just_come_is_heard_before_they_give_way() {
        let connections = Arc::new(Connections::default());
        let busy = admitted(&connections, None, MOST - 1);
        let _busy: Vec<_> = busy.iter().map(answered).collect();
        let mut next = admitted(&connections, None, 1);
        let begun = Instant::now();
        connections.room().await;
        assert!(begun.elapsed() >= MOMENT);
        assert_eq!(give_way(&mut next), [0]);
    }

    #[test]
    fn a_network_has_so_many_of_which_its_own_idle_ones_give_way() {
        let connections = Arc::new(Connections::default());
        let mut all = admitted(&connections, network(0), OF_A_NETWORK + 1);
        assert_eq!(give_way(&mut all), [0]);
        let _busy: Vec<_> = all.iter().map(answered).collect();
        assert!(connections.admit(network(0)).is_none());
        assert!(connections.admit(network(1)).is_some());
        drop(all);
        assert_eq!(connections.places.in_all(), OF_A_NETWORK);
    }
}
