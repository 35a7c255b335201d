//! What the telemetry is about: the service, its process and its host.

use std::{fmt, path::Path};

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::{
    Resource,
    resource::TelemetryResourceDetector,
    trace::{IdGenerator, RandomIdGenerator},
};
use opentelemetry_semantic_conventions::resource::{
    HOST_ARCH, HOST_NAME, OS_TYPE, OS_VERSION, PROCESS_PID, SERVICE_INSTANCE_ID, SERVICE_NAME,
    SERVICE_VERSION,
};

use crate::environment::Environment;

/// Stable since conventions 1.27; `deployment.environment` before.
const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";
/// The names of Logfire's Python SDK; the conventions have renamed them since, and Logfire reads these.
const VCS_REPOSITORY_URL_FULL: &str = "vcs.repository.url.full";
const VCS_REPOSITORY_REF_REVISION: &str = "vcs.repository.ref.revision";
const CODE_ROOT_PATH: &str = "logfire.code.root_path";

/// Where Linux tells about itself.
const KERNEL: &str = "/proc/sys/kernel";

/// What the setters gave.
#[derive(Default)]
pub(crate) struct ResourceSettings {
    pub(crate) service_name: Option<String>,
    pub(crate) service_version: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) code_source: Option<CodeSource>,
    pub(crate) attributes: Vec<KeyValue>,
}

/// Where the code of the service is, so that Logfire can link to it.
///
/// ```
/// use logfire_rs_sdk::CodeSource;
///
/// let source = CodeSource::new("https://github.com/shop/api", "4f2c1a9").root_path("crates/api");
/// ```
///
/// `Debug` does not show the repository, whose URL may hold a password.
#[derive(Clone)]
pub struct CodeSource {
    repository: String,
    revision: String,
    root_path: String,
}

impl CodeSource {
    /// The URL of the repository, and the revision that was built: a commit, a tag or a branch.
    ///
    /// ```
    /// let source = logfire_rs_sdk::CodeSource::new("https://github.com/shop/api", "main");
    /// ```
    #[must_use]
    pub fn new(repository: impl Into<String>, revision: impl Into<String>) -> Self {
        let (repository, revision) = (repository.into(), revision.into());
        Self { repository, revision, root_path: String::new() }
    }

    /// Where in the repository the paths of the code begin. At its top by default.
    ///
    /// ```
    /// # use logfire_rs_sdk::CodeSource;
    /// let source = CodeSource::new("https://github.com/shop/api", "main").root_path("crates/api");
    /// ```
    #[must_use]
    pub fn root_path(mut self, root_path: impl Into<String>) -> Self {
        self.root_path = root_path.into();
        self
    }

    fn attributes(self) -> impl Iterator<Item = KeyValue> {
        let root_path = Some(self.root_path).filter(|path| !path.is_empty());
        let known = [
            KeyValue::new(VCS_REPOSITORY_URL_FULL, self.repository),
            KeyValue::new(VCS_REPOSITORY_REF_REVISION, self.revision),
        ];
        known.into_iter().chain(root_path.map(|path| KeyValue::new(CODE_ROOT_PATH, path)))
    }
}

impl fmt::Debug for CodeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeSource")
            .field("revision", &self.revision)
            .field("root_path", &self.root_path)
            .finish_non_exhaustive()
    }
}

impl ResourceSettings {
    /// Later wins: defaults, general variables, special variables, general setter, special setters.
    pub(crate) fn resolve(self, env: &Environment) -> Resource {
        let special = |name: &'static str, value: Option<String>| {
            value.map(|value| KeyValue::new(name, Value::from(value)))
        };
        let variables = [
            special(SERVICE_NAME, env.text(&["LOGFIRE_SERVICE_NAME", "OTEL_SERVICE_NAME"])),
            special(
                SERVICE_VERSION,
                env.text(&["LOGFIRE_SERVICE_VERSION", "OTEL_SERVICE_VERSION"]),
            ),
            special(DEPLOYMENT_ENVIRONMENT_NAME, env.text(&["LOGFIRE_ENVIRONMENT"])),
        ];
        let setters = [
            special(SERVICE_NAME, self.service_name),
            special(SERVICE_VERSION, self.service_version),
            special(DEPLOYMENT_ENVIRONMENT_NAME, self.environment),
        ];
        let pairs = |name: &str| {
            env.pairs(&[name]).into_iter().map(|(key, value)| KeyValue::new(key, value))
        };
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_attributes(defaults())
            .with_attributes(of_the_host(Path::new(KERNEL)))
            .with_attributes(pairs("OTEL_RESOURCE_ATTRIBUTES"))
            .with_attributes(pairs("LOGFIRE_RESOURCE_ATTRIBUTES"))
            .with_attributes(variables.into_iter().flatten())
            .with_attributes(self.code_source.into_iter().flat_map(CodeSource::attributes))
            .with_attributes(self.attributes)
            .with_attributes(setters.into_iter().flatten())
            .build();
        named(resource)
    }
}

/// Attributes are scrubbed before they are sent only, so that their values may be secrets here.
impl fmt::Debug for ResourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.attributes.iter().map(|it| it.key.as_str()).collect();
        f.debug_struct("ResourceSettings")
            .field("service_name", &self.service_name)
            .field("service_version", &self.service_version)
            .field("environment", &self.environment)
            .field("has_code_source", &self.code_source.is_some())
            .field("attributes", &names)
            .finish()
    }
}

fn defaults() -> [KeyValue; 5] {
    [
        KeyValue::new(SERVICE_NAME, unknown_service()),
        KeyValue::new(SERVICE_INSTANCE_ID, instance_id()),
        KeyValue::new(PROCESS_PID, i64::from(std::process::id())),
        KeyValue::new(OS_TYPE, os_type()),
        KeyValue::new(HOST_ARCH, host_arch()),
    ]
}

/// The name and the kernel of the host, where the system tells them in files, as Linux does.
fn of_the_host(kernel: &Path) -> impl Iterator<Item = KeyValue> {
    [(HOST_NAME, "hostname"), (OS_VERSION, "osrelease")].into_iter().filter_map(|(key, file)| {
        let text = std::fs::read_to_string(kernel.join(file)).ok()?;
        let value = text.trim();
        (!value.is_empty()).then(|| KeyValue::new(key, value.to_owned()))
    })
}

/// A service has a name, also if somebody has set it to nothing.
fn named(resource: Resource) -> Resource {
    let name = resource.get(&Key::from_static_str(SERVICE_NAME));
    if name.is_some_and(|name| !name.as_str().trim().is_empty()) {
        return resource;
    }
    let others = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(others)
        .with_attribute(KeyValue::new(SERVICE_NAME, unknown_service()))
        .build()
}

/// <https://opentelemetry.io/docs/specs/semconv/resource/#service>
fn unknown_service() -> String {
    let executable = std::env::current_exe().ok();
    let name = executable.as_deref().and_then(|path| path.file_stem());
    match name {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}

/// A random UUID, version 4. <https://www.rfc-editor.org/rfc/rfc9562#section-5.4>
fn instance_id() -> String {
    let random = u128::from_be_bytes(RandomIdGenerator::default().new_trace_id().to_bytes());
    let id = (random & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        id >> 96,
        (id >> 80) & 0xffff,
        (id >> 64) & 0xffff,
        (id >> 48) & 0xffff,
        id & 0xffff_ffff_ffff
    )
}

/// The conventions' names where Rust's differ.
fn os_type() -> &'static str {
    match std::env::consts::OS {
        "macos" | "ios" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::environment;

    fn resolved(settings: ResourceSettings, variables: &'static [(&str, &str)]) -> Vec<String> {
        let mut attributes: Vec<_> = settings
            .resolve(&environment(variables).0)
            .iter()
            .filter(|(key, _)| {
                !["telemetry.", "process.", "os.", "host.", "service.instance"]
                    .iter()
                    .any(|prefix| key.as_str().starts_with(prefix))
            })
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        attributes.sort();
        attributes
    }

    #[test]
    fn variables_and_setters_have_their_order() {
        let all: &[_] = &[
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=general,team=a,region=x"),
            ("LOGFIRE_RESOURCE_ATTRIBUTES", "region=y"),
            ("OTEL_SERVICE_NAME", "otel"),
            ("LOGFIRE_SERVICE_NAME", "logfire"),
            ("OTEL_SERVICE_VERSION", "1"),
            ("LOGFIRE_ENVIRONMENT", "staging"),
        ];
        assert_eq!(
            resolved(ResourceSettings::default(), all),
            [
                "deployment.environment.name=staging",
                "region=y",
                "service.name=logfire",
                "service.version=1",
                "team=a",
            ]
        );
        let settings = ResourceSettings {
            service_name: Some("setter".to_owned()),
            service_version: Some("2".to_owned()),
            environment: Some("prod".to_owned()),
            code_source: None,
            attributes: vec![
                KeyValue::new("service.name", "attribute"),
                KeyValue::new("team", "b"),
            ],
        };
        assert_eq!(
            resolved(settings, all),
            [
                "deployment.environment.name=prod",
                "region=y",
                "service.name=setter",
                "service.version=2",
                "team=b",
            ]
        );
        assert_eq!(
            resolved(
                ResourceSettings::default(),
                &[("OTEL_RESOURCE_ATTRIBUTES", "service.name=general")]
            ),
            ["service.name=general"]
        );
    }

    #[test]
    fn a_service_without_a_name_is_known_by_its_executable() {
        let empty =
            || ResourceSettings { service_name: Some(" ".to_owned()), ..Default::default() };
        for (settings, variables) in [
            (ResourceSettings::default(), &[][..]),
            (ResourceSettings::default(), &[("OTEL_RESOURCE_ATTRIBUTES", "service.name=")]),
            (empty(), &[]),
        ] {
            let attributes = resolved(settings, variables);
            assert!(attributes[0].starts_with("service.name=unknown_service:logfire_rs_sdk"));
        }
    }

    #[test]
    fn the_source_of_the_code_is_named_as_logfire_reads_it() {
        let source = CodeSource::new("https://github.com/shop/api", "4f2c1a9");
        let of = |source| {
            let settings = ResourceSettings { code_source: Some(source), ..Default::default() };
            resolved(settings, &[("OTEL_SERVICE_NAME", "shop")])
        };
        let known = [
            "service.name=shop",
            "vcs.repository.ref.revision=4f2c1a9",
            "vcs.repository.url.full=https://github.com/shop/api",
        ];
        assert_eq!(of(source.clone()), known);
        let [name, revision, url] = known;
        let root = "logfire.code.root_path=crates/api";
        assert_eq!(of(source.root_path("crates/api")), [root, name, revision, url]);
    }

    #[test]
    fn the_host_is_known_where_files_tell() {
        let directory = std::env::temp_dir().join(format!("logfire-rs-{}", instance_id()));
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("hostname"), "web-1\n").unwrap();
        std::fs::write(directory.join("osrelease"), "6.1.0-1\n").unwrap();
        let found: Vec<_> = of_the_host(&directory)
            .map(|attribute| format!("{}={}", attribute.key, attribute.value))
            .collect();
        assert_eq!(found, ["host.name=web-1", "os.version=6.1.0-1"]);
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(of_the_host(&directory).count(), 0);
    }

    #[test]
    fn instance_ids_are_uuids_of_version_4() {
        let id = instance_id();
        let shape: String =
            id.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, instance_id());
    }
}
