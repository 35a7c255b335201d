//! Servers that run until the runtime of the test ends.

use std::error::Error;
use std::net::SocketAddr;

use actix_web::dev::{Server, ServerHandle};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

/// A listener on a free port of the loopback interface, and its address.
///
/// # Panics
///
/// If there is none.
pub async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves each connection with the service that `service` makes for its other end.
pub fn serve_hyper<S, B>(listener: TcpListener, service: impl Fn(SocketAddr) -> S + Send + 'static)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let service = service(peer);
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            });
        }
    });
}

/// Runs a server of actix-web, whose workers are threads of its own.
pub fn run_actix_web(server: Server) {
    let stop = Stop(server.handle());
    tokio::spawn(async move {
        let _stop = stop;
        server.await
    });
}

/// Ends the threads of the server with the runtime of the test.
struct Stop(ServerHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        drop(self.0.stop(false));
    }
}
