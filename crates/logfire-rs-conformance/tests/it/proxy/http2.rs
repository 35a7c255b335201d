//! The mounts over HTTP/2 without TLS, as a proxy in front of the server may speak it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::mounts::MOUNTS;
use super::receiver::Receiver;
use super::{LONG, TRACES, proxy, serve};

type Chunks = BoxBody<Bytes, std::convert::Infallible>;

/// A body of chunks of ten bytes, as many as this says, that has no end.
struct Endless(u8);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.0 == 0 {
            return Poll::Pending;
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"0123456789")))))
    }
}

/// Sends one request on a connection of its own; status, one header of the answer, and body.
async fn send(address: SocketAddr, request: Request<Chunks>, header: &str) -> String {
    let exchange = async {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        let value = head.headers.get(header).map_or("", |it| it.to_str().unwrap());
        format!("{} {value} {}", head.status.as_u16(), String::from_utf8_lossy(&body))
    };
    tokio::time::timeout(LONG, exchange).await.unwrap()
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Chunks) -> Request<Chunks> {
    let uri = format!("http://shop.example{path}");
    let mut request = Request::builder().method(method).uri(uri).body(body).unwrap();
    let json = ("content-type", "application/json");
    for (name, value) in [json].iter().chain(headers) {
        let name = http::HeaderName::try_from(*name).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

fn whole(text: &'static str) -> Chunks {
    Full::from(text).boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_over_http2_is_judged_alike() {
    const KIND: &str = "content-type";
    let refused = "400 text/plain Invalid path: must be /v1/traces, /v1/logs, or /v1/metrics";
    let receiver = Receiver::start();
    for mount in MOUNTS {
        let proxy = proxy(&receiver).max_body_size(64);
        let proxy = proxy.allowed_origins(["https://pages.example"]);
        let address = serve(mount, &proxy).await;
        let name = mount.name;
        let sent = async |method, path, headers: &[_], body, header| {
            send(address, request(method, path, headers, body), header).await
        };
        let coded: &[_] = &[("content-encoding", "br"), ("cookie", "a=b"), ("cookie", "c=d")];
        let posted = sent("POST", TRACES, coded, whole("compressed"), KIND).await;
        assert_eq!(posted, "200 application/json {}", "{name}");
        let large = sent("POST", TRACES, &[], Full::from(vec![0; 65]).boxed(), KIND).await;
        assert_eq!(large, "413 text/plain Payload too large", "{name}");
        let endless = sent("POST", TRACES, &[], Endless(7).boxed(), KIND).await;
        assert_eq!(endless, "413 text/plain Payload too large", "{name}");
        let elsewhere = sent("POST", "/logfire-proxy/v1/x", &[], whole("{}"), KIND).await;
        assert_eq!(elsewhere, refused, "{name}");
        let read = sent("GET", TRACES, &[], whole(""), "allow").await;
        assert_eq!(read, "405 POST, OPTIONS Method Not Allowed", "{name}");
        let preflight: &[_] =
            &[("origin", "https://pages.example"), ("access-control-request-method", "POST")];
        let allowed = sent("OPTIONS", TRACES, preflight, whole(""), "vary").await;
        assert_eq!(allowed, "204 Origin ", "{name}");
        let evil: &[_] = &[("origin", "https://evil.example")];
        let forbidden = sent("POST", TRACES, evil, whole("{}"), KIND).await;
        assert_eq!(forbidden, "403 text/plain Origin not allowed", "{name}");
        // Its own pages may post: HTTP/2 has no `Host`, but an authority.
        let own: &[_] = &[("origin", "http://shop.example")];
        let own = sent("POST", TRACES, own, whole("own page"), KIND).await;
        assert_eq!(own, "200 application/json {}", "{name}");
        proxy.shutdown(LONG).unwrap();
    }
    let received = receiver.received();
    let arrived = received.iter().map(|it| {
        let of = |name: &str| it.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        assert_eq!((of("authorization"), of("cookie")), (Some("server-token"), None));
        (of("content-encoding"), std::str::from_utf8(&it.body).unwrap())
    });
    let expected = MOUNTS.iter().flat_map(|_| [(Some("br"), "compressed"), (None, "own page")]);
    assert_eq!(arrived.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
