#![doc = include_str!("../README.md")]

mod body;
#[cfg(feature = "endpoint")]
mod endpoint;
mod error_type;
mod extract;
mod future;
mod headers;
mod likely;
mod middleware;
mod payload;
#[cfg(feature = "proxy")]
mod proxy;
mod task;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error};
pub use logfire_rs_core::{
    self as core, EndpointArguments, EndpointLimits, HttpServerOptions, current_request,
};

pub use crate::body::InstrumentedBody;
#[cfg(feature = "endpoint")]
pub use crate::endpoint::endpoint;
pub use crate::extract::RequestSpan;
pub use crate::future::ResponseFuture;
pub use crate::middleware::{HttpServerMiddleware, HttpServerService, middleware};
#[cfg(feature = "proxy")]
pub use crate::proxy::logfire_proxy;
pub use crate::task::{InRequest, in_request, spawn};

/// Instruments `app` with the default options: every request that it gets becomes a span.
///
/// Services that are added later are recorded, too. Middleware that is added later runs outside of
/// the span.
///
/// ```
/// use actix_web::{App, HttpServer, web};
///
/// let server = HttpServer::new(|| {
///     let app = App::new().route("/", web::get().to(|| async { "hello" }));
///     logfire_rs_actix_web::instrument(app)
/// });
/// ```
pub fn instrument<T, B>(
    app: App<T>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<InstrumentedBody<B>>,
        Error = Error,
        InitError = (),
    >,
>
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody,
{
    instrument_with(app, HttpServerOptions::default())
}

/// Instruments `app` with `options`; the environment key is `ACTIX_WEB`.
///
/// Services that are added later are recorded, too. Middleware that is added later runs outside of
/// the span.
///
/// ```
/// use actix_web::{App, HttpServer, web};
/// use logfire_rs_actix_web::HttpServerOptions;
///
/// let server = HttpServer::new(|| {
///     let options = HttpServerOptions::default().excluded_urls(["^/health$"]);
///     let app = App::new().route("/", web::get().to(|| async { "hello" }));
///     logfire_rs_actix_web::instrument_with(app, options)
/// });
/// ```
pub fn instrument_with<T, B>(
    app: App<T>,
    options: HttpServerOptions,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<InstrumentedBody<B>>,
        Error = Error,
        InitError = (),
    >,
>
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody,
{
    app.wrap(middleware(options))
}

/// What `#[endpoint]` expands to; not for use.
#[cfg(feature = "endpoint")]
#[doc(hidden)]
pub mod __private {
    pub use logfire_rs_core::endpoint::{
        Argument, Captured, Endpoint, EndpointCall, EndpointInfo, EndpointLimits, no_key,
    };
    pub use logfire_rs_core::{
        __capture as capture, __capture_debug as capture_debug, __error_text as error_text,
        __wrong_key as wrong_key,
    };
    pub use logfire_rs_macros::facade_actix_web_endpoint as facade_endpoint;

    pub use crate::endpoint::{ActixWeb as Framework, Arg};
}
