// SPDX-License-Identifier: GPL-3.0-or-later
//! TLS without a proxy: the only file that names `rustls`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::listener::Stream;
use crate::settings;

/// Certificate and key.
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    pub(crate) fn load(files: settings::Tls) -> Result<Self, String> {
        acceptor(&files).map(Self)
    }

    pub(crate) async fn accept(&self, stream: Stream) -> io::Result<Stream> {
        Ok(Box::new(self.0.accept(stream).await?))
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
