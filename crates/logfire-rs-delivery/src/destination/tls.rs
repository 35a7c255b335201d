//! Whom a destination trusts, and how it knows this program.

use std::sync::Arc;

use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use ureq::tls::{PemItem, parse_pem};

use super::{Destination, InvalidDestination};

/// The certificates and the key by which a server knows its clients, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) certificates: Arc<[u8]>,
    pub(crate) key: Arc<[u8]>,
}

impl Destination {
    /// Trusts the certificates in this PEM text for `https`, instead of those that web browsers trust.
    ///
    /// # Errors
    ///
    /// If there is no certificate in it, or something in it that is broken.
    ///
    /// ```
    /// # use logfire_rs_delivery::Destination;
    /// let error = Destination::new("https://localhost:4318")?.root_certificates("").unwrap_err();
    /// assert_eq!(error.to_string(), "there is no certificate in the PEM text");
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Result<Self, InvalidDestination> {
        let pem = pem.as_ref();
        let items: Result<Vec<_>, _> = parse_pem(pem).collect();
        let reason = match items {
            Ok(items) if items.iter().any(|it| matches!(it, PemItem::Certificate(_))) => None,
            Ok(_) => Some("there is no certificate in the PEM text"),
            Err(_) => Some("a part of the PEM text is broken"),
        };
        if let Some(reason) = reason {
            return Err(InvalidDestination(reason.to_owned()));
        }
        self.root_certificates = Some(pem.into());
        Ok(self)
    }

    /// Shows these certificates, of which the first is the client's own, to servers that ask who their clients are; with
    /// its private key. Both are PEM texts.
    ///
    /// # Errors
    ///
    /// If there is no certificate or no key in them, or if the key is that of another certificate.
    ///
    /// ```
    /// # use logfire_rs_delivery::Destination;
    /// let error = Destination::new("https://localhost:4318")?.client_certificate("", "").unwrap_err();
    /// assert_eq!(error.to_string(), "there is no certificate of a client in the PEM text");
    /// # Ok::<(), logfire_rs_delivery::InvalidDestination>(())
    /// ```
    pub fn client_certificate(
        mut self,
        certificates: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidDestination> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        let invalid = |reason: &str| InvalidDestination(reason.to_owned());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates).flatten().collect();
        if chain.is_empty() {
            return Err(invalid("there is no certificate of a client in the PEM text"));
        }
        let private = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| invalid("there is no private key in the PEM text"))?;
        // The clients would panic later.
        CertifiedKey::from_der(chain, private, &ring::default_provider())
            .map_err(|_| invalid("the private key is not that of the certificate"))?;
        self.identity = Some(Identity { certificates: certificates.into(), key: key.into() });
        Ok(self)
    }

    pub(crate) fn trusted(&self) -> Option<&[u8]> {
        self.root_certificates.as_deref()
    }

    pub(crate) const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}
