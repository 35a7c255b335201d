//! The header map of actix-web, for core.

use actix_web::http::header;
use logfire_rs_core::{HeaderValue, Headers};

pub(crate) struct ActixHeaders<'a>(pub(crate) &'a header::HeaderMap);

impl Headers for ActixHeaders<'_> {
    fn first(&self, name: &str) -> Option<HeaderValue<'_>> {
        self.0.get(name).map(value)
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(HeaderValue<'_>)) {
        self.0.get_all(name).map(value).for_each(visit);
    }

    fn each_pair(&self, visit: &mut dyn FnMut(&str, HeaderValue<'_>)) {
        self.0.iter().for_each(|(name, it)| visit(name.as_str(), value(it)));
    }
}

fn value(value: &header::HeaderValue) -> HeaderValue<'_> {
    HeaderValue { bytes: value.as_bytes(), sensitive: value.is_sensitive() }
}
