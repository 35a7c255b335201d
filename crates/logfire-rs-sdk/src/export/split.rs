//! Requests that are too large for one body are sent in halves.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_sdk::error::OTelSdkError;
use prost::{Message, bytes::Bytes};

use super::encode::Encoding;
use crate::data_model;

/// A request that can be sent in parts.
pub(super) trait Request: Message + serde::Serialize + Clone {
    /// How many spans, logs or metrics there are.
    fn len(&self) -> usize;

    /// How many of them the account knows.
    fn counted(&self) -> u64 {
        self.len() as u64
    }

    /// Keeps those for which `keep` says so, which is asked once for each in order.
    fn retain(&mut self, keep: impl FnMut() -> bool);
}

/// A body and how many items in it are counted.
pub(super) type Part = (Bytes, u64);

/// The bodies of a request, each within the limit of the encoding as far as its items allow.
pub(super) fn parts<R: Request>(
    request: &R,
    encoding: Encoding,
) -> Result<Vec<Part>, OTelSdkError> {
    within(request, encoding, encoding.max_body())
}

fn within<R: Request>(
    request: &R,
    encoding: Encoding,
    limit: usize,
) -> Result<Vec<Part>, OTelSdkError> {
    let body = encoding.encode(request)?;
    let count = request.len();
    if body.len() <= limit || count < 2 {
        return Ok(vec![(body.into(), request.counted())]);
    }
    let (mut first, mut second) = (request.clone(), request.clone());
    let half = |first: bool| {
        let mut number = 0;
        move || {
            number += 1;
            (number <= count / 2) == first
        }
    };
    first.retain(half(true));
    second.retain(half(false));
    let mut parts = within(&first, encoding, limit)?;
    parts.extend(within(&second, encoding, limit)?);
    Ok(parts)
}

macro_rules! request {
    ($request:ty, $resources:ident, $scopes:ident, $items:ident $(, $counted:item)?) => {
        impl Request for $request {
            fn len(&self) -> usize {
                self.$resources.iter().flat_map(|it| &it.$scopes).map(|it| it.$items.len()).sum()
            }

            fn retain(&mut self, mut keep: impl FnMut() -> bool) {
                for resource in &mut self.$resources {
                    for scope in &mut resource.$scopes {
                        scope.$items.retain(|_| keep());
                    }
                    resource.$scopes.retain(|scope| !scope.$items.is_empty());
                }
                self.$resources.retain(|resource| !resource.$scopes.is_empty());
            }

            $($counted)?
        }
    };
}

request!(
    ExportTraceServiceRequest,
    resource_spans,
    scope_spans,
    spans,
    fn counted(&self) -> u64 {
        let scopes = self.resource_spans.iter().flat_map(|it| &it.scope_spans);
        let ended = scopes.flat_map(|it| &it.spans).filter(|it| !data_model::announces(it));
        ended.count() as u64
    }
);
request!(ExportLogsServiceRequest, resource_logs, scope_logs, log_records);
request!(ExportMetricsServiceRequest, resource_metrics, scope_metrics, metrics);

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };

    use super::*;

    fn traces(scopes: &[&[&str]]) -> ExportTraceServiceRequest {
        let span = |name: &&str| Span { name: (*name).to_owned(), ..Span::default() };
        let scope = |names: &&[&str]| ScopeSpans {
            spans: names.iter().map(span).collect(),
            ..ScopeSpans::default()
        };
        let scope_spans = scopes.iter().map(scope).collect();
        let resource = ResourceSpans { scope_spans, ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![resource] }
    }

    /// The names in each part, scope by scope.
    fn names(parts: Vec<Part>) -> Vec<String> {
        let part = |(body, counted): Part| {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
            let names = scopes.map(|scope| {
                let names: Vec<_> = scope.spans.iter().map(|span| span.name.as_str()).collect();
                names.join(",")
            });
            format!("{counted}: {}", names.collect::<Vec<_>>().join(" | "))
        };
        parts.into_iter().map(part).collect()
    }

    #[test]
    fn what_is_within_the_limit_stays_whole() {
        let request = traces(&[&["a", "b"], &["c"]]);
        let limit = request.encoded_len();
        assert_eq!(names(within(&request, Encoding::Protobuf, limit).unwrap()), ["3: a,b | c"]);
    }

    #[test]
    fn what_is_beyond_is_halved_until_it_fits_and_nothing_is_lost() {
        let request = traces(&[&["a", "b"], &["c", "d", "e"]]);
        let limit = request.encoded_len() - 1;
        assert_eq!(
            names(within(&request, Encoding::Protobuf, limit).unwrap()),
            ["2: a,b", "3: c,d,e"]
        );
        assert_eq!(
            names(within(&request, Encoding::Protobuf, 1).unwrap()),
            ["1: a", "1: b", "1: c", "1: d", "1: e"]
        );
    }

    #[test]
    fn json_is_measured_as_json() {
        let records = vec![LogRecord::default(); 2];
        let scope = ScopeLogs { log_records: records, ..ScopeLogs::default() };
        let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
        let request = ExportLogsServiceRequest { resource_logs: vec![resource] };
        let limit = request.encoded_len();
        assert_eq!(within(&request, Encoding::Protobuf, limit).unwrap().len(), 1);
        assert_eq!(within(&request, Encoding::Json, limit).unwrap().len(), 2);
    }
}
