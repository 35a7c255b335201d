//! Destinations and OTLP delivery for `logfire-rs`: where telemetry goes, and a thread that takes it there.
//!
//! A [`Destination`] is a base URL with headers and a timeout; [`Destination::logfire`] makes one from a Logfire
//! token. A [`Delivery`] is a bounded queue with a thread that posts what it is given, retries what is worth
//! retrying, and never blocks the caller. Nothing here knows spans, metrics or an async runtime: the bodies are
//! bytes, so that `logfire-rs-sdk` and `logfire-rs-proxy` share the same way out.
//!
//! ```
//! use std::{io::{BufRead, BufReader, Write}, net::TcpListener, time::Duration};
//! use logfire_rs_delivery::{Delivery, DeliveryOptions, Destination, Export};
//!
//! // A receiver that answers `200` to one request.
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let base_url = format!("http://{}", listener.local_addr()?);
//! let receiver = std::thread::spawn(move || {
//!     let (mut stream, _) = listener.accept().unwrap();
//!     let mut line = String::new();
//!     BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
//!     stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
//!     line
//! });
//!
//! let delivery = Delivery::start(Destination::new(&base_url)?, DeliveryOptions::default())?;
//! delivery.submit(Export::new("/v1/traces", "application/x-protobuf", b"\x0a\x00".as_slice()))?;
//! delivery.shutdown(Duration::from_secs(5))?;
//! assert_eq!(receiver.join().unwrap(), "POST /v1/traces HTTP/1.1\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Crate features
//!
//! - **`grpc`**: destinations that speak gRPC, by `Destination::grpc`.

#[cfg(feature = "grpc")]
mod call;
mod deliveries;
mod delivery;
mod destination;
mod export;
mod options;
mod partial;
mod post;
mod problem;
mod queue;
mod region;
mod reports;
mod retry;
mod spool;
mod tally;
mod transport;
mod worker;

pub use deliveries::Deliveries;
pub use delivery::Delivery;
pub use destination::{Compression, Destination, InvalidDestination};
pub use export::Export;
pub use options::DeliveryOptions;
pub use problem::Problem;
pub use queue::{DeliveryCounts, SubmitError, Unfinished};
pub use region::Region;
pub use tally::{Tally, TallyCounts};
