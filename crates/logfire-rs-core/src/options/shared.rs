//! The settings that servers and clients have in common.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::InstrumentationScope;
use opentelemetry::global;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::propagation::TextMapPropagator;

use crate::backend::{StartSpan, Tracers};
use crate::environment::Environment;
use crate::header_capture::{HeaderCapture, SANITIZED, SanitizedHeaders};
use crate::method::KnownMethods;
use crate::patterns::ExcludedUrls;
use crate::redaction::{FilterUrl, UrlRedaction};

/// The instrumenters of a process that are called when metrics are collected.
const CALLBACKS: usize = 1000;

type UrlFilter = Arc<dyn Fn(&FilterUrl<'_>) -> String + Send + Sync>;

/// What the caller has set; `None` is read from the environment, or is the default.
#[derive(Clone, Default)]
pub(crate) struct SharedOptions {
    pub(crate) request_headers: Option<Vec<String>>,
    pub(crate) response_headers: Option<Vec<String>>,
    pub(crate) sanitize_headers: Vec<String>,
    pub(crate) sanitize_headers_only: Option<Vec<String>>,
    pub(crate) excluded_urls: Option<Vec<String>>,
    pub(crate) excluded_urls_env_key: Option<String>,
    pub(crate) redaction: UrlRedaction,
    pub(crate) url_filter: Option<UrlFilter>,
    pub(crate) known_methods: Option<Vec<String>>,
    pub(crate) spans: Option<bool>,
    pub(crate) metrics: Option<bool>,
    pub(crate) body_sizes: Option<bool>,
    pub(crate) tracer_provider: Option<Arc<dyn Tracers>>,
    pub(crate) meter_provider: Option<Arc<dyn MeterProvider + Send + Sync>>,
    pub(crate) meter: Option<Meter>,
    pub(crate) propagator: Option<Arc<dyn TextMapPropagator + Send + Sync>>,
    pub(crate) environment: Environment,
}

/// Providers and closures cannot be printed; this says which settings are not the default.
impl fmt::Debug for SharedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedOptions")
            .field("request_headers", &self.request_headers)
            .field("response_headers", &self.response_headers)
            .field("excluded_urls", &self.excluded_urls)
            .field("spans", &self.spans)
            .field("metrics", &self.metrics)
            .field("url_filter", &self.url_filter.is_some())
            .field("tracer_provider", &self.tracer_provider.is_some())
            .field("meter_provider", &(self.meter_provider.is_some() || self.meter.is_some()))
            .finish_non_exhaustive()
    }
}

impl SharedOptions {
    /// Whether a meter can record anything: the global provider that is there before any is set
    /// has no state.
    pub(crate) fn has_meter(&self) -> bool {
        self.meter.is_some()
            || self.meter_provider.is_some()
            || size_of_val(&*global::meter_provider()) > 0
    }

    pub(crate) fn tracer(&self, scope: InstrumentationScope) -> Box<dyn StartSpan> {
        match &self.tracer_provider {
            Some(provider) => provider.tracer(scope),
            None => global::tracer_provider().tracer(scope),
        }
    }

    pub(crate) fn meter(&self, scope: InstrumentationScope) -> Meter {
        match (&self.meter, &self.meter_provider) {
            (Some(meter), _) => meter.clone(),
            (None, Some(provider)) => provider.meter_with_scope(scope),
            (None, None) => global::meter_with_scope(scope),
        }
    }

    /// A meter of the same provider that makes no metric of the scope; `None` if the caller gave a
    /// meter, of which there is no other, or if there are too many of them.
    pub(crate) fn bare_meter(&self, scope: &InstrumentationScope) -> Option<Meter> {
        // An SDK keeps a callback for good, so a program that makes clients without end gets no more.
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let bare = InstrumentationScope::builder(scope.name().to_owned()).build();
        let may_ask = self.meter.is_none() && ASKED.fetch_add(1, Ordering::Relaxed) < CALLBACKS;
        may_ask.then(|| self.meter(bare))
    }

    /// The captures of request and response headers; `side` is `SERVER` or `CLIENT`.
    pub(crate) fn header_captures(&self, side: &str) -> (HeaderCapture, HeaderCapture) {
        const CAPTURE: &str = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS";
        let env = &self.environment;
        let sanitized = self.sanitized_headers(&format!("{CAPTURE}_SANITIZE_FIELDS"));
        let capture = |own: &Option<Vec<String>>, setter: &str, direction: &str, prefix| {
            let variable = format!("{CAPTURE}_{side}_{direction}");
            let (setting, patterns) = match own {
                Some(patterns) => (setter, patterns.clone()),
                None => (&*variable, env.list(&variable).unwrap_or_default()),
            };
            HeaderCapture::new(setting, prefix, &patterns, &sanitized, &self.redaction)
        };
        let (request, response) = ("http.request.header.", "http.response.header.");
        (
            capture(&self.request_headers, "capture_request_headers", "REQUEST", request),
            capture(&self.response_headers, "capture_response_headers", "RESPONSE", response),
        )
    }

    /// Which headers are hidden; `variable` adds to them.
    fn sanitized_headers(&self, variable: &str) -> SanitizedHeaders {
        let also = self.environment.list(variable).unwrap_or_default();
        let add = named("sanitize_headers", &self.sanitize_headers);
        match &self.sanitize_headers_only {
            Some(only) => SanitizedHeaders::new(named("sanitize_headers_only", only).chain(add)),
            None => {
                let default = SANITIZED.iter().map(|it| ("", *it));
                SanitizedHeaders::new(default.chain(add).chain(named(variable, &also)))
            }
        }
    }

    /// The excluded URLs of the adapter with `key`.
    pub(crate) fn exclusion(&self, key: &str) -> ExcludedUrls {
        let key = self.excluded_urls_env_key.as_deref().unwrap_or(key);
        let own = format!("OTEL_RUST_{key}_EXCLUDED_URLS");
        let common = "OTEL_RUST_EXCLUDED_URLS";
        if let Some(patterns) = &self.excluded_urls {
            return ExcludedUrls::new("excluded_urls", patterns);
        }
        match self.environment.overriding_list(&own) {
            Some(patterns) => ExcludedUrls::new(&own, patterns),
            None => ExcludedUrls::new(common, self.environment.list(common).unwrap_or_default()),
        }
    }

    pub(crate) fn methods(&self) -> KnownMethods {
        let name = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
        let own = self.known_methods.clone().or_else(|| self.environment.list(name));
        own.map(KnownMethods::new).unwrap_or_default()
    }
}

/// Each item of `list` with the `setting` that it is of.
fn named<'a>(setting: &'a str, list: &'a [String]) -> impl Iterator<Item = (&'a str, &'a str)> {
    list.iter().map(move |it| (setting, it.as_str()))
}

/// The strings of a list that a caller gives in any form.
pub(crate) fn strings<S: AsRef<str>>(list: impl IntoIterator<Item = S>) -> Vec<String> {
    list.into_iter().map(|it| it.as_ref().to_owned()).collect()
}

/// The setters that servers and clients have in common; `$side` is `SERVER` or `CLIENT`.
macro_rules! shared_setters {
    ($options:ident, $side:literal) => {
        impl $options {
            /// Whether all request and response headers are recorded, as `http.request.header.*`
            /// and `http.response.header.*`. False by default, as in [Logfire].
            ///
            /// [Logfire]: https://logfire.pydantic.dev/docs/integrations/web-frameworks/
            ///
            /// The values of [secret headers](Self::sanitize_headers) are hidden all the same.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().capture_headers(true);\n```"
            )]
            #[must_use]
            pub fn capture_headers(mut self, capture: bool) -> Self {
                let patterns: Vec<String> = capture.then(|| ".*".to_owned()).into_iter().collect();
                self.shared.request_headers = Some(patterns.clone());
                self.shared.response_headers = Some(patterns);
                self
            }

            /// Records the request headers that a pattern matches as a whole, without regard to
            /// case.
            ///
            #[doc = concat!(
                "By default those of the comma-separated list ",
                "`OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_", $side, "_REQUEST`; an empty list ",
                "means none.\n\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options),
                "::default().capture_request_headers([\"content-type\", \"x-tenant-.*\"]);\n```"
            )]
            #[must_use]
            pub fn capture_request_headers<S: AsRef<str>>(
                mut self,
                patterns: impl IntoIterator<Item = S>,
            ) -> Self {
                self.shared.request_headers = Some(strings(patterns));
                self
            }

            /// Records the response headers that a pattern matches as a whole, without regard to
            /// case.
            ///
            #[doc = concat!(
                "By default those of the comma-separated list ",
                "`OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_", $side, "_RESPONSE`; an empty list ",
                "means none.\n\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options),
                "::default().capture_response_headers([\"content-length\"]);\n```"
            )]
            #[must_use]
            pub fn capture_response_headers<S: AsRef<str>>(
                mut self,
                patterns: impl IntoIterator<Item = S>,
            ) -> Self {
                self.shared.response_headers = Some(strings(patterns));
                self
            }

            /// Hides the values of recorded headers whose name one of these patterns is found in,
            /// without regard to case, too.
            ///
            /// They become `[REDACTED]`. By default the names that contain `authorization`,
            /// `cookie`, `token`, `secret`, `passw`, `api-key`, `session`, `csrf`, `xsrf`, `jwt`,
            /// `credential` or `signature` are hidden, and those of the comma-separated list
            /// `OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS`. A value that the
            /// framework marks as sensitive is hidden always.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default()\n",
                "    .capture_headers(true)\n    .sanitize_headers([\"x-internal-.*\"]);\n```"
            )]
            #[must_use]
            pub fn sanitize_headers<S: AsRef<str>>(
                mut self,
                patterns: impl IntoIterator<Item = S>,
            ) -> Self {
                self.shared.sanitize_headers.extend(strings(patterns));
                self
            }

            /// Hides the values of recorded headers whose name one of these patterns is found in,
            /// and no others: it replaces the default list of
            /// [`sanitize_headers`](Self::sanitize_headers) and the environment's.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default()\n",
                "    .capture_headers(true)\n    .sanitize_headers_only([\"authorization\"]);\n```"
            )]
            #[must_use]
            pub fn sanitize_headers_only<S: AsRef<str>>(
                mut self,
                patterns: impl IntoIterator<Item = S>,
            ) -> Self {
                self.shared.sanitize_headers.clear();
                self.shared.sanitize_headers_only = Some(strings(patterns));
                self
            }

            /// Does not record requests whose URL one of these patterns is found in.
            ///
            /// A pattern that contains `://` is searched in `scheme://host/path`, any other only
            /// in the path: a client writes `Host` itself. By default the patterns are those of the
            /// comma-separated list `OTEL_RUST_{KEY}_EXCLUDED_URLS`, where `{KEY}` is the adapter's
            /// (such as `AXUM` or `REQWEST`), else of `OTEL_RUST_EXCLUDED_URLS`; an empty list means
            /// none, as does an adapter's own variable that is set to nothing. A string that is no
            /// regular expression matches literally, with a warning; use [`Pattern`](crate::Pattern)
            /// to have the fault as an error.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().excluded_urls([\"^/health$\"]);\n```"
            )]
            #[must_use]
            pub fn excluded_urls<S: AsRef<str>>(
                mut self,
                patterns: impl IntoIterator<Item = S>,
            ) -> Self {
                self.shared.excluded_urls = Some(strings(patterns));
                self
            }

            /// Reads the excluded URLs from `OTEL_RUST_{key}_EXCLUDED_URLS`, in the place of the
            /// adapter's own variable. By default `key` is that of the adapter.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().excluded_urls_env_key(\"BILLING\");\n```"
            )]
            #[must_use]
            pub fn excluded_urls_env_key(mut self, key: impl Into<String>) -> Self {
                self.shared.excluded_urls_env_key = Some(key.into());
                self
            }

            /// What is masked in URLs, also of captured headers. By default the values of seven query
            /// keys, and credentials.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::{", stringify!($options), ", UrlRedaction};\n\n",
                "let redaction = UrlRedaction::default().add_keys([\"token\"]);\n",
                "let options = ", stringify!($options), "::default().url_redaction(redaction);\n```"
            )]
            #[must_use]
            pub fn url_redaction(mut self, redaction: UrlRedaction) -> Self {
                self.shared.redaction = redaction;
                self
            }

            /// The methods that are recorded by name; all others become `_OTHER`, as the
            /// [semantic conventions] ask.
            ///
            /// [semantic conventions]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
            ///
            /// It replaces the default: the methods of RFC 9110, `PATCH` and `QUERY`, or those of
            /// the comma-separated list `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().known_methods([\"GET\", \"PURGE\"]);\n```"
            )]
            #[must_use]
            pub fn known_methods<S: AsRef<str>>(
                mut self,
                methods: impl IntoIterator<Item = S>,
            ) -> Self {
                self.shared.known_methods = Some(strings(methods));
                self
            }

            /// Whether spans are made. True by default.
            ///
            /// Without them the trace context of the caller is passed on, and metrics are recorded.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().spans(false);\n```"
            )]
            #[must_use]
            pub fn spans(mut self, spans: bool) -> Self {
                self.shared.spans = Some(spans);
                self
            }

            /// Whether [metrics] are recorded. True by default.
            ///
            /// [metrics]: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().metrics(false);\n```"
            )]
            #[must_use]
            pub fn metrics(mut self, metrics: bool) -> Self {
                self.shared.metrics = Some(metrics);
                self
            }

            /// Whether the sizes of bodies are counted, in bytes, as attributes and metrics. False
            /// by default.
            ///
            /// They are counted from what really passes, so a body that is not read to its end
            /// counts as far as it was read.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().record_body_sizes(true);\n```"
            )]
            #[must_use]
            pub fn record_body_sizes(mut self, record: bool) -> Self {
                self.shared.body_sizes = Some(record);
                self
            }

            /// Makes spans with this provider. By default with the global one, which is asked at
            /// the first request.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n",
                "use opentelemetry_sdk::trace::SdkTracerProvider;\n\n",
                "let provider = SdkTracerProvider::builder().build();\n",
                "let options = ", stringify!($options), "::default().tracer_provider(provider);\n```"
            )]
            #[must_use]
            pub fn tracer_provider<P, T, S>(mut self, provider: P) -> Self
            where
                P: TracerProvider<Tracer = T> + Send + Sync + 'static,
                T: Tracer<Span = S> + Send + Sync + 'static,
                S: Span + Send + Sync + 'static,
            {
                self.shared.tracer_provider = Some(Arc::new(provider));
                self
            }

            /// Records metrics with this provider. By default with the global one, which is asked
            /// at the first request.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n",
                "use opentelemetry_sdk::metrics::SdkMeterProvider;\n\n",
                "let provider = SdkMeterProvider::builder().build();\n",
                "let options = ", stringify!($options), "::default().meter_provider(provider);\n```"
            )]
            #[must_use]
            pub fn meter_provider(
                mut self,
                provider: impl MeterProvider + Send + Sync + 'static,
            ) -> Self {
                self.shared.meter_provider = Some(Arc::new(provider));
                self
            }

            /// Records metrics with this meter; it wins over a provider. By default with one that is
            /// named after the adapter.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let meter = opentelemetry::global::meter(\"shop\");\n",
                "let options = ", stringify!($options), "::default().meter(meter);\n```"
            )]
            #[must_use]
            pub fn meter(mut self, meter: Meter) -> Self {
                self.shared.meter = Some(meter);
                self
            }

            /// Reads and writes the context of requests with this propagator.
            ///
            /// By default with the global one, which is asked at the first request; if none is set
            /// there, with W3C [trace context] and [baggage].
            ///
            /// [trace context]: https://www.w3.org/TR/trace-context/
            /// [baggage]: https://www.w3.org/TR/baggage/
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n",
                "use opentelemetry_sdk::propagation::TraceContextPropagator;\n\n",
                "let propagator = TraceContextPropagator::new();\n",
                "let options = ", stringify!($options), "::default().propagator(propagator);\n```"
            )]
            #[must_use]
            pub fn propagator(
                mut self,
                propagator: impl TextMapPropagator + Send + Sync + 'static,
            ) -> Self {
                self.shared.propagator = Some(Arc::new(propagator));
                self
            }

            /// Looks environment variables up here. By default in the environment of the process.
            ///
            /// The process environment is read once per process, `lookup` each time an adapter is
            /// built.
            #[doc = concat!(
                "\n```\nuse logfire_rs_core::", stringify!($options), ";\n\n",
                "let options = ", stringify!($options), "::default().env_lookup(|name| match name {\n",
                "    \"OTEL_RUST_EXCLUDED_URLS\" => Some(\"/health\".to_owned()),\n",
                "    _ => None,\n});\n```"
            )]
            #[must_use]
            pub fn env_lookup(
                mut self,
                lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
            ) -> Self {
                self.shared.environment = Environment::from_lookup(lookup);
                self
            }
        }
    };
}

pub(super) use shared_setters;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::Lines;

    /// The options of an adapter with the key `DJANGO`, its own variable and the common one.
    fn excluded(own: Option<&'static str>, common: Option<&'static str>, path: &str) -> bool {
        let options = SharedOptions {
            environment: Environment::from_lookup(move |name| match name {
                "OTEL_RUST_DJANGO_EXCLUDED_URLS" => own.map(str::to_owned),
                "OTEL_RUST_EXCLUDED_URLS" => common.map(str::to_owned),
                _ => None,
            }),
            ..SharedOptions::default()
        };
        options.exclusion("DJANGO").matches(path, || Some(format!("http://site.example{path}")))
    }

    #[test]
    fn the_redaction_is_that_of_captured_headers_too() {
        let options = SharedOptions {
            request_headers: Some(vec!["referer".to_owned()]),
            redaction: UrlRedaction::default().add_keys(["code"]),
            ..SharedOptions::default()
        };
        let (requests, _) = options.header_captures("SERVER");
        let mut attributes = Vec::new();
        requests.record(&Lines(&[("Referer", b"https://a.b/?code=s3cret")]), &mut attributes);
        assert_eq!(attributes[0].value.as_str(), r#"["https://a.b/?code=REDACTED"]"#);
    }

    #[test]
    fn excluded_urls_of_the_environment() {
        let list = Some("excluded_arg/123,excluded_noarg");
        for (path, expected) in [
            ("/excluded_arg/123", true),
            ("/excluded_noarg", true),
            ("/excluded_arg/125", false),
            ("/other", false),
        ] {
            assert_eq!(excluded(list, None, path), expected, "{path}");
            assert_eq!(excluded(None, list, path), expected, "{path}, common");
            assert_eq!(excluded(list, Some("other"), path), expected, "{path}, both");
            // The adapter's own variable wins, also if it says that nothing is excluded.
            assert!(!excluded(Some(""), list, path), "{path}, own is empty");
            assert!(!excluded(Some(" , "), list, path), "{path}, own has no items");
            assert!(!excluded(None, Some(""), path), "{path}, common is empty");
        }
        assert!(excluded(Some("/health"), None, "/healthz"));
        assert!(excluded(Some("^/health"), None, "/health"));
        assert!(!excluded(Some("a,,b"), None, "/cd"));
        // What is no regular expression matches literally.
        assert!(!excluded(Some("*bad"), None, "/bad"));
        assert!(excluded(Some("*bad"), None, "/x*bad"));
    }
}
