//! What the caller of one request wants to have otherwise.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use opentelemetry::{Key, KeyValue, Value};

/// The settings of one request, beside the options of its client.
///
/// ```
/// use logfire_rs_core::PerRequest;
///
/// let settings = PerRequest::default().url_template("/users/{id}").attribute("attempt", 2);
/// ```
#[derive(Clone, Default)]
pub struct PerRequest(Option<Box<Settings>>);

#[derive(Clone, Debug, Default)]
struct Settings {
    template: Option<Cow<'static, str>>,
    name: Option<Cow<'static, str>>,
    attributes: Vec<KeyValue>,
    no_propagation: bool,
    untraced: bool,
    /// How often the request was sent, shared by the clones of it.
    attempts: Option<Arc<AtomicU32>>,
}

impl PerRequest {
    /// The template of the URL's path, low in cardinality: `url.template`, and a part of the name
    /// of the span. None by default.
    ///
    /// ```
    /// use logfire_rs_core::PerRequest;
    ///
    /// let settings = PerRequest::default().url_template("/users/{id}");
    /// ```
    #[must_use]
    pub fn url_template(mut self, template: impl Into<Cow<'static, str>>) -> Self {
        self.settings().template = Some(template.into());
        self
    }

    /// The name of the span. By default the method, and the template if there is one.
    ///
    /// ```
    /// use logfire_rs_core::PerRequest;
    ///
    /// let settings = PerRequest::default().span_name("fetch the front page");
    /// ```
    #[must_use]
    pub fn span_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.settings().name = Some(name.into());
        self
    }

    /// Adds an attribute to the span, or replaces one that it starts with. None by default.
    ///
    /// ```
    /// use logfire_rs_core::PerRequest;
    ///
    /// let settings = PerRequest::default().attribute("tenant", "acme").attribute("page", 2);
    /// ```
    #[must_use]
    pub fn attribute(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.settings().attributes.push(KeyValue::new(key, value));
        self
    }

    /// Sends no trace context and no baggage along. They are sent by default.
    ///
    /// ```
    /// use logfire_rs_core::PerRequest;
    ///
    /// let to_a_foreign_service = PerRequest::default().no_propagation();
    /// ```
    #[must_use]
    pub fn no_propagation(mut self) -> Self {
        self.settings().no_propagation = true;
        self
    }

    /// Sends the request as it is: no span, no metric, no header. It is recorded by default.
    ///
    /// ```
    /// use logfire_rs_core::PerRequest;
    ///
    /// let health_check = PerRequest::default().untraced();
    /// ```
    #[must_use]
    pub fn untraced(mut self) -> Self {
        self.settings().untraced = true;
        self
    }

    /// Counts how often the request and its clones are sent: `http.request.resend_count` from the
    /// second time on. Not counted by default, since a layer cannot tell a retry from a new request.
    ///
    /// For layers that retry, with ours inside. They clone the request, and the settings in its
    /// extensions with it.
    ///
    /// ```
    /// use logfire_rs_core::PerRequest;
    ///
    /// let settings = PerRequest::default().count_attempts();
    /// ```
    #[must_use]
    pub fn count_attempts(mut self) -> Self {
        self.settings().attempts = Some(Arc::default());
        self
    }

    /// How often the request was sent before; from now on once more.
    pub(super) fn next_attempt(&self) -> u32 {
        let attempts = self.0.as_ref().and_then(|it| it.attempts.as_ref());
        attempts.map_or(0, |it| it.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn template(&self) -> Option<&str> {
        self.0.as_ref()?.template.as_deref()
    }

    pub(super) fn name(&self) -> Option<Cow<'static, str>> {
        self.0.as_ref()?.name.clone()
    }

    pub(super) fn attributes(&self) -> &[KeyValue] {
        self.0.as_ref().map_or(&[], |it| &it.attributes)
    }

    pub(super) fn propagates(&self) -> bool {
        self.0.as_ref().is_none_or(|it| !it.no_propagation)
    }

    pub(super) fn is_untraced(&self) -> bool {
        self.0.as_ref().is_some_and(|it| it.untraced)
    }

    /// Most requests have none of this, and pay nothing for it.
    fn settings(&mut self) -> &mut Settings {
        self.0.get_or_insert_default()
    }
}

impl fmt::Debug for PerRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerRequest")
            .field("template", &self.template())
            .field("untraced", &self.is_untraced())
            .finish_non_exhaustive()
    }
}
