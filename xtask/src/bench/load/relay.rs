//! A slow network: what the other side answers comes later.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::Result;

/// A relay, which ends with this value.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Relay {
    /// Relays connections to `upstream`, and keeps each part of an answer back for `delay`.
    pub(super) fn start(upstream: SocketAddr, delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let has_ended = Arc::clone(&ended);
        thread::spawn(move || {
            for client in listener.incoming().map_while(io::Result::ok) {
                if has_ended.load(Ordering::Acquire) {
                    return;
                }
                thread::spawn(move || {
                    // A connection that breaks is a connection that breaks for the client, too.
                    let _ = relay(&client, upstream, delay);
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Ok(Self { address, ended })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the thread that listens; if nobody does any more, there is nothing to wake.
        let _ = TcpStream::connect(self.address);
    }
}

fn relay(client: &TcpStream, upstream: SocketAddr, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect(upstream)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let mut buffer = [0; 8192];
    loop {
        let count = from_server.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        thread::sleep(delay);
        to_client.write_all(buffer.get(..count).unwrap_or_default())?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn an_answer_arrives_later() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let relay = Relay::start(server.local_addr().unwrap(), Duration::from_millis(50)).unwrap();
        let echo = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut question = [0; 3];
            stream.read_exact(&mut question).unwrap();
            stream.write_all(&question).unwrap();
        });
        let started = Instant::now();
        let mut client = TcpStream::connect(relay.address()).unwrap();
        client.write_all(b"abc").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "abc");
        assert!(started.elapsed() >= Duration::from_millis(50));
        echo.join().unwrap();
    }
}
