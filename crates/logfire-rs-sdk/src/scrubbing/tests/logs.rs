//! Bodies and attributes of logs.

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider};
use opentelemetry_sdk::logs::SdkLoggerProvider;

use super::{notes, scrubber};
use crate::Scrubbing;

#[test]
fn logs_are_scrubbed_in_body_and_attributes() {
    let provider = SdkLoggerProvider::builder().build();
    let logger = provider.logger("test");
    let scrubber = scrubber(Scrubbing::default());
    let log = |body: AnyValue, attributes: Vec<(&'static str, AnyValue)>| {
        let mut record = logger.create_log_record();
        record.set_body(body);
        record.set_event_name("event");
        record.set_severity_text("WARN");
        record.set_target("shop");
        record.add_attributes(attributes);
        scrubber.log(&record, || logger.create_log_record())
    };
    assert_eq!(log("session started".into(), vec![("user", "bob".into())]), None);

    let scrubbed = log("password=hunter2".into(), vec![("api_key", 7.into()), ("b", true.into())]);
    let scrubbed = scrubbed.unwrap();
    assert_eq!(scrubbed.body(), Some(&"password=[Scrubbed due to 'password']".into()));
    assert_eq!(scrubbed.event_name(), Some("event"));
    assert_eq!(scrubbed.severity_text(), Some("WARN"));
    assert_eq!(scrubbed.target().map(AsRef::as_ref), Some("shop"));
    let attributes: Vec<_> = scrubbed.attributes_iter().cloned().collect();
    assert_eq!(attributes[0], ("api_key".into(), "[Scrubbed due to 'api_key']".into()));
    assert_eq!(attributes[1], ("b".into(), true.into()));
    let AnyValue::String(found) = &attributes[2].1 else { panic!("no notes") };
    assert_eq!(
        notes(found.as_str()),
        [r#"["log_body"] <- "password""#, r#"["attributes","api_key"] <- "api_key""#]
    );

    let bytes = |text: &[u8]| AnyValue::Bytes(Box::new(text.to_vec()));
    let scrubbed = log(bytes(b"\xffpassword=x"), vec![("raw", bytes(b"{\"secret\":1}"))]).unwrap();
    assert_eq!(scrubbed.body(), Some(&"[Scrubbed due to 'password']".into()));
    let raw = scrubbed.attributes_iter().next().unwrap();
    assert_eq!(raw.1, r#"{"secret":"[Scrubbed due to 'secret']"}"#.into());
    assert_eq!(log(bytes(b"\xff\x00"), vec![("raw", bytes(b"fine"))]), None);

    let user = AnyValue::Map(Box::new([("password".into(), "x".into())].into()));
    let scrubbed = log(AnyValue::ListAny(Box::new(vec![user])), Vec::new()).unwrap();
    let hidden = AnyValue::Map(Box::new(
        [("password".into(), "[Scrubbed due to 'password']".into())].into(),
    ));
    assert_eq!(scrubbed.body(), Some(&AnyValue::ListAny(Box::new(vec![hidden]))));
}
