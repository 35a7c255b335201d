//! The handle of a request's span that the application holds.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use crate::current::Entered;
use crate::endpoint::Record;
use crate::method::Method;
use crate::names::{self, Template};
use crate::server::ServerExchange;
use crate::{attributes, diagnostics, redaction};

/// Each one multiplies the series of a metric.
const METRIC_ATTRIBUTES: usize = 20;
const METRIC_ATTRIBUTE_CHARACTERS: usize = 100;

/// The span of a request, as [`current_request`](crate::current_request) and hooks give it.
///
/// Cloning is cheap. After the end of the request everything it does is ignored.
///
/// ```
/// use logfire_rs_core::HttpServerOptions;
/// use opentelemetry::KeyValue;
///
/// let options = HttpServerOptions::default().request_hook(|span, _request| {
///     span.set_attribute(KeyValue::new("team", "checkout"));
///     span.add_metric_attribute(KeyValue::new("team", "checkout"));
/// });
/// ```
#[derive(Clone)]
pub struct RequestSpan(pub(crate) Arc<Exchange>);

impl RequestSpan {
    /// A handle that does nothing: for an extractor that must not fail where nothing is recorded.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    ///
    /// let request = RequestSpan::none();
    /// assert!(!request.is_recording() && !request.span_context().is_valid());
    /// ```
    #[must_use]
    pub fn none() -> Self {
        static NONE: LazyLock<RequestSpan> = LazyLock::new(|| {
            RequestSpan(Arc::new(Exchange {
                context: Context::new(),
                recording: false,
                method: Method::OTHER,
                path: "".into(),
                notes: Mutex::new(Notes { ended: true, ..Notes::default() }),
                server: None,
            }))
        });
        NONE.clone()
    }

    /// Calls a hook of the application as the current request; if it panics, the panic is counted
    /// and goes no further.
    pub fn guarded(&self, hook: &'static str, call: impl FnOnce()) {
        self.within(|| diagnostics::guarded(hook, call));
    }

    /// Calls what runs as the current request.
    pub(crate) fn within<R>(&self, call: impl FnOnce() -> R) -> R {
        let mut lent = Some(self.clone());
        let _entered = Entered::new(Some(self.context().clone()), &mut lent);
        call()
    }

    /// The context of the span: the parent of spans that belong to the request.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    /// use opentelemetry::trace::FutureExt as _;
    ///
    /// async fn send_mail() {}
    ///
    /// fn in_the_background(request: &RequestSpan) -> impl Future<Output = ()> + Send + 'static {
    ///     send_mail().with_context(request.context().clone())
    /// }
    /// # in_the_background(&RequestSpan::none());
    /// ```
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// The ids of the span.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    ///
    /// fn error_page(request: &RequestSpan) -> String {
    ///     format!("Please tell us this number: {}", request.span_context().trace_id())
    /// }
    /// # error_page(&RequestSpan::none());
    /// ```
    #[must_use]
    pub fn span_context(&self) -> SpanContext {
        self.0.context.span().span_context().clone()
    }

    /// Whether attributes are kept: the span is sampled, and not yet ended.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    /// use opentelemetry::KeyValue;
    ///
    /// fn describe(request: &RequestSpan, order: &[u32]) {
    ///     // Nothing is formatted in vain.
    ///     if request.is_recording() {
    ///         request.set_attribute(KeyValue::new("order", format!("{order:?}")));
    ///     }
    /// }
    /// # describe(&RequestSpan::none(), &[1]);
    /// ```
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.0.recording && !self.0.notes().ended
    }

    /// The method, `_OTHER` if it is not a known one.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.0.method.as_str()
    }

    /// The template of the route, if it is known by now.
    #[must_use]
    pub fn route(&self) -> Option<String> {
        self.0.notes().route.as_ref().map(|it| it.as_str().to_owned())
    }

    /// The path as it is recorded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Adds an attribute to the span.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    /// use opentelemetry::KeyValue;
    ///
    /// fn handler(request: &RequestSpan) {
    ///     request.set_attribute(KeyValue::new("tenant", "acme"));
    /// }
    /// # handler(&RequestSpan::none());
    /// ```
    pub fn set_attribute(&self, attribute: KeyValue) {
        if self.is_recording() {
            self.0.context.span().set_attribute(attribute);
        }
    }

    /// Adds attributes to the span.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    /// use opentelemetry::KeyValue;
    ///
    /// fn handler(request: &RequestSpan) {
    ///     request.set_attributes([KeyValue::new("tenant", "acme"), KeyValue::new("items", 3)]);
    /// }
    /// # handler(&RequestSpan::none());
    /// ```
    pub fn set_attributes(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        if self.is_recording() {
            self.0.context.span().set_attributes(attributes);
        }
    }

    /// Adds an event to the span.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    /// use opentelemetry::KeyValue;
    ///
    /// fn handler(request: &RequestSpan) {
    ///     request.add_event("cache miss", vec![KeyValue::new("cache", "users")]);
    /// }
    /// # handler(&RequestSpan::none());
    /// ```
    pub fn add_event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        if self.is_recording() {
            self.0.context.span().add_event(name, attributes);
        }
    }

    /// Names the span; a route that is found later no longer changes the name.
    ///
    /// Keep it low in cardinality: no path, and no id.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    ///
    /// fn handler(request: &RequestSpan) {
    ///     request.set_name("GET landing page");
    /// }
    /// # handler(&RequestSpan::none());
    /// ```
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        let mut notes = self.0.notes();
        if notes.ended {
            return;
        }
        notes.name_is_set = true;
        drop(notes);
        self.0.context.span().update_name(name);
    }

    /// Sets the template of the route: `http.route` of span and metrics, and the span's name.
    ///
    /// It wins over the route that the framework told. Keep it low in cardinality: a template,
    /// never a path.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    ///
    /// fn router_by_hand(request: &RequestSpan) {
    ///     if request.path().starts_with("/users/") {
    ///         request.set_route("/users/{id}");
    ///     }
    /// }
    /// # router_by_hand(&RequestSpan::none());
    /// ```
    pub fn set_route(&self, route: &str) {
        let mut notes = self.0.notes();
        if !notes.ended && !route.is_empty() {
            notes.route = Some(names::name(self.0.method.span_name(), route).1);
            notes.route_is_likely = false;
            notes.route_is_recorded = false;
        }
    }

    /// Takes the route back: what matched turned out not to be it.
    ///
    /// One that was known when the span started stays.
    pub fn clear_route(&self) {
        let mut notes = self.0.notes();
        if !notes.ended && !notes.route_is_recorded {
            notes.route = None;
        }
    }

    /// Records an error of the application: an `exception` event, and `error.type` if the answer
    /// turns out to be a 5xx.
    ///
    /// What looks like a secret is masked in the text of `error`. The first `error_type` of a request
    /// is the one that is kept.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    ///
    /// fn handler(request: &RequestSpan) -> u16 {
    ///     match "12x".parse::<u32>() {
    ///         Ok(_) => 200,
    ///         Err(error) => {
    ///             request.record_error("bad_stock", &error);
    ///             503
    ///         }
    ///     }
    /// }
    /// # handler(&RequestSpan::none());
    /// ```
    pub fn record_error(&self, error_type: &'static str, error: &dyn Display) {
        let mut notes = self.0.notes();
        if notes.ended {
            return;
        }
        notes.error.get_or_insert(error_type);
        drop(notes);
        if self.0.recording {
            let message = redaction::mask_text(&diagnostics::display(error));
            let event = attributes::exception(error_type, message);
            self.0.context.span().add_event(attributes::EXCEPTION, event);
        }
    }

    /// Adds an attribute to the metrics of the request: at most 20, of at most 100 characters.
    ///
    /// Each value makes a series of its own, so keep them few. The attributes of the conventions
    /// cannot be replaced.
    ///
    /// ```
    /// use logfire_rs_core::RequestSpan;
    /// use opentelemetry::KeyValue;
    ///
    /// fn handler(request: &RequestSpan) {
    ///     request.add_metric_attribute(KeyValue::new("plan", "free"));
    /// }
    /// # handler(&RequestSpan::none());
    /// ```
    pub fn add_metric_attribute(&self, attribute: KeyValue) {
        let mut notes = self.0.notes();
        if notes.ended {
            return;
        }
        let known = &mut notes.extras().metric_attributes;
        if known.len() >= METRIC_ATTRIBUTES {
            drop(notes);
            return diagnostics::dropped_metric_attribute();
        }
        let attribute = shortened(attribute);
        known.retain(|it| it.key != attribute.key);
        known.push(attribute);
    }
}

impl fmt::Debug for RequestSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSpan")
            .field("span_context", &self.span_context())
            .field("method", &self.method())
            .field("route", &self.route())
            .finish_non_exhaustive()
    }
}

/// One request and its answer, as long as anyone is interested.
pub(crate) struct Exchange {
    pub(crate) context: Context,
    /// Whether the span is sampled.
    pub(crate) recording: bool,
    pub(crate) method: Method,
    pub(crate) path: Arc<str>,
    pub(crate) notes: Mutex<Notes>,
    /// What it takes to end the span; a client's ends with its owner.
    pub(crate) server: Option<ServerExchange>,
}

impl Exchange {
    #[inline]
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes known while the request is served.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) ended: bool,
    pub(crate) name_is_set: bool,
    pub(crate) route: Option<Template>,
    /// Whether the framework may find another route in the end.
    pub(crate) route_is_likely: bool,
    /// Whether `http.route` was among the attributes at the span's start.
    pub(crate) route_is_recorded: bool,
    pub(crate) status: Option<u16>,
    /// Why there was no complete answer.
    pub(crate) failure: Option<&'static str>,
    /// The application's own error.
    pub(crate) error: Option<&'static str>,
    pub(crate) duration_is_recorded: bool,
    pub(crate) received: Option<u64>,
    pub(crate) sent: Option<u64>,
    /// What is known of the handler and its arguments.
    pub(crate) endpoint: Option<Box<Record>>,
    pub(crate) extras: Option<Box<Extras>>,
}

/// What few requests have; apart, since the others pay for its size.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// What the failure says, without secrets.
    pub(crate) failure_text: String,
    pub(crate) metric_attributes: Vec<KeyValue>,
    /// What was read of the body, until it is known whether there is an error in it.
    pub(crate) body: Option<Vec<u8>>,
}

impl Notes {
    /// All that is known, once. From here on handles do nothing.
    #[inline]
    pub(crate) fn end(&mut self) -> Option<Self> {
        let known = Self {
            route: self.route.clone(),
            endpoint: self.endpoint.take(),
            extras: self.extras.take(),
            ..*self
        };
        let ended = std::mem::replace(&mut self.ended, true);
        (!ended).then_some(known)
    }

    /// What the duration of a request that goes on is measured with.
    pub(crate) fn point(&self) -> Self {
        let metric_attributes = self.metric_attributes().to_vec();
        let extras = (!metric_attributes.is_empty())
            .then(|| Box::new(Extras { metric_attributes, ..Extras::default() }));
        Self {
            route: self.route.clone(),
            received: None,
            sent: None,
            endpoint: None,
            extras,
            ..*self
        }
    }

    pub(crate) fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    pub(crate) fn failure_text(&self) -> &str {
        self.extras.as_ref().map_or("", |it| &it.failure_text)
    }

    pub(crate) fn metric_attributes(&self) -> &[KeyValue] {
        self.extras.as_ref().map_or(&[], |it| &it.metric_attributes)
    }

    pub(crate) fn take_metric_attributes(&mut self) -> Vec<KeyValue> {
        self.extras.as_mut().map(|it| std::mem::take(&mut it.metric_attributes)).unwrap_or_default()
    }

    pub(crate) fn body(&mut self) -> Option<&mut Vec<u8>> {
        self.extras.as_mut()?.body.as_mut()
    }

    pub(crate) fn take_body(&mut self) -> Option<Vec<u8>> {
        self.extras.as_mut()?.body.take()
    }
}

fn shortened(attribute: KeyValue) -> KeyValue {
    let text = match &attribute.value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => return attribute,
        other => Cow::Owned(other.as_str().into_owned()),
    };
    match text.char_indices().nth(METRIC_ATTRIBUTE_CHARACTERS) {
        None if matches!(text, Cow::Borrowed(_)) => attribute,
        end => {
            let short = end.and_then(|(end, _)| text.get(..end)).unwrap_or(&text);
            KeyValue::new(attribute.key.clone(), StringValue::from(short.to_owned()))
        }
    }
}
