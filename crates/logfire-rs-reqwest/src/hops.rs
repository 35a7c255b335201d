//! Redirects as requests of their own, each with its span and its trace header.
//!
//! reqwest copies the headers of the first request to all that follow, so it cannot be left to it.
//! But only reqwest can follow to another server: it adds its default headers to whatever it is
//! given to send, and takes the credentials among them out only where it follows.

use std::cell::Cell;
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use logfire_rs_core::{HttpClientInstrumenter, PerRequest};
use opentelemetry::Context;
use reqwest::redirect::Policy;
use reqwest::{Method, Request, Response, StatusCode, Url};

use crate::Client;
use crate::pending::Call;

/// As many as reqwest follows by default.
const LIMIT: usize = 10;

/// What describes a body, and goes with it.
const OF_BODY: [HeaderName; 4] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
];

thread_local! {
    /// Whether the policy has left a redirect to [`Hop`], in the poll that the thread is in.
    static LEFT: Cell<bool> = const { Cell::new(false) };
}

/// Leaves redirects on the same server to [`Hop`], where requests are recorded.
pub(crate) fn policy(instrumenter: HttpClientInstrumenter) -> Policy {
    let default = Policy::default();
    Policy::custom(move |attempt| {
        let Some(count) = instrumenter.resend_count() else { return default.redirect(attempt) };
        // The first of the URLs is that of the hop; the others reqwest has followed itself.
        let followed = attempt.previous().len().saturating_sub(1);
        if (count as usize).saturating_add(followed) >= LIMIT {
            return attempt.error("too many redirects");
        }
        match attempt.previous() {
            [from] if from.origin() == attempt.url().origin() => {
                LEFT.set(true);
                attempt.stop()
            }
            // Once on another server, reqwest goes on to the end: a request that it is given anew
            // would have all default headers again.
            _ => attempt.follow(),
        }
    })
}

/// Whether the policy has left a redirect to [`Hop`] since this was asked last.
pub(crate) fn left() -> bool {
    LEFT.take()
}

/// What it takes to send a request again, to where it is redirected.
pub(crate) struct Hop {
    client: Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// The request with its body; `None` if that is a stream.
    copy: Option<Request>,
    deadline: Option<Instant>,
    settings: PerRequest,
    made_in: Context,
    resend_count: u32,
}

impl Hop {
    pub(crate) fn new(call: &Call) -> Self {
        let request = &call.request;
        Self {
            client: call.client.clone(),
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            copy: request.try_clone(),
            deadline: request.timeout().and_then(|it| Instant::now().checked_add(*it)),
            settings: call.settings.clone(),
            made_in: call.made_in.clone(),
            resend_count: call.resend_count,
        }
    }

    /// The next request, if `response`, which the policy left to it, leads to one that can be sent.
    pub(crate) fn next(self, response: &Response) -> Option<Call> {
        let status = response.status();
        let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
        let url = self.url.join(location).ok()?;
        if self.url.origin() != url.origin() {
            return None;
        }
        let mut request = match status {
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                let mut request = self.copy?;
                *request.url_mut() = url;
                request
            }
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
                let to_get = match status {
                    StatusCode::SEE_OTHER => self.method != Method::HEAD,
                    _ => self.method == Method::POST,
                };
                let method = if to_get { Method::GET } else { self.method };
                let mut request = Request::new(method, url);
                *request.headers_mut() = self.headers;
                OF_BODY.iter().for_each(|it| drop(request.headers_mut().remove(it)));
                request
            }
            _ => return None,
        };
        if self.client.recorder.referer
            && let Some(referer) = referer(self.url)
        {
            request.headers_mut().insert(header::REFERER, referer);
        }
        let left = self.deadline.map(|it| it.saturating_duration_since(Instant::now()));
        *request.timeout_mut() = left.map(|it| it.max(Duration::from_millis(1)));
        Some(Call {
            client: self.client,
            request,
            settings: self.settings,
            made_in: self.made_in,
            resend_count: self.resend_count + 1,
        })
    }
}

/// Where the request came from, without what is secret.
fn referer(mut from: Url) -> Option<HeaderValue> {
    let _ = from.set_username("");
    let _ = from.set_password(None);
    from.set_fragment(None);
    HeaderValue::try_from(from.as_str()).ok()
}
