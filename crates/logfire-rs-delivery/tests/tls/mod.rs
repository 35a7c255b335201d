//! A server over TLS, with a certificate for `localhost` that it made itself.

use std::sync::Arc;

use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer,
    server::WebPkiClientVerifier,
};

/// Its settings, and its certificate in PEM. It asks for the certificate `client`, if there is one.
pub(crate) fn server(client: Option<&rcgen::Certificate>) -> (ServerConfig, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match client {
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.der().clone()).unwrap();
            let clients =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(clients.unwrap())
        }
        None => config.with_no_client_auth(),
    };
    let config = config.with_single_cert(vec![cert.der().clone()], key.into()).unwrap();
    (config, cert.pem())
}
