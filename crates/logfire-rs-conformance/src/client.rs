//! A client that sends bytes, and leaves when it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Site;

/// When the client hangs up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leave {
    /// When the answer is complete.
    #[default]
    AtTheEnd,
    /// When the handler has started.
    BeforeTheHead,
    /// When this many bytes were received.
    After(usize),
}

/// What the client received.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The bytes, as text.
    pub text: String,
}

impl Reply {
    /// The status code; 0 if there was no answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends `request` as it is and reads the answer until the server closes the connection.
///
/// # Panics
///
/// If the connection cannot be made, or nothing happens for a minute.
pub async fn exchange(address: SocketAddr, site: &Site, request: &[u8], leave: Leave) -> Reply {
    let work = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut received = Vec::new();
        match leave {
            Leave::AtTheEnd => {
                // A server that panics resets the connection; what came before counts.
                let _ = stream.read_to_end(&mut received).await;
            }
            Leave::BeforeTheHead => site.started.notified().await,
            Leave::After(bytes) => {
                let mut buffer = [0; 1024];
                while received.len() < bytes {
                    let read = stream.read(&mut buffer).await.unwrap();
                    assert!(read > 0, "the server closed the connection");
                    received.extend_from_slice(&buffer[..read]);
                }
            }
        }
        Reply { text: String::from_utf8_lossy(&received).into_owned() }
    };
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("no end of the exchange")
}

/// Sends a request without a body over HTTP/2, and resets the stream when the client is to leave.
///
/// # Panics
///
/// If the connection cannot be made, or nothing happens for a minute.
pub async fn exchange_http2(
    address: SocketAddr,
    site: &Site,
    method: &str,
    path: &str,
    leave: Leave,
) -> Reply {
    let work = async {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let uri = format!("http://site.example:8080{path}");
        let request = Request::builder().method(method).uri(uri).header("user-agent", "tests");
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
        let mut reply = Reply::default();
        if leave == Leave::BeforeTheHead {
            tokio::pin!(response);
            tokio::select! {
                _ = &mut response => panic!("there was an answer"),
                () = site.started.notified() => {}
            }
        } else if let Ok(response) = response.await {
            reply.text = format!("HTTP/2 {} ", response.status().as_u16());
            let mut body = response.into_body();
            let mut received = 0;
            while let Some(Ok(frame)) = body.frame().await {
                received += frame.data_ref().map_or(0, Bytes::len);
                if matches!(leave, Leave::After(bytes) if received >= bytes) {
                    break;
                }
            }
        }
        // The stream is reset, the connection goes on until the server has seen it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        connection.abort();
        reply
    };
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("no end of the exchange")
}
