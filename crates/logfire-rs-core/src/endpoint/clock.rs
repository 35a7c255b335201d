//! The times of a record, and how the attributes have them.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time; nothing else of a record reads a clock.
pub(super) fn now() -> SystemTime {
    #[cfg(test)]
    tests::READS.with(|it| it.set(it.get() + 1));
    SystemTime::now()
}

/// `time` in RFC 3339: UTC, six digits, `Z`.
pub(super) fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let (first, middle, last) = (micros / 10_000, micros / 100 % 100, micros % 100);
    // Two digits at a time, which costs a twentieth of a format.
    let digits = [
        year / 100,
        year % 100,
        month,
        day,
        hour,
        minute,
        second,
        u64::from(first),
        u64::from(middle),
        u64::from(last),
    ]
    .map(|it| [b'0' + (it / 10) as u8, b'0' + (it % 10) as u8]);
    let [y, z, mo, d, h, mi, s, first, middle, last] = digits;
    let text = [
        y[0], y[1], z[0], z[1], b'-', mo[0], mo[1], b'-', d[0], d[1], b'T', h[0], h[1], b':',
        mi[0], mi[1], b':', s[0], s[1], b'.', first[0], first[1], middle[0], middle[1], last[0],
        last[1], b'Z',
    ];
    String::from_utf8(text.to_vec()).unwrap_or_default()
}

/// The date of a day that is counted from 1970.
///
/// Counts from the first of March of the year 0, so that a leap day ends its year and all eras of
/// 400 years are alike: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leap) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::super::{Argument, Captured, Endpoint, EndpointInfo, EndpointKeys, Framework};
    use super::super::{ArgumentError, EndpointCall, Extraction, no_key};
    use super::*;
    use crate::message::tests::get;
    use crate::{HttpServerInstrumenter, HttpServerOptions, endpoint_keys};

    thread_local! {
        /// How often this thread has asked for the time.
        pub(super) static READS: Cell<u32> = const { Cell::new(0) };
    }

    enum Tests {}

    impl Framework for Tests {
        const KEYS: &'static EndpointKeys = &endpoint_keys!("tests");

        fn describe(_: &dyn std::any::Any, type_name: &'static str) -> ArgumentError {
            ArgumentError::unknown(type_name)
        }
    }

    enum OfTwo {}

    impl Endpoint for OfTwo {
        type Framework = Tests;
        const INFO: &'static EndpointInfo = &EndpointInfo {
            name: "of_two",
            file: "tests.rs",
            line: 1,
            arguments: &[NUMBER, NUMBER],
        };
    }

    const NUMBER: Argument = Argument {
        name: "number",
        capture: Captured::nothing,
        wrong_key: no_key,
        is_skipped: false,
    };

    #[test]
    fn clocks_are_read_where_an_endpoint_is_recorded_and_not_where_it_is_not_sampled() {
        for (sampler, expected) in [(Sampler::AlwaysOff, 0), (Sampler::AlwaysOn, 4)] {
            let tracers = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
            let options = HttpServerOptions::default().env_lookup(|_| None);
            let options = options.tracer_provider(tracers);
            let instrumenter = HttpServerInstrumenter::new("tests", "1", "TESTS", options);
            let mut span = instrumenter.start(&get("/"));
            let before = READS.get();
            span.run(|| {
                for index in 0..2 {
                    if let Some(extraction) = Extraction::start::<OfTwo>(index) {
                        extraction.extracted(&7);
                    }
                }
                let mut call = EndpointCall::begin::<OfTwo>();
                call.run_now(|| ());
                call.returned(None);
            });
            // Both arguments together, and the function: when they began and when they ended.
            assert_eq!(READS.get() - before, expected, "{sampler:?}");
        }
    }

    #[test]
    fn timestamps_are_utc_with_six_digits() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, 999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000000Z"),
            (1_763_642_569, 5, "2025-11-20T12:42:49.000005Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, micros * 1000);
            assert_eq!(timestamp(time), expected);
        }
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
    }
}
