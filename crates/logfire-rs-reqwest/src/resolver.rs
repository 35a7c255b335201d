//! Name resolution: the resolver of the system, and a resolver whose lookups are recorded.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::client::legacy::connect::dns::GaiResolver;
use logfire_rs_core::HttpClientInstrumenter;
use opentelemetry::trace::FutureExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_service::Service;

use crate::error_type;

/// The resolver of the operating system, which reqwest uses unless it is told otherwise.
///
/// ```
/// use logfire_rs_reqwest::{HttpClientOptions, SystemResolver};
///
/// # fn example() -> reqwest::Result<()> {
/// let options = HttpClientOptions::default();
/// let client = logfire_rs_reqwest::instrument_builder(reqwest::Client::builder(), options)
///     .dns(SystemResolver)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = GaiResolver::new().call(name.as_str().parse()?).await?;
            let addresses: Vec<SocketAddr> = addresses.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A resolver that others have too.
pub(crate) struct Shared<R: ?Sized>(pub(crate) Arc<R>);

impl<R: Resolve + ?Sized> Resolve for Shared<R> {
    fn resolve(&self, name: Name) -> Resolving {
        self.0.resolve(name)
    }
}

/// A resolver whose lookups are recorded.
pub(crate) struct Recorded<R> {
    pub(crate) inner: R,
    pub(crate) instrumenter: HttpClientInstrumenter,
}

impl<R: Resolve> Resolve for Recorded<R> {
    fn resolve(&self, name: Name) -> Resolving {
        let Some(mut span) = self.instrumenter.lookup(name.as_str()) else {
            return self.inner.resolve(name);
        };
        let lookup = self.inner.resolve(name).with_context(span.context().clone());
        Box::pin(async move {
            match lookup.await {
                Ok(addresses) => {
                    let addresses: Vec<SocketAddr> = addresses.collect();
                    span.answered(addresses.iter().map(SocketAddr::ip));
                    Ok(Box::new(addresses.into_iter()) as Addrs)
                }
                Err(error) => {
                    let word = error_type::of_resolving(error.as_ref());
                    span.failed(word, &error_type::WithoutUrls(error.as_ref()));
                    Err(error)
                }
            }
        })
    }
}
