//! The instruments of HTTP servers and clients.

use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

/// The boundaries that the conventions advise for requests, in seconds.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The conventions advise none for sizes, and the defaults of the SDK end at 10 kB.
const BYTES: [f64; 12] = [
    0.0,
    128.0,
    512.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The boundaries that the conventions advise for connections, in seconds.
const CONNECTION_SECONDS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Which side of the exchange is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Server,
    Client,
}

/// The instruments of one side.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    pub(crate) duration: Histogram<f64>,
    pub(crate) active_requests: UpDownCounter<i64>,
    pub(crate) body_sizes: Option<BodySizes>,
}

/// The opt-in instruments.
#[derive(Clone, Debug)]
pub(crate) struct BodySizes {
    pub(crate) request: Histogram<u64>,
    pub(crate) response: Histogram<u64>,
}

/// The instruments of a client's connections.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionMetrics {
    pub(crate) open: UpDownCounter<i64>,
    pub(crate) duration: Histogram<f64>,
}

impl ConnectionMetrics {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self {
            open: meter
                .i64_up_down_counter("http.client.open_connections")
                .with_unit("{connection}")
                .with_description(
                    "Number of outbound HTTP connections that are currently active or idle on the client.",
                )
                .build(),
            duration: meter
                .f64_histogram("http.client.connection.duration")
                .with_unit("s")
                .with_description(
                    "The duration of the successfully established outbound HTTP connections.",
                )
                .with_boundaries(CONNECTION_SECONDS.to_vec())
                .build(),
        }
    }
}

impl HttpMetrics {
    pub(crate) fn new(meter: &Meter, side: Side, body_sizes: bool) -> Self {
        let names = match side {
            Side::Server => &SERVER,
            Side::Client => &CLIENT,
        };
        let [duration, active_requests, request, response] = *names;
        Self {
            duration: meter
                .f64_histogram(duration.0)
                .with_unit("s")
                .with_description(duration.1)
                .with_boundaries(SECONDS.to_vec())
                .build(),
            active_requests: meter
                .i64_up_down_counter(active_requests.0)
                .with_unit("{request}")
                .with_description(active_requests.1)
                .build(),
            body_sizes: body_sizes.then(|| BodySizes {
                request: bytes(meter, request),
                response: bytes(meter, response),
            }),
        }
    }
}

/// Name and description, as the conventions have them.
type Name = (&'static str, &'static str);

pub(crate) const ACTIVE_SERVER_REQUESTS: &str = "http.server.active_requests";
pub(crate) const ACTIVE_CLIENT_REQUESTS: &str = "http.client.active_requests";

const SERVER: [Name; 4] = [
    ("http.server.request.duration", "Duration of HTTP server requests."),
    (ACTIVE_SERVER_REQUESTS, "Number of active HTTP server requests."),
    ("http.server.request.body.size", "Size of HTTP server request bodies."),
    ("http.server.response.body.size", "Size of HTTP server response bodies."),
];

const CLIENT: [Name; 4] = [
    ("http.client.request.duration", "Duration of HTTP client requests."),
    (ACTIVE_CLIENT_REQUESTS, "Number of active HTTP requests."),
    ("http.client.request.body.size", "Size of HTTP client request bodies."),
    ("http.client.response.body.size", "Size of HTTP client response bodies."),
];

fn bytes(meter: &Meter, (name, description): Name) -> Histogram<u64> {
    meter
        .u64_histogram(name)
        .with_unit("By")
        .with_description(description)
        .with_boundaries(BYTES.to_vec())
        .build()
}
