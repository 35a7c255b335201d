//! Which proxy of the environment leads to a destination. The rules are those of curl, and of Python's requests.

use std::net::IpAddr;

use http::Uri;

use super::Destination;

impl Destination {
    /// The URL of the proxy that the variables name, if it is to be used.
    pub(crate) fn proxy(&self, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        let uri = self.base_url.parse::<Uri>().ok().filter(|_| self.environment_proxy)?;
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let set = |name: &&str| variable(name).filter(|value| !value.trim().is_empty());
        let exceptions = ["no_proxy", "NO_PROXY"].iter().find_map(set).unwrap_or_default();
        if is_loopback(&host) || exceptions.split(',').any(|it| covers(it.trim(), &host)) {
            return None;
        }
        let names = match uri.scheme_str() {
            Some("https") => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
            _ => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        };
        names.iter().find_map(set).map(|url| url.trim().to_owned())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an entry of `NO_PROXY` is for this host: `*`, the host itself, or a domain that it belongs to.
fn covers(entry: &str, host: &str) -> bool {
    let domain = entry.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    let is_below = || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
    domain == "*" || host == domain || (!domain.is_empty() && is_below())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy to `url`, with variables such as `HTTP_PROXY=http://p NO_PROXY=a,b`.
    fn proxy(url: &str, variables: &str) -> Option<String> {
        let variable = |name: &str| {
            let mut pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        Destination::new(url).unwrap().environment_proxy(true).proxy(variable)
    }

    #[test]
    fn the_scheme_of_the_destination_names_the_variable() {
        let both = "HTTPS_PROXY=http://s:1 HTTP_PROXY=http://h:1 ALL_PROXY=socks5://a:1";
        assert_eq!(proxy("https://x", both).as_deref(), Some("http://s:1"));
        assert_eq!(proxy("http://x:4318/v1", both).as_deref(), Some("http://h:1"));
        assert_eq!(proxy("http://x", "HTTPS_PROXY=http://s:1"), None);
        assert_eq!(proxy("https://x", "HTTP_PROXY=http://h:1"), None);
        assert_eq!(proxy("https://x", "all_proxy=http://a:1").as_deref(), Some("http://a:1"));
        assert_eq!(proxy("https://x", "https_proxy= HTTPS_PROXY=p:1").as_deref(), Some("p:1"));
        assert_eq!(proxy("https://x", ""), None);
        let not_asked = Destination::new("https://x").unwrap();
        assert_eq!(not_asked.proxy(|_| Some("http://p".to_owned())), None);
    }

    #[test]
    fn exceptions_are_hosts_and_domains() {
        let is_proxied = |host: &str, exceptions: &str| {
            let variables = format!("HTTP_PROXY=http://p NO_PROXY={exceptions}");
            proxy(&format!("http://{host}:4318"), &variables).is_some()
        };
        for exceptions in
            ["*", "a,collector.example", ".example", "*.example", "EXAMPLE", "example"]
        {
            assert!(!is_proxied("Collector.example", exceptions), "{exceptions}");
        }
        for exceptions in ["", "a,b", "or.example", "collector", "example.com", ",,"] {
            assert!(is_proxied("collector.example", exceptions), "{exceptions}");
        }
        assert!(!is_proxied("[fd00::1]", "fd00::1") && !is_proxied("10.0.0.1", "10.0.0.1"));
    }

    #[test]
    fn loopback_is_never_proxied() {
        for (url, proxied) in [
            ("http://localhost:1", false),
            ("http://127.0.0.9", false),
            ("http://[::1]:1/x", false),
            ("http://127.0.0.1.example", true),
        ] {
            assert_eq!(proxy(url, "HTTP_PROXY=http://p").is_some(), proxied, "{url}");
        }
    }
}
