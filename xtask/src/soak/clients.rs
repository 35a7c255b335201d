//! Clients that behave, and clients that do not.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// For an answer; a service that needs longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// Below what each framework takes by default.
const LARGE: usize = 200 * 1024;
/// A client asks no more often than that.
const PAUSE: Duration = Duration::from_millis(10);

/// How often each route was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) certainly: Vec<(&'static str, u64)>,
    /// The service may not have seen a request whose client left at once.
    pub(super) perhaps: Vec<(&'static str, u64)>,
}

impl Asked {
    pub(super) fn add(&mut self, other: Self) {
        self.certainly.extend(other.certainly);
        self.perhaps.extend(other.perhaps);
    }

    /// Each route with the least and the most that its count may be.
    pub(super) fn routes(&self) -> BTreeMap<&'static str, (u64, u64)> {
        let mut routes: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for (route, count) in &self.certainly {
            let (at_least, at_most) = routes.entry(*route).or_default();
            *at_least += count;
            *at_most += count;
        }
        for (route, count) in &self.perhaps {
            routes.entry(*route).or_default().1 += count;
            // A client may have left before anyone looked for its route.
            routes.entry("").or_default().1 += count;
        }
        routes
    }
}

/// What a client does, and how it goes on.
#[derive(Clone, Copy, Debug)]
struct Errand {
    route: &'static str,
    target: &'static str,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Reads the answer, however it ends.
    Read,
    /// Asks several times on one connection.
    KeepAlive,
    /// Sends a large body, and reads it back.
    Post,
    /// Leaves in the middle of its own body.
    BreakOff,
    /// Leaves after a while, without an answer.
    GiveUp,
    /// Leaves in the middle of the answer.
    Leave,
}

const ERRANDS: &[Errand] = &[
    Errand { route: "/", target: "/", way: Way::KeepAlive },
    Errand {
        route: "/users/{id}",
        target: "/users/7?token=secret&sig=secret",
        way: Way::KeepAlive,
    },
    Errand { route: "/api/v1/items/{id}", target: "/api/v1/items/7", way: Way::Read },
    Errand { route: "", target: "/nothing/here", way: Way::Read },
    Errand { route: "/fail", target: "/fail", way: Way::Read },
    Errand { route: "/error", target: "/error", way: Way::Read },
    Errand { route: "/panic", target: "/panic", way: Way::Read },
    Errand { route: "/stream", target: "/stream", way: Way::Read },
    Errand { route: "/broken", target: "/broken", way: Way::Read },
    Errand { route: "/panicking-body", target: "/panicking-body", way: Way::Read },
    Errand { route: "/events", target: "/events", way: Way::Read },
    Errand { route: "/empty", target: "/empty", way: Way::KeepAlive },
    Errand { route: "/headers", target: "/headers", way: Way::KeepAlive },
    Errand { route: "/echo", target: "/echo", way: Way::Post },
    Errand { route: "/echo", target: "/echo", way: Way::BreakOff },
    Errand { route: "/slow", target: "/slow", way: Way::GiveUp },
    Errand { route: "/endless", target: "/endless", way: Way::Leave },
];

/// Asks one thing after the other until it is time.
pub(super) fn ask(address: SocketAddr, seed: usize, until: Instant) -> Asked {
    let mut counts = BTreeMap::new();
    let mut turn = seed * 3;
    while Instant::now() < until {
        let errand = ERRANDS.get(turn % ERRANDS.len());
        turn += 1;
        if let Some(errand) = errand {
            // A client that never got through has asked nothing.
            let Ok(stream) = TcpStream::connect(address) else { continue };
            let times = run(errand, stream);
            let is_certain = !matches!(errand.way, Way::BreakOff | Way::GiveUp);
            *counts.entry((errand.route, is_certain)).or_default() += times;
        }
        thread::sleep(PAUSE);
    }
    let of = |certain: bool| {
        let counts = counts.iter().filter(|((_, is_certain), _)| *is_certain == certain);
        counts.map(|((route, _), count)| (*route, *count)).collect()
    };
    Asked { certainly: of(true), perhaps: of(false) }
}

/// How many requests it has sent.
fn run(errand: &Errand, mut stream: TcpStream) -> u64 {
    let Errand { target, way, .. } = errand;
    let _ = stream.set_read_timeout(Some(LIMIT));
    let close = "Connection: close\r\n";
    // What becomes of the connection is the service's business; that it was asked is known.
    let _ = match way {
        Way::Read => get(&mut stream, target, close).and_then(|()| read_all(&mut stream)),
        Way::KeepAlive => {
            let several = (0..9).try_for_each(|_| get(&mut stream, target, ""));
            let _ = several.and_then(|()| get(&mut stream, target, close));
            let _ = read_all(&mut stream);
            return 10;
        }
        Way::Post => {
            let body = vec![b'x'; LARGE];
            post(&mut stream, LARGE, &body).and_then(|()| read_all(&mut stream))
        }
        Way::BreakOff => post(&mut stream, LARGE, b"only this"),
        Way::GiveUp => {
            thread::sleep(Duration::from_millis(5));
            get(&mut stream, target, "").map(|()| thread::sleep(Duration::from_millis(30)))
        }
        Way::Leave => {
            let mut first = [0; 1024];
            get(&mut stream, target, "").and_then(|()| stream.read_exact(&mut first))
        }
    };
    1
}

fn get(stream: &mut TcpStream, target: &str, more: &str) -> io::Result<()> {
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: soak.example\r\nAuthorization: Bearer secret\r\n{more}\r\n"
    );
    stream.write_all(head.as_bytes())
}

fn post(stream: &mut TcpStream, length: usize, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: soak.example\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

fn read_all(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_asked_at_least_and_at_most_so_often() {
        let mut asked =
            Asked { certainly: vec![("/", 1), ("/echo", 2)], perhaps: vec![("/echo", 4)] };
        asked.add(Asked { certainly: vec![("/", 8)], perhaps: vec![("/slow", 16)] });
        let expected = [("", (0, 20)), ("/", (9, 9)), ("/echo", (2, 6)), ("/slow", (0, 16))];
        assert_eq!(asked.routes(), expected.into());
    }

    #[test]
    fn every_route_of_the_site_is_asked() {
        let site = include_str!("../../../crates/logfire-rs-conformance/src/site.rs");
        let routes = site.lines().filter_map(|line| line.split('`').nth(1));
        let routes = routes.filter_map(|it| it.split_once(' ')).filter(|it| it.1.starts_with('/'));
        // A 304 is a 204 in this respect.
        let missing: Vec<_> = routes
            .map(|it| it.1)
            .filter(|route| {
                *route != "/not-modified" && ERRANDS.iter().all(|it| it.route != *route)
            })
            .collect();
        assert_eq!(missing, [""; 0]);
    }
}
