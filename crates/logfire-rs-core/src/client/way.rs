//! What happens to a request on its way, as the hooks of a client library see it: redirects,
//! connections, and a request that two layers would record.

use std::cell::Cell;
use std::fmt;

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, ContextGuard};

use super::ClientSpan;
use super::config::{self, Server};
use super::connections::Lease;
use super::span::Flight;
use crate::attributes::{self as keys, attribute};
use crate::method::Method;
use crate::redaction::{FilterUrl, split_scheme};

thread_local! {
    static CURRENT: Cell<Option<Box<Flight>>> = const { Cell::new(None) };
}

/// The way of one request, from where it was sent first.
pub(super) struct Way {
    /// What [`target`] says of the URL.
    pub(super) target: u64,
    /// Where connections go, if not to the server of the request.
    redirected_server: Option<Server>,
    /// How many times the request was sent before it was made.
    resend_count: u32,
    /// How many answers told to go elsewhere, and where the last one told to.
    redirects: u32,
    pub(super) redirected_to: u64,
    retries: u32,
    /// Its hold on the connection that it goes over.
    pub(super) lease: Option<Lease>,
}

impl Way {
    pub(super) fn new(target: u64, resend_count: u32) -> Self {
        Self {
            target,
            redirected_server: None,
            resend_count,
            redirects: 0,
            redirected_to: 0,
            retries: 0,
            lease: None,
        }
    }

    /// How many times the request was sent before it ended at `target`; `None` if not more often
    /// than when it was made.
    ///
    /// The policy of the client decides after it was told of a redirect.
    pub(super) fn resend_count(&self, target: Option<u64>) -> Option<i64> {
        let last_was_followed = target == Some(self.redirected_to);
        let followed = self.redirects.saturating_sub(u32::from(!last_was_followed));
        let resent = followed + self.retries;
        (resent > 0).then(|| i64::from(self.resend_count) + i64::from(resent))
    }

    /// Whether the request was sent once, and to `url` if that is known. Of a URL with credentials or
    /// a fragment that has to be looked at.
    pub(super) fn was_straight(&self, url: Option<&str>) -> bool {
        let is_here = |url| split_scheme(url).is_some_and(|it| target_of(it) == self.target);
        self.redirects + self.retries == 0 && url.is_none_or(is_here)
    }

    pub(super) fn was_redirected(&self) -> bool {
        self.redirects > 0
    }
}

/// Tells URLs apart as the wire does: without credentials and fragment.
///
/// Schemes differ in length. Nothing is lost if someone finds two URLs that are taken for one.
#[inline]
pub(super) fn target(url: &FilterUrl<'_>) -> u64 {
    target_of((url.scheme(), url.target()))
}

fn target_of((scheme, target): (&str, &str)) -> u64 {
    hash(scheme.len() as u64, target)
}

/// A quick hash, in words of eight bytes, that goes on from `start`.
pub(super) fn hash(start: u64, text: &str) -> u64 {
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(start, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let rest = rest.iter().fold(text.len() as u64, |rest, byte| rest << 8 | u64::from(*byte));
    mix(hash, rest)
}

/// The place of what has `hash` in a table of `slots`, a power of two.
#[inline]
pub(super) fn slot(hash: u64, slots: usize) -> usize {
    // The upper bits are the ones that a multiplication mixes.
    (hash >> (u64::BITS - slots.ilog2())) as usize
}

/// While it lives, the thread works on a request: its context is the current one.
///
/// A future enters around each poll and must not keep it across an `.await`.
#[must_use = "the request is current only as long as this lives"]
pub struct EnteredClient<'a> {
    context: Option<ContextGuard>,
    lent: &'a mut Option<Box<Flight>>,
}

impl ClientSpan {
    /// Makes the request the current one of the thread.
    #[inline]
    pub fn enter(&mut self) -> EnteredClient<'_> {
        let context = self.flight.as_ref().map(|it| it.start.context.clone().attach());
        swap(&mut self.flight);
        EnteredClient { context, lent: &mut self.flight }
    }
}

impl Drop for EnteredClient<'_> {
    #[inline]
    fn drop(&mut self) {
        drop(self.context.take());
        swap(self.lent);
    }
}

impl fmt::Debug for EnteredClient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnteredClient").finish_non_exhaustive()
    }
}

fn swap(lent: &mut Option<Box<Flight>>) {
    // Fails only while the thread ends, when there is nothing to work on.
    let _ = CURRENT.try_with(|it| *lent = it.replace(lent.take()));
}

/// The request that the thread works on.
fn current_flight<R>(look: impl FnOnce(&mut Flight) -> R) -> Option<R> {
    let look = |current: &Cell<Option<Box<Flight>>>| {
        let mut flight = current.take();
        let seen = flight.as_deref_mut().map(look);
        current.set(flight);
        seen
    };
    CURRENT.try_with(look).ok().flatten()
}

/// The way of the request that the thread works on.
pub(super) fn current<R>(look: impl FnOnce(&mut Way) -> R) -> Option<R> {
    current_flight(|it| look(&mut it.way))
}

/// Where the request that the thread works on connects to.
pub(super) fn current_server() -> Option<Server> {
    current_flight(|it| it.way.redirected_server.as_ref().unwrap_or(&it.start.server).clone())
}

/// Whether the thread works on this very request already, for a layer further out.
#[inline]
pub(super) fn is_recorded(method: Method, target: u64) -> bool {
    current_flight(|it| it.start.method == method && it.way.target == target).unwrap_or(false)
}

impl super::HttpClientInstrumenter {
    /// How many times the request that the thread works on was sent before; `None` without one.
    #[must_use]
    pub fn resend_count(&self) -> Option<u32> {
        current(|way| way.resend_count)
    }

    /// The client library was told to go to `url` by an answer with `status`, and may do so.
    ///
    /// To be called where it decides, in a poll of the request.
    pub fn redirected(&self, status: u16, url: &str) {
        let url = FilterUrl::parse(url);
        let target = target(&url);
        current(|way| {
            way.redirects += 1;
            way.redirected_to = target;
            way.redirected_server = Some(config::server_of(&url));
        });
        let context = Context::current();
        let span = context.span();
        if span.is_recording() {
            let event = vec![
                attribute(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(status)),
                attribute(keys::URL_FULL, self.0.config.full_url(&url, target)),
            ];
            span.add_event(REDIRECT, event);
        }
    }
}

/// Records that the client library sends a request again, after an answer with `status` or an error
/// in its place: an event `http.retry`, and `http.request.resend_count` in the end.
///
/// To be called where that is decided, in a poll of the request.
///
/// ```
/// logfire_rs_core::record_client_retry(Some(503));
/// ```
pub fn record_client_retry(status: Option<u16>) {
    if current(|it| it.retries += 1).is_none() {
        return;
    }
    let context = Context::current();
    let span = context.span();
    if span.is_recording() {
        let status = status.map(|it| attribute(keys::HTTP_RESPONSE_STATUS_CODE, i64::from(it)));
        span.add_event("http.retry", status.into_iter().collect());
    }
}

/// The event of an answer that leads elsewhere.
pub(super) const REDIRECT: &str = "http.redirect";

pub(super) fn set_error(context: &Context, error_type: &'static str, text: String) {
    let span = context.span();
    span.add_event(keys::EXCEPTION, keys::exception(error_type, text.clone()));
    span.set_attribute(attribute(keys::ERROR_TYPE, error_type));
    span.set_status(Status::error(text));
}
