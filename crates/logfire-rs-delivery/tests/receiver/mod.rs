//! A small HTTP receiver on a loopback port: it keeps what arrives and answers as the test says.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            arrived: Condvar::new(),
            answer: Box::new(answer),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.serve(&stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
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
            let (status, extra) = match (self.answer)(number) {
                Answer::Status(status) => (status, String::new()),
                Answer::RetryAfter(status, seconds) => {
                    (status, format!("Retry-After: {seconds}\r\n"))
                }
                Answer::Hang => {
                    std::thread::park();
                    return;
                }
                Answer::Cut => return,
            };
            let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n{extra}\r\n");
            if (&*stream).write_all(head.as_bytes()).is_err() {
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
