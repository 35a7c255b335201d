//! A small gRPC receiver on a loopback port: it keeps what arrives and answers as the test says.

#[path = "../tls/mod.rs"]
mod tls;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::Read,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

/// Listens until the test process ends.
pub(crate) struct GrpcReceiver {
    pub(crate) address: SocketAddr,
    /// The certificate in PEM, with TLS.
    pub(crate) certificate: Option<String>,
    shared: Arc<Shared>,
}

struct Shared {
    calls: Mutex<Vec<Call>>,
    arrived: Condvar,
    answer: Box<dyn Fn(usize) -> GrpcAnswer + Send + Sync>,
}

/// One call, its message as it was before compression.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) message: Vec<u8>,
    pub(crate) at: Instant,
}

#[derive(Clone, Debug)]
pub(crate) enum GrpcAnswer {
    /// A code of gRPC; 0 is success.
    Code(u16),
    /// Success with this message.
    Message(&'static [u8]),
    /// A code with `RetryInfo` of so many seconds.
    RetryAfter(u16, u8),
    /// The answer of something between that knows no gRPC.
    Http(u16),
    /// Never answers.
    Hang,
    /// Cuts the connection.
    Cut,
}

type Body = BoxBody<Bytes, Infallible>;

impl GrpcReceiver {
    /// Answers each call with success.
    pub(crate) fn start() -> Self {
        Self::answering(|_| GrpcAnswer::Code(0))
    }

    /// Answers the call number `n`, from zero, with `answer(n)`.
    pub(crate) fn answering(answer: impl Fn(usize) -> GrpcAnswer + Send + Sync + 'static) -> Self {
        Self::listen(answer, None)
    }

    /// Answers each call with success, over TLS with a certificate for `localhost` that nobody trusts.
    pub(crate) fn with_tls() -> Self {
        Self::over_tls(None)
    }

    /// The same, for clients that show this certificate.
    pub(crate) fn for_client(client: &rcgen::Certificate) -> Self {
        Self::over_tls(Some(client))
    }

    fn over_tls(client: Option<&rcgen::Certificate>) -> Self {
        let (mut config, certificate) = tls::server(client);
        config.alpn_protocols.push(b"h2".to_vec());
        let receiver = Self::listen(|_| GrpcAnswer::Code(0), Some(Arc::new(config).into()));
        Self { certificate: Some(certificate), ..receiver }
    }

    fn listen(
        answer: impl Fn(usize) -> GrpcAnswer + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            arrived: Condvar::new(),
            answer: Box::new(answer),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            // Only the sender is under test.
            let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(accept(listener, tls, serving));
        });
        Self { address, certificate: None, shared }
    }

    pub(crate) fn url(&self) -> String {
        match &self.certificate {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// Everything that has arrived so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Waits until `count` calls have arrived; the bound is only there so that a broken test ends.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Call> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut calls = self.shared.calls.lock().unwrap();
        while calls.len() < count && Instant::now() < deadline {
            calls = self.shared.arrived.wait_timeout(calls, Duration::from_secs(1)).unwrap().0;
        }
        calls.clone()
    }
}

async fn accept(listener: std::net::TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let service = service_fn(move |request| Arc::clone(&shared).answer(request));
            let server = http2::Builder::new(TokioExecutor::new());
            // A connection that is cut, or whose client does not trust it, is what some tests are about.
            let _ = match tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
                None => server.serve_connection(TokioIo::new(stream), service).await,
            };
        });
    }
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, std::io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let headers = head.headers.iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let call = Call {
            path: head.uri.path().to_owned(),
            headers: headers.collect(),
            message: message(&body),
            at: Instant::now(),
        };
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(call);
            self.arrived.notify_all();
            calls.len() - 1
        };
        match (self.answer)(number) {
            GrpcAnswer::Code(code) => Ok(with_status(code, None, b"")),
            GrpcAnswer::Message(message) => Ok(with_status(0, None, message)),
            GrpcAnswer::RetryAfter(code, seconds) => Ok(with_status(code, Some(seconds), b"")),
            GrpcAnswer::Http(status) => {
                Ok(Response::builder().status(status).body(Full::default().boxed()).unwrap())
            }
            GrpcAnswer::Hang => std::future::pending().await,
            // hyper resets the stream.
            GrpcAnswer::Cut => Err(std::io::ErrorKind::ConnectionReset.into()),
        }
    }
}

/// One byte says whether it is compressed, four how long it is.
fn message(body: &[u8]) -> Vec<u8> {
    let (prefix, message) = body.split_at(5);
    if prefix.first() == Some(&0) {
        return message.to_vec();
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(message).read_to_end(&mut plain).unwrap();
    plain
}

fn with_status(code: u16, retry_after: Option<u8>, message: &[u8]) -> Response<Body> {
    let code = tonic::Code::from(i32::from(code));
    let wait = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
    let status = match wait {
        Some(_) => Status::with_error_details(code, "", ErrorDetails::with_retry_info(wait)),
        None => Status::new(code, ""),
    };
    let trailers = status.into_http::<()>().into_parts().0.headers;
    // Not compressed, and its length.
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = Full::new(Bytes::from([&[0][..], &length, message].concat()));
    let body = body.with_trailers(std::future::ready(Some(Ok(trailers)))).boxed();
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}
