//! Clients beside the `tracing` crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so at once")]

use axum::Router;
use axum::routing::get;
use logfire_rs::HttpClientOptions;
use logfire_rs::reqwest::Client;
use logfire_rs::testing::capture;
use tokio::net::TcpListener;
use tracing::Instrument as _;

#[tracing::instrument(skip_all)]
async fn work(client: &Client, url: &str) {
    client.get(url).send().await.unwrap();
}

#[tokio::test]
async fn clients_are_children_of_the_spans_of_tracing() {
    let captured = capture(HttpClientOptions::default(), async |options| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = Router::new().route("/", get(|| async { "hello" }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        // Tests of other packages may have turned TLS on in reqwest; it wants to be told by whom.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = logfire_rs::instrument_reqwest_with(reqwest::Client::new(), options);
        work(&client, &url).await;
        // A future that was made outside of the span it is polled in.
        let request = client.get(&url).send();
        request.instrument(tracing::info_span!("later")).await.unwrap();
    })
    .await;
    let text = captured.spans.to_string();
    let names: Vec<_> = text.lines().filter(|line| line.ends_with(']')).collect();
    let expected = ["work [internal]", "  GET [client]", "later [internal]", "  GET [client]"];
    assert_eq!(names, expected, "{text}");
}
