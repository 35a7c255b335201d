//! Servers on the loopback interface, good and bad.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{Redirect, Response};
use axum::routing::{any, get, post};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// An HTTP server that remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let app = Router::new()
            .route("/", any(|| async { "hello" }))
            .route("/echo", post(|body: String| async { body }))
            .route("/json", post(|body: axum::Json<serde_json::Value>| async { body }))
            .route("/status/{code}", any(status))
            .route("/headers", get(headers))
            .route("/slow", get(slow))
            .route("/stream", get(stream))
            .route("/events", get(events))
            .route("/upgrade", get(upgrade))
            .route("/broken", get(broken))
            .route("/temporary", any(|| async { Redirect::temporary("/permanent") }))
            .route("/permanent", any(|| async { Redirect::permanent("/echo") }))
            .route("/away/{port}", any(away))
            .route("/hop/away/{port}", any(hop))
            .route("/ring/{to}/{back}", any(ring))
            .route("/to-root", any(|| async { Redirect::to("/?b=2") }))
            .route("/loop", any(|| async { Redirect::temporary("/loop") }))
            .layer(middleware::from_fn_with_state(Arc::clone(&seen), remember));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests since it was asked last.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn remember(
    State(seen): State<Arc<Mutex<Vec<Seen>>>>,
    request: Request,
    next: Next,
) -> Response {
    seen.lock().unwrap().push(Seen {
        method: request.method().to_string(),
        uri: request.uri().to_string(),
        headers: request.headers().clone(),
    });
    next.run(request).await
}

async fn status(Path(code): Path<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

/// To another server, to the path that the query names.
async fn away(Path(port): Path<u16>, uri: Uri) -> Redirect {
    let to = uri.query().and_then(|it| it.strip_prefix("to=")).unwrap_or("/");
    Redirect::to(&format!("http://127.0.0.1:{port}{to}"))
}

/// To another server, which redirects back, without an end.
async fn ring(Path((to, back)): Path<(u16, u16)>) -> Redirect {
    Redirect::to(&format!("http://127.0.0.1:{to}/ring/{back}/{to}"))
}

async fn hop(Path(port): Path<u16>) -> Redirect {
    Redirect::to(&format!("/away/{port}"))
}

async fn headers() -> Response {
    Response::builder()
        .header("x-one", "1")
        .header("x-two", "value1")
        .header("x-two", "value2")
        .header("set-cookie", "session=s3cret")
        .header("x-secret", "s3cret")
        .header("server", "axum")
        .body(Body::empty())
        .unwrap()
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(30)).await;
    "late"
}

/// A body that breaks off.
async fn broken() -> Body {
    let parts = [Ok("ab"), Err(std::io::Error::other("broken"))];
    let parts = futures_util::stream::iter(parts).then(|it| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        it
    });
    Body::from_stream(parts)
}

/// Four chunks, 20 ms apart.
async fn stream() -> Response {
    let chunks = futures_util::stream::unfold(0, |i| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        (i < 4).then(|| (Ok::<_, std::io::Error>(format!("chunk{i};")), i + 1))
    });
    Response::builder()
        .header("content-type", "text/plain; charset=utf-8")
        .body(Body::from_stream(chunks))
        .unwrap()
}

async fn events() -> Response {
    let body =
        Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("data: 1\n\n")]));
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

async fn upgrade(mut request: Request) -> Response {
    let upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>().unwrap();
    tokio::spawn(async move {
        let mut socket = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
        socket.write_all(b"hi").await.unwrap();
    });
    Response::builder()
        .status(101)
        .header("connection", "upgrade")
        .header("upgrade", "test")
        .body(Body::empty())
        .unwrap()
}

/// Answers each connection with `answer`, and then closes it, or keeps it open if it is to `hang`.
pub(crate) async fn raw(answer: &'static [u8], hang: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(answer).await;
                if hang {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    format!("http://{address}/?sig=s3cret")
}

/// Answers over HTTP/2 with a head and a part of the body, and then closes without a word.
pub(crate) async fn http2_that_breaks_off() -> String {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const STATUS_200: [u8; 10] = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    const DATA: [u8; 11] = [0, 0, 2, 0, 0, 0, 0, 0, 1, b'a', b'b'];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        socket.write_all(&[&SETTINGS[..], &STATUS_200, &DATA].concat()).await.unwrap();
        socket.shutdown().await.unwrap();
        // What is unread would make a reset of the close.
        while socket.read(&mut [0; 4096]).await.is_ok_and(|it| it > 0) {}
    });
    format!("http://{address}/")
}

/// A server with a certificate that it made itself; the URL, and the certificate.
pub(crate) async fn self_signed() -> (String, reqwest::Certificate) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = reqwest::Certificate::from_der(made.cert.der()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.into()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/?sig=s3cret", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
                let _ = socket.flush().await;
            });
        }
    });
    (url, certificate)
}

/// Resets each connection.
pub(crate) async fn reset() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            // Closed with something unsent and no time to linger, it is reset.
            let _ = socket.set_zero_linger();
        }
    });
    format!("http://{address}/?sig=s3cret")
}

/// A port that nobody listens on.
pub(crate) fn refused() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/?sig=s3cret", listener.local_addr().unwrap())
}
