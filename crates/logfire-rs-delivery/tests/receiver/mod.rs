//! A small HTTP receiver on a loopback port: it keeps what arrives and answers as the test says.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, Weak},
    time::{Duration, Instant},
};

/// Listens until the test process ends.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    arrived: Condvar,
    answer: Box<dyn Fn(usize) -> Answer + Send + Sync>,
    /// The connections; none once it has stopped.
    open: Mutex<Option<Vec<Weak<TcpStream>>>>,
}

/// One request, its body as it was before compression.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    RetryAfter(u16, u64),
    /// `200` with a body of this type.
    Body(&'static str, &'static [u8]),
    /// Never answers.
    Hang,
    /// Cuts the connection.
    Cut,
}

impl Receiver {
    /// Answers each request with `200`.
    pub(crate) fn start() -> Self {
        Self::answering(|_| Answer::Status(200))
    }

    /// Answers the request number `n`, from zero, with `answer(n)`.
    pub(crate) fn answering(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    /// Answers each request with `200`, where another one has stopped.
    pub(crate) fn again(address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).unwrap(), |_| Answer::Status(200))
    }

    fn listen(
        listener: TcpListener,
        answer: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            arrived: Condvar::new(),
            answer: Box::new(answer),
            open: Mutex::new(Some(Vec::new())),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (Arc::new(stream.unwrap()), Arc::clone(&accepting));
                match &mut *shared.open.lock().unwrap() {
                    Some(open) => open.push(Arc::downgrade(&stream)),
                    None => return,
                }
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and all connections, as the end of its process would.
    pub(crate) fn stop(&self) {
        let open = self.shared.open.lock().unwrap().take();
        for stream in open.into_iter().flatten().filter_map(|stream| stream.upgrade()) {
            // The other side may have closed it.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The thread that accepts sees that it is over, and drops the listener.
        let _ = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Everything that has arrived so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Waits until `count` requests have arrived; the bound is only there so that a broken test ends.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut received = self.shared.received.lock().unwrap();
        while received.len() < count && Instant::now() < deadline {
            received =
                self.shared.arrived.wait_timeout(received, Duration::from_secs(1)).unwrap().0;
        }
        received.clone()
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let number = {
                let mut received = self.received.lock().unwrap();
                received.push(request);
                self.arrived.notify_all();
                received.len() - 1
            };
            let (status, extra, body) = match (self.answer)(number) {
                Answer::Status(status) => (status, String::new(), &b""[..]),
                Answer::RetryAfter(status, seconds) => {
                    (status, format!("Retry-After: {seconds}\r\n"), &b""[..])
                }
                Answer::Body(content_type, body) => {
                    (200, format!("Content-Type: {content_type}\r\n"), body)
                }
                Answer::Hang => {
                    std::thread::park();
                    return;
                }
                Answer::Cut => return,
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n{extra}\r\n");
            if (&*stream).write_all(&[head.as_bytes(), body].concat()).is_err() {
                return;
            }
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Received> {
    let line = read_line(reader)?;
    let mut headers = BTreeMap::new();
    while let Some(line) = read_line(reader).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    Some(Received { line, headers, body, at: Instant::now() })
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let length = reader.read_line(&mut line).ok()?;
    (length > 0).then(|| line.trim_end().to_owned())
}
