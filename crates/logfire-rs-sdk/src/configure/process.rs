//! What is shared with the process, and what is not.

use opentelemetry_sdk::trace::IdGenerator;

use crate::{Configuration, environment::Lookup, ids::Ids, warnings::Warnings};

impl Configuration {
    /// Reads settings from `lookup`. By default from the environment of the process; with it, proxy variables are not
    /// read.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure()
    ///     .env_lookup(|name| (name == "LOGFIRE_ENVIRONMENT").then(|| "test".to_owned()));
    /// ```
    pub fn env_lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.env_lookup = Some(Lookup::new(lookup));
        self
    }

    /// Calls `listener` for each warning, from any thread. By default each is a line on stderr.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().on_warning(|warning| println!("{warning}"));
    /// ```
    pub fn on_warning(mut self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warnings = Some(Warnings::new(listener));
        self
    }

    /// Whether [`finish`](Self::finish) installs a global `tracing` subscriber. Yes by default, unless
    /// [`local`](Self::local); if there is one already, one warning says what to do.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().install_tracing(false);
    /// ```
    #[cfg(feature = "tracing")]
    pub fn install_tracing(mut self, install: bool) -> Self {
        self.leave_tracing = !install;
        self
    }

    /// Sets no globals: the result is used through [`Logfire::tracer_provider`](crate::Logfire::tracer_provider) and
    /// [`Logfire::meter_provider`](crate::Logfire::meter_provider) only. By default they are set, once per process.
    ///
    /// ```
    /// # let configure = || logfire_rs_sdk::configure().env_lookup(|_| None).console(false);
    /// let one = configure().local().finish()?;
    /// let another = configure().local().finish()?;
    /// # Ok::<(), logfire_rs_sdk::ConfigureError>(())
    /// ```
    pub fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// Makes the ids of traces and spans. [`TimeOrderedIdGenerator`](crate::TimeOrderedIdGenerator) by default.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry_sdk::trace::RandomIdGenerator;
    ///
    /// let configuration = logfire_rs_sdk::configure().id_generator(RandomIdGenerator::default());
    /// ```
    pub fn id_generator(mut self, generator: impl IdGenerator + 'static) -> Self {
        self.ids = Ids(Box::new(generator));
        self
    }

    /// Whether the spans of callers are the parents of ours. Yes by default; without, their baggage is still taken.
    ///
    /// For a service that anybody can call, whose traces would otherwise be what callers say. It is for the whole process;
    /// `HttpServerOptions::distributed_tracing` and `LOGFIRE_DISTRIBUTED_TRACING` are for what a server does with a caller
    /// that it was told of, and know a link to it, too.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().distributed_tracing(false);
    /// ```
    pub fn distributed_tracing(mut self, distributed_tracing: bool) -> Self {
        self.ignore_callers = !distributed_tracing;
        self
    }
}
