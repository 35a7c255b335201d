//! The limits of the queues, and their end.

use std::time::Duration;

use bytes::Bytes;
use logfire_rs_proxy::Destination;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;

use crate::{JSON, LONG, PROTOBUF, Receiver, builder, receiver::Answer, shown, to};

const ACCEPTED: &str = "200\ncontent-type: application/json\n{}";

/// The answer when `text` says what became of the spans.
fn partial(text: &str) -> String {
    format!(
        "200\ncontent-type: application/json\n\
         {{\"partialSuccess\":{{\"rejectedSpans\":\"0\",\"errorMessage\":\"{text}\"}}}}"
    )
}

fn dropped(urls: usize) -> String {
    partial(&format!("Forwarding request was locally dropped for {urls} backend URL(s)."))
}

#[test]
fn the_third_of_two_is_refused_and_the_one_under_way_counts() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let proxy = to(&receiver, &["token"]).max_queued(2).on_warning(|_| ()).finish().unwrap();
    let forward = || shown(&proxy.forward("v1/traces", &JSON, "{}".into()));
    assert_eq!(forward(), ACCEPTED);
    receiver.wait_for(1);
    assert_eq!(forward(), ACCEPTED);
    assert_eq!(forward(), dropped(1));
    let counts = proxy.counts()[0];
    assert_eq!((counts.waiting, counts.waiting_bytes, counts.lost), (2, 4, 1));
}

#[test]
fn bytes_are_counted_too() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let proxy = to(&receiver, &["token"]).max_queued_bytes(10).on_warning(|_| ()).finish().unwrap();
    let forward = |body: &'static str| shown(&proxy.forward("v1/traces", &JSON, body.into()));
    assert_eq!(forward("12345678"), ACCEPTED);
    receiver.wait_for(1);
    assert_eq!(forward("123"), dropped(1));
    assert_eq!(forward("12"), ACCEPTED);
}

#[test]
fn a_refusal_in_protobuf_is_a_partial_success_too() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let proxy = to(&receiver, &["token"]).max_queued(1).on_warning(|_| ()).finish().unwrap();
    assert_eq!(proxy.forward("v1/logs", &PROTOBUF, "1".into()).body, "");
    let response = proxy.forward("v1/logs", &PROTOBUF, "2".into());
    assert_eq!(response.headers, [("content-type", "application/x-protobuf".to_owned())]);
    let partial =
        ExportLogsServiceResponse::decode(response.body).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 0);
    assert_eq!(
        partial.error_message,
        "Forwarding request was locally dropped for 1 backend URL(s)."
    );
}

#[test]
fn one_destination_that_hangs_takes_nothing_from_another() {
    let (hanging, well) = (Receiver::answering(|_| Answer::Hang), Receiver::start());
    let destination = |receiver: &Receiver| Destination::new(&receiver.url()).unwrap();
    let proxy = builder().destination(destination(&hanging)).destination(destination(&well));
    let proxy = proxy.max_queued(1).on_warning(|_| ()).finish().unwrap();
    assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "1".into())), ACCEPTED);
    well.wait_for(1);
    while proxy.counts()[1].waiting > 0 {
        std::thread::yield_now();
    }
    assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "2".into())), dropped(1));
    let bodies: Vec<_> = well.wait_for(2).into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, [b"1", b"2"]);
}

#[test]
fn tokens_of_one_url_are_one_url() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let proxy = to(&receiver, &["one", "two"]).max_queued(1).on_warning(|_| ()).finish().unwrap();
    assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "1".into())), ACCEPTED);
    assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "2".into())), dropped(1));
}

#[test]
fn ten_thousand_posts_to_a_dead_backend_keep_within_the_limits() {
    let dead = Receiver::answering(|_| Answer::Hang);
    for (body, waiting) in [
        // 1000 posts are fewer than 64 MiB, or 64 MiB are fewer than 1000 posts.
        (Bytes::from(vec![b'x'; 10]), 1000),
        (Bytes::from(vec![b'x'; 1024 * 1024]), 64),
    ] {
        let length = body.len() as u64;
        let proxy = to(&dead, &["token"]).on_warning(|_| ()).finish().unwrap();
        let mut accepted = 0;
        for _ in 0..10_000 {
            let response = proxy.forward("v1/traces", &JSON, body.clone());
            assert_eq!(response.status, 200);
            accepted += u64::from(response.body == "{}");
        }
        let counts = proxy.counts()[0];
        assert_eq!(accepted, waiting);
        assert_eq!((counts.waiting, counts.waiting_bytes), (waiting, waiting * length));
        assert_eq!((counts.accepted, counts.lost), (0, 10_000 - waiting));
    }
}

#[test]
fn a_flush_waits_for_what_is_under_way() {
    let receiver = Receiver::answering(|_| {
        std::thread::sleep(Duration::from_millis(100));
        Answer::Status(200)
    });
    let proxy = to(&receiver, &["token"]).finish().unwrap();
    assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "{}".into())), ACCEPTED);
    proxy.flush(LONG).unwrap();
    let counts = proxy.counts()[0];
    assert_eq!((counts.accepted, counts.waiting), (1, 0));
}

#[test]
fn a_shutdown_sends_what_is_queued_and_takes_nothing_more() {
    let receiver = Receiver::start();
    let proxy = to(&receiver, &["token"]).finish().unwrap();
    for _ in 0..5 {
        assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "{}".into())), ACCEPTED);
    }
    proxy.shutdown(LONG).unwrap();
    assert_eq!(receiver.received().len(), 5);
    assert_eq!(
        shown(&proxy.forward("v1/traces", &JSON, "{}".into())),
        partial("Forwarding manager is closed; request was locally dropped.")
    );
}

#[test]
fn a_shutdown_ends_in_time_and_says_what_is_lost() {
    let receiver = Receiver::answering(|_| Answer::Hang);
    let proxy = to(&receiver, &["pylf_v1_us_secret"]).on_warning(|_| ()).finish().unwrap();
    for _ in 0..3 {
        assert_eq!(shown(&proxy.forward("v1/traces", &JSON, "{}".into())), ACCEPTED);
    }
    receiver.wait_for(1);
    let unfinished = proxy.shutdown(Duration::from_millis(200)).unwrap_err();
    let told: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("3 exports to {} not delivered", receiver.url())]);
}
