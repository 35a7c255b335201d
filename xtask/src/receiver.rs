//! A small HTTP receiver: unlike a collector it shows the headers, among them the token.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::Result;

/// Listens until the process ends.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
}

/// One request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Post {
    pub(crate) path: String,
    /// With names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

impl Receiver {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let posts = Arc::new(Mutex::default());
        let received = Arc::clone(&posts);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let posts = Arc::clone(&received);
                thread::spawn(move || serve(&stream, &posts));
            }
        });
        Ok(Self { address, posts })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers one connection; a client that breaks off is none of ours.
fn serve(stream: &TcpStream, posts: &Mutex<Vec<Post>>) {
    let mut reader = BufReader::new(stream);
    while let Some(post) = read(&mut reader) {
        posts.lock().unwrap_or_else(PoisonError::into_inner).push(post);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if (&*stream).write_all(answer).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Post> {
    let line = read_line(reader)?;
    let mut post = Post { path: line.split(' ').nth(1)?.to_owned(), ..Post::default() };
    while let Some(line) = read_line(reader).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        post.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = post.header("content-length").map_or(Some(0), |it| it.parse().ok())?;
    post.body = vec![0; length];
    reader.read_exact(&mut post.body).ok()?;
    Some(post)
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let length = reader.read_line(&mut line).ok()?;
    (length > 0).then(|| line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_read_with_its_headers() {
        let mut request: &[u8] =
            b"POST /v1/traces HTTP/1.1\r\nAuthorization: a\r\nContent-Length: 2\r\n\r\n{}";
        let post = read(&mut request).unwrap();
        assert_eq!((post.path.as_str(), post.header("authorization")), ("/v1/traces", Some("a")));
        assert_eq!(post.body, b"{}");
        assert!(read(&mut request).is_none());
        let mut request: &[u8] = b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n";
        assert_eq!(read(&mut request).unwrap().path, "/a");
    }
}
