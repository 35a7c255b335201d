//! The methods of client builders that only pass on what they are given.

/// The methods `$name`, which call those of `$theirs`.
macro_rules! passed_on {
    ($theirs:literal: $($(#[$feature:meta])? $name:ident($($argument:ident: $type:ty),*);)*) => {
        impl ClientBuilder {$(
            #[doc = concat!("As [`", $theirs, "::", stringify!($name), "`].")]
            $(#[$feature])?
            pub fn $name(self, $($argument: $type),*) -> Self {
                self.map(|it| it.$name($($argument),*))
            }
        )*}
    };
}

/// Those that the async and the blocking builder have in common.
macro_rules! passed_on_by_both {
    ($theirs:literal) => {
        $crate::passed_on::passed_on! {
            $theirs:
            connection_verbose(verbose: bool);
            default_headers(headers: HeaderMap);
            http09_responses();
            http1_allow_obsolete_multiline_headers_in_responses(value: bool);
            http1_allow_spaces_after_header_name_in_responses(value: bool);
            http1_ignore_invalid_headers_in_responses(value: bool);
            http1_max_headers(max: usize);
            http1_only();
            http1_title_case_headers();
            https_only(enabled: bool);
            local_address(address: impl Into<Option<std::net::IpAddr>>);
            no_brotli();
            no_deflate();
            no_gzip();
            no_hickory_dns();
            no_proxy();
            no_zstd();
            pool_idle_timeout(timeout: impl Into<Option<Duration>>);
            pool_max_idle_per_host(max: usize);
            proxy(proxy: reqwest::Proxy);
            resolve(domain: &str, address: std::net::SocketAddr);
            resolve_to_addrs(domain: &str, addresses: &[std::net::SocketAddr]);
            retry(policy: reqwest::retry::Builder);
            tcp_keepalive(time: impl Into<Option<Duration>>);
            tcp_keepalive_interval(interval: impl Into<Option<Duration>>);
            tcp_keepalive_retries(retries: impl Into<Option<u32>>);
            tcp_nodelay(enabled: bool);
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))] tcp_user_timeout(timeout: impl Into<Option<Duration>>);
            #[cfg(any(target_os = "linux", target_os = "macos"))] interface(interface: &str);
            #[cfg(feature = "brotli")] brotli(enable: bool);
            #[cfg(feature = "cookies")] cookie_store(enable: bool);
            #[cfg(feature = "deflate")] deflate(enable: bool);
            #[cfg(feature = "gzip")] gzip(enable: bool);
            #[cfg(feature = "hickory-dns")] hickory_dns(enable: bool);
            #[cfg(feature = "http2")] http2_adaptive_window(enabled: bool);
            #[cfg(feature = "http2")] http2_initial_connection_window_size(size: impl Into<Option<u32>>);
            #[cfg(feature = "http2")] http2_initial_stream_window_size(size: impl Into<Option<u32>>);
            #[cfg(feature = "http2")] http2_keep_alive_interval(interval: impl Into<Option<Duration>>);
            #[cfg(feature = "http2")] http2_keep_alive_timeout(timeout: Duration);
            #[cfg(feature = "http2")] http2_keep_alive_while_idle(enabled: bool);
            #[cfg(feature = "http2")] http2_max_frame_size(size: impl Into<Option<u32>>);
            #[cfg(feature = "http2")] http2_max_header_list_size(size: u32);
            #[cfg(feature = "http2")] http2_prior_knowledge();
            #[cfg(feature = "rustls-no-provider")] add_crl(list: reqwest::tls::CertificateRevocationList);
            #[cfg(feature = "rustls-no-provider")] add_crls(lists: impl IntoIterator<Item = reqwest::tls::CertificateRevocationList>);
            #[cfg(feature = "rustls-no-provider")] add_root_certificate(certificate: reqwest::Certificate);
            #[cfg(feature = "rustls-no-provider")] danger_accept_invalid_certs(accept: bool);
            #[cfg(feature = "rustls-no-provider")] danger_accept_invalid_hostnames(accept: bool);
            #[cfg(feature = "rustls-no-provider")] identity(identity: reqwest::Identity);
            #[cfg(feature = "rustls-no-provider")] max_tls_version(version: reqwest::tls::Version);
            #[cfg(feature = "rustls-no-provider")] min_tls_version(version: reqwest::tls::Version);
            #[cfg(feature = "rustls-no-provider")] tls_backend_rustls();
            #[cfg(feature = "rustls-no-provider")] tls_certs_merge(certificates: impl IntoIterator<Item = reqwest::Certificate>);
            #[cfg(feature = "rustls-no-provider")] tls_certs_only(certificates: impl IntoIterator<Item = reqwest::Certificate>);
            #[cfg(feature = "rustls-no-provider")] tls_crls_only(lists: impl IntoIterator<Item = reqwest::tls::CertificateRevocationList>);
            #[cfg(feature = "rustls-no-provider")] tls_danger_accept_invalid_certs(accept: bool);
            #[cfg(feature = "rustls-no-provider")] tls_danger_accept_invalid_hostnames(accept: bool);
            #[cfg(feature = "rustls-no-provider")] tls_info(tls_info: bool);
            #[cfg(feature = "rustls-no-provider")] tls_sni(tls_sni: bool);
            #[cfg(feature = "rustls-no-provider")] tls_sslkeylogfile(write: bool);
            #[cfg(feature = "rustls-no-provider")] tls_version_max(version: reqwest::tls::Version);
            #[cfg(feature = "rustls-no-provider")] tls_version_min(version: reqwest::tls::Version);
            #[cfg(feature = "rustls-no-provider")] use_rustls_tls();
            #[cfg(feature = "zstd")] zstd(enable: bool);
        }
    };
}

pub(crate) use {passed_on, passed_on_by_both};
