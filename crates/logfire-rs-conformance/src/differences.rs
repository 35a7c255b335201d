//! Where a front end does not record what the others do, and why.

/// What one front end records otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// The name of the front end.
    pub front_end: &'static str,
    /// The name of the exchange.
    pub exchange: &'static str,
    /// What it records: the text of spans and metrics, without white space around it.
    pub instead: &'static str,
    /// Why it cannot be, or should not be, as elsewhere.
    pub reason: &'static str,
}

/// Every known difference; any other one is a fault.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        front_end: "actix-web",
        exchange: "Host: a\r\nHost: b\r\n",
        instead: "",
        reason: "actix-http answers a request with two hosts itself, with 400, as RFC 9112 asks; \
                 the application never sees it",
    },
    Difference {
        front_end: "actix-web",
        exchange: "HTTP/2 GET /slow BeforeTheHead",
        instead: "http.server.active_requests{http.request.method=GET, url.scheme=http} = 1",
        reason: "actix-http lets the handler of a stream that was reset run to its end; this one \
                 has none, and until then the request is active",
    },
];

/// What `front_end` does otherwise in `exchange`.
#[must_use]
pub fn difference(front_end: &str, exchange: &str) -> Option<&'static Difference> {
    DIFFERENCES.iter().find(|it| it.front_end == front_end && it.exchange == exchange)
}
