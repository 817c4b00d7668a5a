//! TLS for the devices, when a certificate is configured.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::TlsConfig;

/// Why TLS cannot be served. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or holds no PEM of the right kind.
    #[error("{key} cannot be read as PEM")]
    File {
        /// The key that names the file.
        key: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Certificate and key do not go together.
    #[error("the certificate and its key cannot be used")]
    Pair(#[source] rustls::Error),
}

/// Prepares handshakes.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, TlsError> {
    let unreadable = |key| {
        move |error| TlsError::File {
            key,
            source: io::Error::other(error),
        }
    };
    let chain = CertificateDer::pem_file_iter(&config.certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("tls.certificate_file"))?;
    let key = PrivateKeyDer::from_pem_file(&config.key_file).map_err(unreadable("tls.key_file"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Pair)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}
