//! An instrumented actix-web service with two routes.
//!
//! `cargo run -p example-actix-web`, and in another terminal `curl http://127.0.0.1:8080/users/1`.

use std::error::Error;

use actix_web::{App, HttpServer, get, web};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logfire = logfire_rs::configure().service_name("example-actix-web").finish()?;

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    HttpServer::new(|| logfire_rs::instrument_actix_web(App::new().service(hello).service(user)))
        .bind(address)?
        .run()
        .await?;
    logfire.shutdown()?;
    Ok(())
}

#[get("/")]
async fn hello() -> &'static str {
    "Hello world!"
}

#[get("/users/{user_id}")]
async fn user(user_id: web::Path<u32>) -> String {
    format!("User {user_id}")
}
