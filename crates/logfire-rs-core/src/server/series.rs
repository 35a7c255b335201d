//! What the usual series of a server's metrics are known by.

use super::exchange::ServerExchange;
use crate::message::HttpVersion;
use crate::names::Template;
use crate::request_span::{Exchange, Notes};

/// What the attributes of a usual request are made of; the strings are all interned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    route: Option<&'static str>,
    method: &'static str,
    scheme: &'static str,
    version: Option<HttpVersion>,
    status: Option<u16>,
}

impl Series {
    /// The series of a request, if it has no attribute of its own.
    pub(super) fn of(exchange: &Exchange, server: &ServerExchange, notes: &Notes) -> Option<Self> {
        let of_its_own =
            notes.failure.or(notes.error).is_some() || !notes.metric_attributes().is_empty();
        let route = match &notes.route {
            Some(Template::Static(route)) => Some(*route),
            Some(Template::Shared(_)) => return None,
            None => None,
        };
        let method = exchange.method.as_str();
        let &ServerExchange { scheme, version, .. } = server;
        let status = notes.status;
        (!of_its_own).then_some(Self { route, method, scheme, version, status })
    }

    /// Its parts in one number, for a table.
    pub(super) fn mixed(&self) -> u64 {
        let route = self.route.map_or(0, |it| it.as_ptr().addr());
        let status = usize::from(self.status.unwrap_or_default());
        (route ^ self.method.as_ptr().addr().rotate_left(8) ^ status.rotate_left(16)) as u64
    }
}
