//! Two routes of actix-web whose requests are spans in the terminal.
//!
//! Run it with `cargo run -p example-actix-web` and ask it from another terminal:
//! `curl http://127.0.0.1:8080/users/42`. Set `LOGFIRE_TOKEN` to send the same traces to Logfire.

use std::error::Error;

use actix_web::{App, HttpServer, get, web};
use logfire_rs::actix_web::RequestSpan;
use logfire_rs::opentelemetry::KeyValue;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-actix-web").finish()?;
    HttpServer::new(|| logfire_rs::instrument_actix_web(App::new().service(hello).service(user)))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await?;
    logfire.shutdown()?;
    Ok(())
}

#[get("/")]
async fn hello() -> &'static str {
    "Hello, World!"
}

#[get("/users/{user_id}")]
async fn user(user_id: web::Path<u32>, span: RequestSpan) -> String {
    span.set_attribute(KeyValue::new("user.is_first", *user_id == 1));
    format!("User {user_id}")
}
