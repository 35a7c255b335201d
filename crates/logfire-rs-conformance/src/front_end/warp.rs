//! The site on warp.

use std::net::SocketAddr;

use bytes::Bytes;
use logfire_rs_warp::{current_request, path};
use warp::http::header::{CONTENT_TYPE, SET_COOKIE};
use warp::http::{HeaderValue, Response, StatusCode};
use warp::{Filter, Rejection, Reply};

use crate::site::ERROR_TEXT;
use crate::{Site, bind};

pub(super) async fn serve(site: Site) -> SocketAddr {
    let (listener, address) = bind().await;
    let options = site.options.clone();
    let filter = logfire_rs_warp::instrument_with(routes(site), options);
    tokio::spawn(filter.serve(listener).run());
    address
}

fn routes(site: Site) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let with_site = warp::any().map(move || site.clone());
    let get = || warp::get().or(warp::head()).unify();

    let root = path!().and(get()).map(|| "hello");
    let users = path!("users" / id: String)
        .and(get())
        .and(with_site.clone())
        .then(|_: String, site: Site| async move { site.load_user().await });
    let items = path!("items" / id: String).and(get());
    let items = path!("api" / "v1" / ..).and(items).map(|_: String| "item");
    let fail = path!("fail").and(get()).map(|| StatusCode::INTERNAL_SERVER_ERROR);
    let error = path!("error").and(get()).map(|| {
        if let Some(request) = current_request() {
            request.record_error("database_unavailable", &ERROR_TEXT);
        }
        StatusCode::SERVICE_UNAVAILABLE
    });
    let panic = path!("panic")
        .and(get())
        .and(with_site.clone())
        .map(|site: Site| -> StatusCode { match site.panic() {} });
    let slow = path!("slow").and(get()).and(with_site.clone()).then(|site: Site| async move {
        match site.wait_for_ever().await {}
        #[expect(unreachable_code, reason = "the type of an answer")]
        StatusCode::OK
    });
    let stream = path!("stream")
        .and(get())
        .and(with_site.clone())
        .map(|it: Site| warp::reply::stream(it.stream()));
    let endless = path!("endless")
        .and(get())
        .and(with_site.clone())
        .map(|it: Site| warp::reply::stream(it.endless()));
    let broken = path!("broken")
        .and(get())
        .and(with_site.clone())
        .map(|it: Site| warp::reply::stream(it.broken()));
    let panicking = path!("panicking-body")
        .and(get())
        .and(with_site)
        .map(|it: Site| warp::reply::stream(it.panicking()));
    let events = path!("events")
        .and(get())
        .map(|| warp::reply::with_header("data: 1\n\n", CONTENT_TYPE, "text/event-stream"));
    let empty = path!("empty").and(get()).map(|| StatusCode::NO_CONTENT);
    let not_modified = path!("not-modified").and(get()).map(|| StatusCode::NOT_MODIFIED);
    let headers = path!("headers").and(get()).map(headers);
    let echo = path!("echo")
        .and(warp::post())
        .and(warp::body::bytes())
        .map(|it: Bytes| Response::new(it.to_vec()));

    let first = root.or(users).or(items).or(fail).or(error).or(panic).or(slow).boxed();
    let second = stream.or(endless).or(broken).or(panicking).boxed();
    first.or(second).or(events).or(empty).or(not_modified).or(headers).or(echo)
}

fn headers() -> impl Reply {
    let mut response = warp::reply().into_response();
    let headers = response.headers_mut();
    headers.append("x-reply", HeaderValue::from_static("one"));
    headers.append("x-reply", HeaderValue::from_static("two"));
    headers.append(SET_COOKIE, HeaderValue::from_static("session=s3cret-cookie"));
    response
}
