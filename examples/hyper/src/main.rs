//! An instrumented hyper service with two routes, told by hand: hyper has no router.
//!
//! `cargo run -p example-hyper`, and in another terminal `curl http://127.0.0.1:8080/users/1`.

use std::convert::Infallible;
use std::error::Error;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use logfire_rs::current_request;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-hyper").finish()?;
    let service = logfire_rs::instrument_hyper(service_fn(answer));

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, peer) = tokio::select! {
            connection = listener.accept() => connection?,
            _ = ctrl_c() => break,
        };
        let service = service.clone().peer(peer);
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await
        });
    }
    logfire.shutdown()?;
    Ok(())
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let route = |template| {
        if let Some(span) = current_request() {
            span.set_route(template);
        }
    };
    let path = request.uri().path();
    if path == "/" {
        route("/");
        return Ok(Response::new("Hello world!".into()));
    }
    if let Some(user_id) = path.strip_prefix("/users/") {
        route("/users/{user_id}");
        return Ok(Response::new(format!("User {user_id}").into()));
    }
    let mut missing = Response::new("".into());
    *missing.status_mut() = StatusCode::NOT_FOUND;
    Ok(missing)
}
