//! What is not looked at.

use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::{Payload, Service};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, FromRequest, HttpRequest, web};
use logfire_rs_actix_web::{endpoint, instrument_with};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::{Serialize, Serializer};

use super::{New, generic, get};
use crate::Spans;

/// What the extractor parses is not what was sent.
#[actix_web::test]
async fn no_place_is_looked_for_in_a_body_that_is_encoded() {
    let spans = Spans::new();
    let app = App::new().route("/generic/{id}", web::post().to(generic::<New, 3>));
    let app = init_service(instrument_with(app, spans.options())).await;
    let request = TestRequest::post()
        .uri("/generic/7")
        .insert_header(("content-type", "application/json"))
        .insert_header(("content-encoding", "identity"))
        .set_payload(r#"{"name":7}"#);
    let _ = Service::call(&app, request.to_request()).await.unwrap();
    let errors = get(&spans.take()[0], "actix_web.arguments.errors").unwrap();
    assert!(errors.contains(r#""loc":["body"]"#) && !errors.contains("input"), "{errors}");
}

#[actix_web::test]
async fn a_request_that_is_not_sampled_serializes_nothing() {
    static TOUCHED: AtomicBool = AtomicBool::new(false);

    struct Never;

    impl Serialize for Never {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            TOUCHED.store(true, Ordering::Relaxed);
            serializer.serialize_unit()
        }
    }

    impl FromRequest for Never {
        type Error = Error;
        type Future = Ready<Result<Self, Error>>;

        fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
            ready(Ok(Self))
        }
    }

    #[endpoint]
    async fn never(_: Never, id: web::Path<u32>) -> String {
        id.to_string()
    }

    let spans = Spans::new();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(spans.exporter.clone())
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let options = spans
        .options()
        .tracer_provider(provider)
        .request_attributes_mapper(|_, _| panic!("mapped"));
    let app = App::new().route("/{id}", web::get().to(never));
    let app = init_service(instrument_with(app, options)).await;
    let request = TestRequest::get().uri("/7").to_request();
    let response = Service::call(&app, request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(!TOUCHED.load(Ordering::Relaxed) && spans.take().is_empty());
}
