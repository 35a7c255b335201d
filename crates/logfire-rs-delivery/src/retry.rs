//! Which answers are worth a retry, and when.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// Waits that double from `first` up to 64 times `first`, each shortened by a random part of at most a half, so that
/// many processes do not come back at the same moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    doublings: u32,
}

impl Backoff {
    pub(crate) const fn new(first: Duration) -> Self {
        Self { first, doublings: 0 }
    }

    pub(crate) fn next_wait(&mut self) -> Duration {
        let full = self.first.saturating_mul(1 << self.doublings);
        self.doublings = (self.doublings + 1).min(6);
        // Each `RandomState` has keys of its own: randomness without a dependency.
        let random = RandomState::new().build_hasher().finish() as u32;
        full.mul_f64(1.0 - f64::from(random) / f64::from(u32::MAX) / 2.0)
    }
}

/// The answers that OTLP calls retryable, plus 408 and every 5xx, as Logfire's Python SDK does.
/// <https://opentelemetry.io/docs/specs/otlp/#failures-1>
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error()
}

/// `Retry-After` in seconds or as a date. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            Some(httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for full in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
            let wait = backoff.next_wait();
            assert!(wait <= Duration::from_secs(full), "{wait:?} {full}");
            assert!(wait >= Duration::from_millis(full * 499), "{wait:?} {full}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, wait) in [
            ("2", Some(Duration::from_secs(2))),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(Duration::from_secs(10))),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(Duration::ZERO)),
            ("-1", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.try_into().unwrap())]);
            assert_eq!(retry_after(&headers, now), wait, "{value}");
        }
    }

    #[test]
    fn only_some_statuses_are_worth_a_retry() {
        let retryable = |code| is_retryable(StatusCode::from_u16(code).unwrap());
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(retryable));
        assert!(![301, 400, 401, 403, 404, 413, 415].into_iter().any(retryable));
    }
}
