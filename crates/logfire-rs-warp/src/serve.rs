//! A server for instrumented filters, with warp's manners.

use std::fmt;
use std::future::{Future, IntoFuture, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use warp::{Filter, Reply};

use crate::InstrumentedFilter;
use crate::filters::Peer;

/// How long to wait after a connection could not be accepted: there may be too many open files.
const PAUSE: Duration = Duration::from_millis(50);

impl<F> InstrumentedFilter<F>
where
    F: Filter + Send + Sync + 'static,
    F::Extract: Reply + 'static,
{
    /// Serves on `address` for ever, as `warp::serve(filter).run(address)` does.
    ///
    /// # Panics
    ///
    /// If the address cannot be bound, as warp does.
    ///
    /// ```no_run
    /// # async fn example() {
    /// use warp::Filter;
    ///
    /// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
    /// logfire_rs_warp::instrument(hello).run(([127, 0, 0, 1], 8080)).await;
    /// # }
    /// ```
    pub async fn run(self, address: impl Into<SocketAddr>) {
        self.bind(address).await.run().await;
    }

    /// Binds `address`; the result is awaited, or told when to stop.
    ///
    /// # Panics
    ///
    /// If the address cannot be bound, as warp does.
    ///
    /// ```no_run
    /// # async fn example() {
    /// use warp::Filter;
    ///
    /// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
    /// let server = logfire_rs_warp::instrument(hello).bind(([127, 0, 0, 1], 8080)).await;
    /// server.await;
    /// # }
    /// ```
    #[expect(clippy::expect_used, reason = "warp panics here too, and has no other way to tell")]
    pub async fn bind(self, address: impl Into<SocketAddr>) -> Server<F> {
        let listener = TcpListener::bind(address.into()).await;
        self.serve(listener.expect("failed to bind to address"))
    }

    /// Serves on `listener`; the result is awaited, or told when to stop.
    ///
    /// ```no_run
    /// # async fn example() -> std::io::Result<()> {
    /// use tokio::net::TcpListener;
    /// use warp::Filter;
    ///
    /// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
    /// let listener = TcpListener::bind("127.0.0.1:8080").await?;
    /// let stop = async { std::future::pending::<()>().await };
    /// logfire_rs_warp::instrument(hello).serve(listener).graceful(stop).await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "a server does nothing until it is awaited"]
    pub fn serve(self, listener: TcpListener) -> Server<F> {
        Server { filter: self, listener, stop: Box::pin(pending()) }
    }
}

/// A server of an [`InstrumentedFilter`]; it runs when it is awaited.
#[must_use = "a server does nothing until it is awaited"]
pub struct Server<F: Filter> {
    filter: InstrumentedFilter<F>,
    listener: TcpListener,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<F: Filter> fmt::Debug for Server<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl<F> Server<F>
where
    F: Filter + Send + Sync + 'static,
    F::Extract: Reply + 'static,
{
    /// Stops when `signal` is ready: requests in flight are answered first. Never by default.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use warp::Filter;
    ///
    /// let hello = logfire_rs_warp::path!("hello").map(|| "hello");
    /// let server = logfire_rs_warp::instrument(hello).bind(([127, 0, 0, 1], 0)).await;
    /// let stop_at_once = async {};
    /// server.graceful(stop_at_once).await;
    /// # }
    /// ```
    pub fn graceful(self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { stop: Box::pin(signal), ..self }
    }

    /// Serves until it is told to stop; the same as to await the server.
    pub async fn run(self) {
        let Self { filter, listener, mut stop } = self;
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => connect(filter.clone(), stream, peer, &graceful),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

impl<F> IntoFuture for Server<F>
where
    F: Filter + Send + Sync + 'static,
    F::Extract: Reply + 'static,
{
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

fn connect<F>(
    filter: InstrumentedFilter<F>,
    stream: TcpStream,
    peer: SocketAddr,
    graceful: &GracefulShutdown,
) where
    F: Filter + Send + Sync + 'static,
    F::Extract: Reply + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        filter.answer(request)
    });
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        let builder = auto::Builder::new(TokioExecutor::new());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        // What fails on a connection is the client's business.
        let _ = watcher.watch(connection.into_owned()).await;
    });
}
