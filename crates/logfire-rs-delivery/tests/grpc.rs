//! Real sockets: calls, what is tried again, and that everything ends in time.

#![cfg(feature = "grpc")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod grpc_receiver;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use grpc_receiver::{GrpcAnswer, GrpcReceiver};
use logfire_rs_delivery::{Compression, Delivery, DeliveryOptions, Destination, Export, Problem};

/// Longer than any of these deliveries takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

fn quick() -> DeliveryOptions {
    DeliveryOptions::default().first_retry_after(Duration::from_millis(10))
}

fn export(message: &str) -> Export {
    Export::new(METHOD, "application/grpc", message.to_owned())
}

fn to(receiver: &GrpcReceiver) -> Destination {
    Destination::new(&receiver.url()).unwrap().grpc()
}

fn messages(receiver: &GrpcReceiver) -> Vec<String> {
    receiver.calls().into_iter().map(|call| String::from_utf8(call.message).unwrap()).collect()
}

/// Delivers one message per answer; what arrived, how many were accepted and lost, and what was told.
fn deliver(
    count: usize,
    answer: impl Fn(usize) -> GrpcAnswer + Send + Sync + 'static,
) -> (Vec<String>, u64, u64, Vec<String>) {
    let receiver = GrpcReceiver::answering(answer);
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = quick()
        .on_problem(move |problem: &Problem| heard.lock().unwrap().push(problem.to_string()));
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    for number in 0..count {
        delivery.submit(export(&number.to_string())).unwrap();
    }
    let _ = delivery.flush(LONG);
    let counts = delivery.counts();
    assert_eq!(counts.waiting, 0);
    let url = receiver.url();
    let told = told.lock().unwrap().iter().map(|told| told.replace(&url, "URL")).collect();
    (messages(&receiver), counts.accepted, counts.lost, told)
}

#[test]
fn a_call_carries_metadata_and_a_compressed_message() {
    let receiver = GrpcReceiver::start();
    let destination = Destination::new(&format!("{}/ignored?key=1", receiver.url())).unwrap();
    let destination = destination.grpc().header("Authorization", "Bearer x").unwrap();
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.shutdown(LONG).unwrap();

    let [call] = receiver.calls().try_into().unwrap();
    assert_eq!(call.path, METHOD);
    assert_eq!(call.message, b"spans");
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
        ("te", "trailers"),
    ] {
        assert_eq!(call.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    let agent = format!("logfire-rs/{}", env!("CARGO_PKG_VERSION"));
    assert!(call.headers["user-agent"].starts_with(&agent), "{:?}", call.headers);
    assert!(call.headers.contains_key("grpc-timeout"), "{:?}", call.headers);
}

#[test]
fn compression_can_be_turned_off() {
    let receiver = GrpcReceiver::start();
    let destination = to(&receiver).compression(Compression::None);
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.shutdown(LONG).unwrap();
    let [call] = receiver.calls().try_into().unwrap();
    assert_eq!(call.headers.get("grpc-encoding"), None);
    assert_eq!(call.message, b"spans");
}

#[test]
fn tls_needs_a_certificate_that_is_trusted() {
    let receiver = GrpcReceiver::with_tls();
    let certificate = receiver.certificate.clone().unwrap();
    let trusting = to(&receiver).root_certificates(certificate).unwrap();
    let delivery = Delivery::start(trusting, quick()).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.shutdown(LONG).unwrap();
    assert_eq!(messages(&receiver), ["spans"]);

    let options = quick().give_up_after(Duration::ZERO);
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.flush(LONG).unwrap_err();
    assert_eq!(messages(&receiver), ["spans"]);
}

#[test]
fn what_is_worth_it_is_tried_again_in_order() {
    let (arrived, accepted, lost, told) = deliver(2, |n| match n {
        0 => GrpcAnswer::Code(14),
        1 => GrpcAnswer::Cut,
        2 => GrpcAnswer::Http(503),
        4 => GrpcAnswer::Code(4),
        _ => GrpcAnswer::Code(0),
    });
    assert_eq!(arrived, ["0", "0", "0", "0", "1", "1"]);
    assert_eq!((accepted, lost), (2, 0));
    // One outage, one report.
    assert_eq!(told, ["cannot deliver to URL: gRPC status 14 (Unavailable); trying again"]);
}

#[test]
fn only_a_server_that_says_when_is_asked_again_after_resource_exhausted() {
    let receiver = GrpcReceiver::answering(|n| match n {
        0 => GrpcAnswer::RetryAfter(8, 2),
        1 => GrpcAnswer::Code(0),
        _ => GrpcAnswer::Code(8),
    });
    let delivery = Delivery::start(to(&receiver), quick()).unwrap();
    delivery.submit(export("throttled")).unwrap();
    delivery.submit(export("too much")).unwrap();
    delivery.flush(LONG).unwrap_err();
    let [first, second, _] = receiver.calls().try_into().unwrap();
    assert!(second.at - first.at >= Duration::from_secs(2));
    assert_eq!((delivery.counts().accepted, delivery.counts().lost), (1, 1));
}

#[test]
fn what_is_refused_is_lost_and_told_with_what_to_do() {
    let lost = "1 export to URL lost".to_owned();
    for (answer, reason) in [
        (GrpcAnswer::Code(16), "gRPC status 16 (Unauthenticated); check the token"),
        (
            GrpcAnswer::Code(12),
            "gRPC status 12 (Unimplemented); check the endpoint, and whether it takes gzip",
        ),
        (GrpcAnswer::Code(3), "gRPC status 3 (InvalidArgument)"),
    ] {
        let (arrived, accepted, gone, told) = deliver(1, move |_| answer.clone());
        assert_eq!((arrived.len(), accepted, gone), (1, 0, 1));
        assert_eq!(told, [format!("URL refuses telemetry with {reason}"), lost.clone()]);
    }
}

#[test]
fn a_hanging_destination_does_not_hang_the_shutdown() {
    let receiver = GrpcReceiver::answering(|_| GrpcAnswer::Hang);
    let destination = to(&receiver).timeout(Duration::from_secs(300));
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("x")).unwrap();
    receiver.wait_for(1);
    let started = Instant::now();
    delivery.flush(Duration::from_millis(100)).unwrap_err();
    delivery.shutdown(Duration::from_millis(100)).unwrap_err();
    drop(delivery);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_call_that_takes_too_long_is_tried_again() {
    let receiver = GrpcReceiver::answering(|n| match n {
        0 => GrpcAnswer::Hang,
        _ => GrpcAnswer::Code(0),
    });
    let destination = to(&receiver).timeout(Duration::from_secs(1));
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("x")).unwrap();
    delivery.flush(LONG).unwrap();
    assert!(messages(&receiver).len() >= 2);
}

#[test]
fn a_destination_that_was_never_there_is_given_up_at_once_by_a_shutdown() {
    let destination = Destination::new("http://127.0.0.1:1").unwrap().grpc();
    let delivery = Delivery::start(destination, DeliveryOptions::default()).unwrap();
    delivery.submit(export("x")).unwrap();
    let started = Instant::now();
    delivery.shutdown(Duration::from_secs(300)).unwrap_err();
    assert!(started.elapsed() < LONG);
}

#[test]
fn what_is_rejected_of_a_call_is_told() {
    let answer = |_| GrpcAnswer::Message(b"\x0a\x07\x08\x02\x12\x03odd");
    let (_, accepted, lost, told) = deliver(2, answer);
    // The calls themselves were taken.
    assert_eq!((accepted, lost), (2, 0));
    assert_eq!(told, ["URL takes telemetry, but rejects 2 items: odd"]);
}

#[test]
fn a_server_that_asks_gets_the_certificate_of_the_client() {
    let new = || rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let (client, other) = (new(), new());
    let receiver = GrpcReceiver::for_client(&client.cert);
    let destination = to(&receiver).root_certificates(receiver.certificate.clone().unwrap());
    let destination = destination.unwrap();
    let (pem, key) = (client.cert.pem(), client.signing_key.serialize_pem());
    for (known, expected) in
        [(destination.clone(), 0), (destination.clone().client_certificate(&pem, &key).unwrap(), 1)]
    {
        let delivery = Delivery::start(known, quick()).unwrap();
        delivery.submit(export("spans")).unwrap();
        let timeout = if expected == 0 { Duration::from_millis(300) } else { LONG };
        assert_eq!(delivery.shutdown(timeout).is_ok(), expected == 1);
        assert_eq!(receiver.calls().len(), expected);
    }
    let error = destination.client_certificate(&pem, other.signing_key.serialize_pem());
    assert_eq!(error.unwrap_err().to_string(), "the private key is not that of the certificate");
}
