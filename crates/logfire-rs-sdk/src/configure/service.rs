//! What the telemetry is about.

use opentelemetry::KeyValue;

use crate::{CodeSource, Configuration};

impl Configuration {
    /// The name of the service, `service.name`.
    ///
    /// Environment: `LOGFIRE_SERVICE_NAME`, `OTEL_SERVICE_NAME`. By default `unknown_service:` and the executable.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().service_name("shop");
    /// ```
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.resource.service_name = Some(name.into());
        self
    }

    /// The version of the service, `service.version`.
    ///
    /// Environment: `LOGFIRE_SERVICE_VERSION`, `OTEL_SERVICE_VERSION`. None by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().service_version(env!("CARGO_PKG_VERSION"));
    /// ```
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.resource.service_version = Some(version.into());
        self
    }

    /// The environment that the service is deployed to, `deployment.environment.name`.
    ///
    /// Environment: `LOGFIRE_ENVIRONMENT`. None by default.
    ///
    /// ```
    /// let configuration = logfire_rs_sdk::configure().environment("staging");
    /// ```
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.resource.environment = Some(environment.into());
        self
    }

    /// Further attributes of the resource; they win over those in the environment, and the setters above over them.
    ///
    /// Environment: `OTEL_RESOURCE_ATTRIBUTES`, `LOGFIRE_RESOURCE_ATTRIBUTES`. By default `service.instance.id`,
    /// `process.pid`, `os.type`, `os.version`, `host.name`, `host.arch` and `telemetry.sdk.*`.
    ///
    /// ```
    /// use logfire_rs_sdk::opentelemetry::KeyValue;
    ///
    /// let configuration = logfire_rs_sdk::configure().resource_attributes([KeyValue::new("team", "payments")]);
    /// ```
    pub fn resource_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.resource.attributes.extend(attributes);
        self
    }

    /// Where the code of the service is, so that Logfire can link to it. Unknown by default.
    ///
    /// ```
    /// use logfire_rs_sdk::CodeSource;
    ///
    /// let source = CodeSource::new("https://github.com/shop/api", "main");
    /// let configuration = logfire_rs_sdk::configure().code_source(source);
    /// ```
    pub fn code_source(mut self, source: CodeSource) -> Self {
        self.resource.code_source = Some(source);
        self
    }
}
