// SPDX-License-Identifier: GPL-3.0-or-later
//! Connections: their number, their time, and their end.

use std::net::{IpAddr, SocketAddr};
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::client::network;
use crate::places::Places;
use crate::visitor::Peer;
use crate::{App, pages, say};

/// Connections at once. Others wait before the door.
const MOST: usize = 512;
/// Those of one network that comes itself. A proxy sees to its own.
const OF_A_NETWORK: usize = 64;
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
    tls: Option<TlsAcceptor>,
    places: Places<IpAddr>,
}

/// Serves until it is told to stop, and then what was begun.
pub(crate) async fn run(app: Arc<App>, tls: Option<TlsAcceptor>) -> Result<(), String> {
    let address = app.settings.listen;
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(failed)?;
    say(&format!("listening on {address}"));
    let server = Arc::new(Server {
        router: pages::router(&app),
        app,
        tls,
        places: Places::default(),
    });
    let (stop, stopping) = watch::channel(());
    tokio::select! {
        () = server.accept(&listener, stopping) => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    drop(listener);
    let _ = stop.send(());
    let _ = timeout(LAST, stop.closed()).await;
    Ok(())
}

impl Server {
    async fn accept(self: &Arc<Self>, listener: &TcpListener, stopping: watch::Receiver<()>) {
        let room = Arc::new(Semaphore::new(MOST));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else {
                return;
            };
            let Ok((stream, peer)) = listener.accept().await else {
                // Out of descriptors, most likely: to try again at once would only spin.
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            let (server, stopping) = (self.clone(), stopping.clone());
            tokio::spawn(async move {
                let _permit = permit;
                server.connection(stream, peer, stopping).await;
            });
        }
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr, stopping: watch::Receiver<()>) {
        let peer = peer.ip().to_canonical();
        let network = network(peer);
        let is_proxy = |trusted: &pam_app_passwd::credential::Network| trusted.contains(peer);
        let is_trusted = self.app.settings.trusted_proxies.iter().any(is_proxy);
        if !is_trusted && self.places.of(&network) >= OF_A_NETWORK {
            return;
        }
        let _place = self.places.take(network);
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.serve(stream, peer, stopping).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(HEAD, tls.accept(stream)).await {
                    self.serve(stream, peer, stopping).await;
                }
            }
        }
    }

    async fn serve<S>(&self, stream: S, peer: IpAddr, mut stopping: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LONGEST)
            .serve_connection(TokioIo::new(stream), service);
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
