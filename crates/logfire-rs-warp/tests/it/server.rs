//! The server: the peer, and a graceful end.

use std::net::SocketAddr;

use logfire_rs_warp::{instrument_with, path, remote};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use warp::Filter;

use crate::Spans;

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.rsplit("\r\n").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_is_known_and_the_last_request_answered() {
    let spans = Spans::new();
    let (started, has_started) = oneshot::channel();
    let (go, may_go) = oneshot::channel();
    let slots = std::sync::Arc::new(std::sync::Mutex::new(Some((started, may_go))));
    let who = path!("who").and(warp::addr::remote()).and(remote()).map(
        |warps: Option<SocketAddr>, ours: Option<SocketAddr>| {
            format!("{} {}", warps.is_some(), ours.unwrap().ip())
        },
    );
    let slow = path!("slow").then(move || {
        let (started, may_go) = slots.lock().unwrap().take().unwrap();
        async move {
            started.send(()).unwrap();
            may_go.await.unwrap();
            "slow"
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = instrument_with(who.or(slow), spans.options()).serve(listener);
    let server = tokio::spawn(server.graceful(async { stopped.await.unwrap() }).run());

    // warp's own filter knows nothing under another server.
    assert_eq!(get(address, "/who").await, "false 127.0.0.1");
    let peer = spans.wait().await[0].attributes.clone();
    assert!(peer.iter().any(|it| it.key.as_str() == "network.peer.port"));

    let in_flight = tokio::spawn(get(address, "/slow"));
    has_started.await.unwrap();
    stop.send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(in_flight.await.unwrap(), "slow");
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
