//! The service on actix-web.

use std::error::Error;
use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, get, post, web};
use logfire_rs::HttpServerOptions;
use logfire_rs::actix_web::endpoint;

use crate::{Hello, NewUser};

/// Serves on `listener`.
///
/// # Errors
///
/// If it cannot.
pub async fn serve(
    listener: TcpListener,
    options: HttpServerOptions,
) -> Result<(), Box<dyn Error>> {
    HttpServer::new(move || {
        let app = App::new().service(hello).service(create_user).service(show_user);
        logfire_rs::instrument_actix_web_with(app, options.clone())
    })
    .workers(1)
    .listen(listener)?
    .run()
    .await?;
    Ok(())
}

#[get("/hello")]
#[endpoint]
async fn hello(hello: web::Query<Hello>) -> String {
    hello.text()
}

#[get("/users/{user_id}")]
#[endpoint]
async fn show_user(user_id: web::Path<u32>) -> String {
    format!("User {user_id}")
}

#[post("/users")]
#[endpoint]
async fn create_user(web::Json(user): web::Json<NewUser>) -> HttpResponse {
    HttpResponse::Created().body(format!("User {} has {} years", user.name, user.age))
}
