//! Which attributes are scrubbed, and how.

/// What is done with an attribute of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// By its name, and by what is in it.
    Open,
    /// It stays as it is.
    Safe,
    /// It stays, but for the values in its query.
    Location,
    /// It is a query.
    Query,
    /// It is a text for people, which may hold values.
    Text,
}

/// The safe keys of Logfire's Python SDK, their stable names, and the names of hosts, services and places in the code,
/// which often contain `auth` or `session` and are no secrets. What Python leaves open in them is scrubbed inside.
pub(super) fn rule(key: &str) -> Rule {
    match key {
        "url.full" | "http.url" | "url.path" | "http.target" | "vcs.repository.url.full" => {
            Rule::Location
        }
        "url.query" => Rule::Query,
        "logfire.msg" | "exception.message" | "exception.stacktrace" => Rule::Text,
        "logfire.msg_template"
        | "logfire.json_schema"
        | "logfire.tags"
        | "logfire.level_name"
        | "logfire.level_num"
        | "logfire.span_type"
        | "logfire.pending_parent_id"
        | "logfire.sample_rate"
        | "logfire.logger_name"
        | "logfire.scrubbed"
        | "logfire.config"
        | "logfire.package_versions"
        | "logfire.version"
        | "logfire.exception.fingerprint"
        | "exception.type"
        | "error.type"
        | "http.method"
        | "http.request.method"
        | "http.status_code"
        | "http.response.status_code"
        | "http.scheme"
        | "url.scheme"
        | "http.route"
        | "url.template"
        | "http.host"
        | "http.server_name"
        | "server.address"
        | "client.address"
        | "network.peer.address"
        | "network.local.address"
        | "net.host.name"
        | "net.peer.name"
        | "peer.service"
        | "dns.question.name"
        | "db.statement"
        | "db.query.text"
        | "db.plan"
        | "event.name"
        | "rpc.service"
        | "rpc.method"
        | "fastapi.route.name"
        | "fastapi.route.operation_id"
        | "thread.name"
        | "target"
        | "agent_session_id"
        | "do_not_scrub"
        | "binary_content"
        | "pydantic_ai.all_messages"
        | "model_request_parameters" => Rule::Safe,
        _ if ["code.", "gen_ai.", "langsmith."].iter().any(|prefix| key.starts_with(prefix)) => {
            Rule::Safe
        }
        _ => Rule::Open,
    }
}
