//! Mounts the telemetry proxy.

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use logfire_rs_proxy::LogfireProxy;
use logfire_rs_tower::ProxyFuture;
use percent_encoding::percent_decode_str;

/// Mounts `proxy` for `/logfire-proxy/{*path}`, where browsers post to `…/v1/traces`, `…/v1/logs` and `…/v1/metrics`.
///
/// It answers by itself what is not as it should be, and reads bodies up to the limit of the proxy, 50 MiB by default,
/// instead of axum's 2 MB. At a path that ends so it is not recorded by the instrumentation; at any other, name the
/// route in `HttpServerOptions::exclude_routes`. Who may post is said by layers and extractors around it.
///
/// ```
/// use axum::Router;
/// use logfire_rs_proxy::LogfireProxy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let builder = || LogfireProxy::builder().env_lookup(|_| None).base_url("http://127.0.0.1:1");
/// let proxy = builder().tokens(["pylf_v1_us_0123456789"]).finish()?;
/// let app: Router =
///     Router::new().route("/logfire-proxy/{*path}", logfire_rs_axum::logfire_proxy(proxy));
/// # Ok(())
/// # }
/// ```
pub fn logfire_proxy<S>(proxy: LogfireProxy) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    any(move |parameters: Parameters, request: Request| {
        let uri = request.uri().clone();
        let answer = ProxyFuture::new(&proxy, request, path(&parameters, uri.path()));
        async move {
            let Ok(response) = answer.await;
            response.map(Body::new) as Response
        }
    })
}

type Parameters = Result<RawPathParams, RawPathParamsRejection>;

/// The parameter `path` as it is in the path of the URL, or how to write it.
fn path<'a>(parameters: &Parameters, path: &'a str) -> Result<&'a str, &'static str> {
    match parameters {
        Ok(parameters) => {
            let parameter = parameters.iter().find(|(name, _)| *name == "path");
            let (_, decoded) = parameter.ok_or("{*path}")?;
            Ok(encoded(path, decoded.len()).unwrap_or("/"))
        }
        // A path with bytes that are not UTF-8 is there, and no good.
        Err(RawPathParamsRejection::InvalidUtf8InPathParam(_)) => Ok("/"),
        Err(_) => Err("{*path}"),
    }
}

/// The last segments of `path` that have this length when they are decoded: axum gives its parameters decoded, and a
/// path is to be decoded once.
fn encoded(path: &str, decoded_length: usize) -> Option<&str> {
    let (mut length, mut start) = (0, path.len());
    for segment in path.rsplit('/') {
        length += percent_decode_str(segment).count();
        start -= segment.len();
        if length >= decoded_length {
            return path.get(start..).filter(|_| length == decoded_length);
        }
        // The slash before it.
        (length, start) = (length + 1, start.checked_sub(1)?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_parameter_is_found_in_the_path_by_its_decoded_length() {
        for (path, parameter, expected) in [
            ("/logfire-proxy/v1/traces", "v1/traces", Some("v1/traces")),
            ("/p/v1/%74races", "v1/traces", Some("v1/%74races")),
            ("/p/v1/%2574races", "v1/%74races", Some("v1/%2574races")),
            ("/p/v1%2Ftraces", "v1/traces", Some("v1%2Ftraces")),
            ("/%70/v1/traces/", "v1/traces/", Some("v1/traces/")),
            ("/p//v1//traces", "/v1//traces", Some("/v1//traces")),
            ("/p/%zz", "%zz", Some("%zz")),
            ("/p/traces", "race", None),
            ("/p", "longer", None),
            ("", "x", None),
        ] {
            assert_eq!(encoded(path, parameter.len()), expected, "{path}");
        }
    }
}
