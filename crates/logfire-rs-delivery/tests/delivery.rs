//! Real sockets: what arrives, what is tried again, and that everything ends in time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod receiver;
mod tls;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use logfire_rs_delivery::{
    Compression, Deliveries, Delivery, DeliveryOptions, Destination, Export, Problem, SubmitError,
    Tally,
};
use receiver::{Answer, Receiver};

/// Longer than any of these deliveries takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

fn quick() -> DeliveryOptions {
    DeliveryOptions::default().first_retry_after(Duration::from_millis(10))
}

fn export(body: &str) -> Export {
    Export::new("/v1/traces", "application/x-protobuf", body.to_owned())
}

fn to(receiver: &Receiver) -> Destination {
    Destination::new(&receiver.url()).unwrap()
}

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.received().into_iter().map(|r| String::from_utf8(r.body).unwrap()).collect()
}

/// Collects what a delivery tells.
fn listening(options: DeliveryOptions) -> (DeliveryOptions, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let options = options
        .on_problem(move |problem: &Problem| heard.lock().unwrap().push(problem.to_string()));
    (options, told)
}

#[test]
fn the_request_is_what_logfire_expects() {
    let receiver = Receiver::start();
    let destination = to(&receiver).header("authorization", "pylf_v1_us_x").unwrap();
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("spans")).unwrap();
    delivery.shutdown(LONG).unwrap();

    let [request] = receiver.received().try_into().unwrap();
    let mut headers = request.headers;
    headers.remove("content-length");
    headers.remove("host");
    let version = env!("CARGO_PKG_VERSION");
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(request.line, "POST /v1/traces HTTP/1.1");
    assert_eq!(
        headers,
        [
            "accept: */*".to_owned(),
            "authorization: pylf_v1_us_x".to_owned(),
            "content-encoding: gzip".to_owned(),
            "content-type: application/x-protobuf".to_owned(),
            format!("user-agent: logfire-rs/{version}"),
        ]
    );
    assert_eq!(request.body, b"spans");
}

#[test]
fn the_base_url_keeps_its_path_and_an_encoded_body_stays_as_it_is() {
    let receiver = Receiver::start();
    let destination = Destination::new(&format!("{}/base/", receiver.url())).unwrap();
    let delivery = Delivery::start(destination.compression(Compression::None), quick()).unwrap();
    delivery.submit(export("plain")).unwrap();
    delivery.shutdown(LONG).unwrap();

    let [request] = receiver.received().try_into().unwrap();
    assert_eq!(request.line, "POST /base/v1/traces HTTP/1.1");
    assert_eq!(request.headers.get("content-encoding"), None);
    assert_eq!(request.body, b"plain");
}

#[test]
fn what_is_worth_it_is_tried_again_in_order() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Status(503),
        1 => Answer::Cut,
        2 => Answer::Status(408),
        4 => Answer::Status(500),
        _ => Answer::Status(200),
    });
    let (options, told) = listening(quick());
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    delivery.submit(export("first")).unwrap();
    delivery.submit(export("second")).unwrap();
    delivery.flush(LONG).unwrap();

    assert_eq!(bodies(&receiver), ["first", "first", "first", "first", "second", "second"]);
    let counts = delivery.counts();
    assert_eq!((counts.accepted, counts.lost, counts.waiting), (2, 0, 0));
    // One outage, one report.
    let told = told.lock().unwrap();
    assert_eq!(*told, [format!("cannot deliver to {}: status 503; trying again", receiver.url())]);
}

#[test]
fn retry_after_is_honored() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::RetryAfter(429, 2),
        _ => Answer::Status(200),
    });
    let delivery = Delivery::start(to(&receiver), quick()).unwrap();
    delivery.submit(export("x")).unwrap();
    delivery.flush(LONG).unwrap();

    let [first, second] = receiver.received().try_into().unwrap();
    assert!(second.at - first.at >= Duration::from_secs(2));
}

#[test]
fn a_destination_that_asks_for_no_wait_is_given_up_all_the_same() {
    let receiver = Receiver::answering(|_| Answer::RetryAfter(503, 0));
    let patience = Duration::from_millis(200);
    for first in [Duration::ZERO, Duration::from_millis(10)] {
        let options = DeliveryOptions::default().first_retry_after(first).give_up_after(patience);
        let delivery = Delivery::start(to(&receiver), options).unwrap();
        delivery.submit(export("x")).unwrap();
        delivery.flush(LONG).unwrap_err();
        assert_eq!(delivery.counts().lost, 1);
    }
    // A wait is never shorter than 10 milliseconds.
    assert!(receiver.received().len() <= 2 * 21, "{}", receiver.received().len());
}

#[test]
fn a_retry_after_beyond_all_time_is_given_up() {
    for seconds in [301, u64::MAX] {
        let receiver = Receiver::answering(move |_| Answer::RetryAfter(503, seconds));
        let (options, told) = listening(quick());
        let delivery = Delivery::start(to(&receiver), options).unwrap();
        delivery.submit(export("x")).unwrap();
        delivery.flush(Duration::MAX).unwrap_err();
        assert_eq!(delivery.counts().lost, 1);
        let url = receiver.url();
        assert_eq!(
            *told.lock().unwrap(),
            [
                format!(
                    "cannot deliver to {url}: status 503; the next try would be later than an export is kept"
                ),
                format!("1 export to {url} lost"),
            ]
        );
    }
}

#[test]
fn what_is_refused_is_lost_and_told() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Status(401),
        _ => Answer::Status(200),
    });
    let (options, told) = listening(quick());
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    delivery.submit(export("refused")).unwrap();
    delivery.submit(export("accepted")).unwrap();
    let url = receiver.url();
    let error = delivery.flush(LONG).unwrap_err();
    assert_eq!(error.to_string(), format!("1 export to {url} not delivered"));

    assert_eq!(bodies(&receiver), ["refused", "accepted"]);
    assert_eq!(
        *told.lock().unwrap(),
        [
            format!("{url} refuses telemetry with status 401; check the token"),
            format!("1 export to {url} lost"),
        ]
    );
}

#[test]
fn redirects_do_not_carry_the_token_away() {
    let receiver = Receiver::answering(|_| Answer::Status(307));
    let delivery = Delivery::start(to(&receiver), quick()).unwrap();
    delivery.submit(export("x")).unwrap();
    delivery.flush(LONG).unwrap_err();
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn the_queue_is_bounded_and_counts_what_it_drops() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let options = quick().max_exports(3);
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    delivery.submit(export("under way")).unwrap();
    receiver.wait_for(1);
    delivery.submit(export("second")).unwrap();
    delivery.submit(export("third")).unwrap();
    assert_eq!(delivery.submit(export("fourth")), Err(SubmitError::QueueFull));
    let counts = delivery.counts();
    assert_eq!((counts.accepted, counts.lost, counts.waiting), (0, 1, 3));
}

#[test]
fn an_export_that_never_succeeds_is_given_up() {
    let receiver = Receiver::answering(|_| Answer::Status(503));
    let options = quick().give_up_after(Duration::from_millis(50));
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    delivery.submit(export("x")).unwrap();
    delivery.flush(LONG).unwrap_err();
    assert_eq!(delivery.counts().lost, 1);
}

#[test]
fn a_hanging_destination_does_not_hang_the_shutdown() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let destination = to(&receiver).timeout(Duration::from_secs(300));
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("x")).unwrap();
    let started = Instant::now();
    delivery.flush(Duration::from_millis(100)).unwrap_err();
    delivery.shutdown(Duration::from_millis(100)).unwrap_err();
    drop(delivery);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_shutdown_ends_the_wait_for_a_retry() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Status(503),
        _ => Answer::Status(200),
    });
    let options = DeliveryOptions::default().first_retry_after(Duration::from_secs(250));
    let delivery = Delivery::start(to(&receiver), options).unwrap();
    delivery.submit(export("x")).unwrap();
    receiver.wait_for(1);
    delivery.shutdown(LONG).unwrap();
    assert_eq!(bodies(&receiver), ["x", "x"]);
}

#[test]
fn a_destination_that_was_never_there_is_given_up_at_once_by_a_shutdown() {
    let nobody = "http://127.0.0.1:1";
    let (options, told) = listening(DeliveryOptions::default());
    let delivery = Delivery::start(Destination::new(nobody).unwrap(), options).unwrap();
    delivery.submit(export("x")).unwrap();
    let started = Instant::now();
    delivery.shutdown(Duration::from_secs(300)).unwrap_err();
    assert!(started.elapsed() < LONG);
    let told = told.lock().unwrap();
    assert!(told[0].starts_with("cannot deliver to http://127.0.0.1:1: "), "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn an_export_can_have_a_timeout_of_its_own() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Hang,
        _ => Answer::Status(200),
    });
    let destination = to(&receiver).timeout(Duration::from_secs(3000));
    let delivery = Delivery::start(destination, quick()).unwrap();
    delivery.submit(export("first").timeout(Duration::from_millis(100))).unwrap();
    delivery.submit(export("second")).unwrap();
    delivery.shutdown(LONG).unwrap();
    assert_eq!(bodies(&receiver), ["first", "first", "second"]);
}

#[test]
fn a_timeout_may_be_longer_than_a_clock_can_hold() {
    let receiver = Receiver::start();
    let delivery = Delivery::start(to(&receiver).timeout(Duration::MAX), quick()).unwrap();
    delivery.submit(export("a")).unwrap();
    delivery.submit(export("b").timeout(Duration::MAX)).unwrap();
    delivery.shutdown(LONG).unwrap();
    assert_eq!(bodies(&receiver), ["a", "b"]);
}

#[test]
fn a_path_never_leads_to_another_host() {
    let receiver = Receiver::start();
    let delivery = Delivery::start(to(&receiver), quick()).unwrap();
    for path in ["v1/traces", "@elsewhere.example/", ":1@elsewhere.example/", ".elsewhere.example"]
    {
        delivery.submit(Export::new(path, "text/plain", "x")).unwrap();
    }
    delivery.shutdown(LONG).unwrap();
    assert_eq!(receiver.received().len(), 4);
}

#[test]
fn deliveries_end_together() {
    let (hanging, well) = (Receiver::answering(|_| Answer::Hang), Receiver::start());
    let deliveries = Deliveries::from_iter(
        [&hanging, &well].map(|it| Arc::new(Delivery::start(to(it), quick()).unwrap())),
    );
    deliveries.iter().for_each(|delivery| delivery.submit(export("x")).unwrap());
    well.wait_for(1);
    let unfinished = deliveries.shutdown(Duration::from_secs(3));
    let unfinished: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
    assert_eq!(unfinished, [format!("1 export to {} not delivered", hanging.url())]);
}

#[test]
fn a_tally_counts_what_becomes_of_the_items() {
    let receiver = Receiver::answering(|n| match n {
        0 => Answer::Status(200),
        1 => Answer::Status(400),
        _ => Answer::Hang,
    });
    let delivery = Delivery::start(to(&receiver), quick().max_exports(2)).unwrap();
    let tally = Tally::default();
    let submit = |items| delivery.submit(export("x").counted(&tally, items));
    let counts = || (tally.counts().accepted, tally.counts().lost);
    submit(1).unwrap();
    delivery.flush(LONG).unwrap();
    assert_eq!(counts(), (1, 0));
    submit(20).unwrap();
    delivery.flush(LONG).unwrap_err();
    assert_eq!(counts(), (1, 20));
    submit(300).unwrap();
    receiver.wait_for(3);
    submit(4_000).unwrap();
    submit(50_000).unwrap_err();
    assert_eq!(counts(), (1, 50_020));
}

#[test]
fn a_destination_that_restarts_gets_everything() {
    let first = Receiver::start();
    let delivery = Delivery::start(to(&first), quick()).unwrap();
    delivery.submit(export("before")).unwrap();
    delivery.flush(LONG).unwrap();
    first.stop();
    delivery.submit(export("meanwhile")).unwrap();
    delivery.flush(Duration::from_millis(100)).unwrap_err();
    let second = Receiver::again(first.address);
    delivery.submit(export("after")).unwrap();
    delivery.flush(LONG).unwrap();
    assert_eq!(bodies(&first), ["before"]);
    assert_eq!(bodies(&second), ["meanwhile", "after"]);
    assert_eq!(delivery.counts().lost, 0);
}

#[test]
fn what_is_rejected_of_an_export_is_lost_and_told_without_credentials() {
    // Two items, of which the destination says too much.
    const BODY: &[u8] =
        br#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no: Bearer s3cr3t, s3cr3t"}}"#;
    let receiver = Receiver::answering(|_| Answer::Body("application/json; charset=utf-8", BODY));
    let (options, told) = listening(quick());
    let destination = to(&receiver).header("authorization", "Bearer s3cr3t").unwrap();
    let delivery = Delivery::start(destination, options).unwrap();
    let tally = Tally::default();
    // The second has fewer items than were rejected; the same problem is told once.
    for items in [5, 1] {
        delivery.submit(export("spans").counted(&tally, items)).unwrap();
    }
    delivery.shutdown(LONG).unwrap();
    assert_eq!((tally.counts().accepted, tally.counts().lost), (3, 3));
    let expected = format!(
        "{} takes telemetry, but rejects 2 items: no: [REDACTED], [REDACTED]",
        receiver.url()
    );
    assert_eq!(*told.lock().unwrap(), [expected]);
}

/// Answers one request over TLS from a client that shows the certificate `client`; the URL, and the server's own.
fn serving_one(client: &rcgen::Certificate) -> (String, String) {
    let (config, certificate) = tls::server(Some(client));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let mut request = Vec::new();
        // The body is the last that comes.
        while !request.ends_with(b"spans") {
            let mut bytes = [0; 1024];
            let Ok(length) = stream.read(&mut bytes) else { return };
            request.extend(bytes.get(..length).unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        // Until the client has gone.
        let _ = stream.read(&mut [0; 1]);
    });
    (url, certificate)
}

#[test]
fn a_server_that_asks_gets_the_certificate_of_the_client() {
    let client = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    let (pem, key) = (client.cert.pem(), client.signing_key.serialize_pem());
    for shows_it in [true, false] {
        let (url, trusted) = serving_one(&client.cert);
        let destination = Destination::new(&url).unwrap().compression(Compression::None);
        let mut destination = destination.root_certificates(trusted).unwrap();
        if shows_it {
            destination = destination.client_certificate(&pem, &key).unwrap();
        }
        let delivery = Delivery::start(destination, quick()).unwrap();
        delivery.submit(export("spans")).unwrap();
        let timeout = if shows_it { LONG } else { Duration::from_millis(300) };
        assert_eq!(delivery.shutdown(timeout).is_ok(), shows_it);
    }
}
