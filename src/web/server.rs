// SPDX-License-Identifier: GPL-3.0-or-later
//! Connections: their time, and their end.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pam_app_passwd::helper::TALK;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::arriving::Arriving;
use crate::client::network;
use crate::connections::{Connections, Place};
use crate::listener::{Listener, Stream};
use crate::tls::Tls;
use crate::unread::Watched;
use crate::visitor::Peer;
use crate::{App, pages, say, sweep};

/// How long a handshake, or the head of a request, may take, and a connection idle.
const HEAD: Duration = Duration::from_secs(15);
/// How long requests may come over a connection. One that was begun before is served to its end, which a
/// talk with the helper may take.
const WHOLE: Duration = Duration::from_secs(300);
/// How long requests have that were begun when we are stopped.
const LAST: Duration = Duration::from_secs(10);
/// The longest head.
const LONGEST: usize = 16 * 1024;

struct Server {
    app: Arc<App>,
    router: Router,
    tls: Option<Tls>,
    connections: Arc<Connections>,
}

/// Serves until it is told to stop, and then what was begun.
pub(crate) async fn run(app: Arc<App>, tls: Option<Tls>) -> Result<(), String> {
    let listen = app.settings.listen.clone();
    let failed = |error: std::io::Error| format!("{listen}: {error}");
    let listener = Listener::bind(&listen).await.map_err(failed)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(failed)?;
    let hung_up = signal(SignalKind::hangup()).map_err(failed)?;
    say(&format!("listening on {listen}"));
    let server = Arc::new(Server {
        router: pages::router(&app),
        app,
        tls,
        connections: Arc::default(),
    });
    let (stop, stopping) = watch::channel(());
    tokio::select! {
        () = server.accept(&listener, stopping) => {}
        () = server.reload(hung_up) => {}
        () = sweep::forever(&server.app.sessions, &server.app.talks) => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    drop(listener);
    let _ = stop.send(());
    let _ = timeout(LAST, stop.closed()).await;
    Ok(())
}

impl Server {
    async fn accept(self: &Arc<Self>, listener: &Listener, stopping: watch::Receiver<()>) {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // Out of descriptors, most likely: to try again at once would only spin.
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            self.connections.room().await;
            let Some((place, gives_way)) = self.connections.admit(self.network(peer)) else {
                continue;
            };
            let (server, stopping) = (self.clone(), stopping.clone());
            tokio::spawn(async move {
                tokio::select! {
                    // In this order: what gives way does not begin anything.
                    biased;
                    _ = gives_way => {}
                    () = server.connection(stream, peer, place, stopping) => {}
                }
            });
        }
    }

    /// Reads certificate and key again, each time we are told to. The rest of the configuration stays.
    async fn reload(&self, mut hung_up: Signal) {
        while hung_up.recv().await.is_some() {
            match self.tls.as_ref().map(Tls::reload) {
                None => {}
                Some(Ok(())) => say("certificate and key were read again"),
                Some(Err(why)) => say(&format!("error: the certificate stays as it was: {why}")),
            }
        }
    }

    /// Where somebody comes from that comes itself. `None`: it is a proxy, which sees to its own.
    fn network(&self, peer: Peer) -> Option<IpAddr> {
        match peer {
            Peer::At(address) => {
                let mut trusted = self.app.settings.trusted_proxies.iter();
                let is_trusted = trusted.any(|trusted| trusted.contains(address));
                (!is_trusted).then(|| network(address))
            }
            Peer::Proxy => None,
        }
    }

    async fn connection(
        &self,
        stream: Stream,
        peer: Peer,
        place: Arc<Place>,
        stopping: watch::Receiver<()>,
    ) {
        match &self.tls {
            None => self.serve(stream, peer, place, stopping).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(HEAD, tls.accept(stream)).await {
                    self.serve(stream, peer, place, stopping).await;
                }
            }
        }
    }

    async fn serve(
        &self,
        stream: Stream,
        peer: Peer,
        place: Arc<Place>,
        mut stopping: watch::Receiver<()>,
    ) {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let asked = place.asked();
            let mut request = request.map(|body| Body::new(Arriving::new(body, place.clone())));
            request.extensions_mut().insert(peer);
            let answer = router.call(request);
            async move {
                let _asked = asked;
                answer.await
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LONGEST)
            .serve_connection(TokioIo::new(Watched::new(stream)), service);
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return, // browsers hang up as they like
            () = sleep(WHOLE) => {}
            _ = stopping.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(TALK, connection).await;
    }
}
