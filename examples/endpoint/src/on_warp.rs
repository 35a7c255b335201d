//! The service on warp.

use std::error::Error;
use std::net::TcpListener;

use logfire_rs::HttpServerOptions;
use logfire_rs::warp::{endpoint, path, query};
use warp::http::StatusCode;
use warp::{Filter, Reply};

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
    let get_hello = path!("hello").and(warp::get()).and(query()).then(hello);
    let post_users = path!("users").and(warp::post()).and(warp::body::json()).then(create_user);
    let get_user = path!("users" / user_id: u32).and(warp::get()).then(show_user);
    let service = logfire_rs::instrument_warp_with(get_hello.or(post_users).or(get_user), options);
    listener.set_nonblocking(true)?;
    service.serve(tokio::net::TcpListener::from_std(listener)?).await;
    Ok(())
}

#[endpoint]
async fn hello(hello: Hello) -> String {
    hello.text()
}

#[endpoint]
async fn show_user(user_id: u32) -> String {
    format!("User {user_id}")
}

#[endpoint]
async fn create_user(user: NewUser) -> impl Reply {
    let text = format!("User {} has {} years", user.name, user.age);
    warp::reply::with_status(text, StatusCode::CREATED)
}
