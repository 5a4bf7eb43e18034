// SPDX-License-Identifier: GPL-3.0-or-later
//! TLS without a proxy: the only file that names `rustls`.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::listener::Stream;
use crate::settings;

/// Certificate and key, as they were when they could be used last.
pub(crate) struct Tls {
    files: settings::Tls,
    acceptor: Mutex<TlsAcceptor>,
}

impl Tls {
    pub(crate) fn load(files: settings::Tls) -> Result<Self, String> {
        let acceptor = Mutex::new(acceptor(&files)?);
        Ok(Self { files, acceptor })
    }

    /// Reads them again, for whoever comes from now on. If they cannot be used, those that there were stay.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let new = acceptor(&self.files)?;
        self.with(|acceptor| *acceptor = new);
        Ok(())
    }

    pub(crate) async fn accept(&self, stream: Stream) -> io::Result<Stream> {
        let acceptor = self.with(|acceptor| acceptor.clone());
        Ok(Box::new(acceptor.accept(stream).await?))
    }

    fn with<T>(&self, look: impl FnOnce(&mut TlsAcceptor) -> T) -> T {
        look(&mut self.acceptor.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn acceptor(files: &settings::Tls) -> Result<TlsAcceptor, String> {
    let settings::Tls { certificate, key } = files;
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(|error| wrong(certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
