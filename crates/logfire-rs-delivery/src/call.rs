//! One gRPC call, and what its answer means.

use std::{error::Error, io, time::Duration};

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, header, uri::PathAndQuery};
use opentelemetry::Context;
use tokio::runtime::{Builder, Runtime};
use tonic::{
    Code, ConnectError, Extensions, Request, Status,
    client::Grpc,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt;

use crate::{
    Destination, Export, partial,
    transport::{Answer, Attempt, Transport, USER_AGENT, connect_timeout},
};

/// A gRPC client for one destination, with a runtime of its own: the program may have none, or one that ends first.
#[derive(Debug)]
pub(crate) struct Caller {
    runtime: Runtime,
    channel: Channel,
    destination: Destination,
}

impl Caller {
    pub(crate) fn new(destination: &Destination) -> io::Result<Self> {
        // Before there is a runtime, which must not be dropped by a thread of another one.
        let endpoint = endpoint(destination).map_err(io::Error::other)?;
        // One thread more than the delivery's own: between two calls somebody has to answer the server's pings.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("logfire-grpc")
            // What goes out must not be recorded, or it would go out in turn. The guard has no end before its thread.
            .on_thread_start(|| std::mem::forget(Context::enter_telemetry_suppressed_scope()))
            .enable_all()
            .build()?;
        let channel = {
            let _entered = runtime.enter();
            endpoint.connect_lazy()
        };
        Ok(Self { runtime, channel, destination: destination.clone() })
    }

    fn call(
        &self,
        path: &PathAndQuery,
        metadata: &HeaderMap,
        message: Bytes,
        timeout: Duration,
    ) -> Answer {
        let metadata = MetadataMap::from_headers(metadata.clone());
        let mut request = Request::from_parts(metadata, Extensions::new(), message);
        request.set_timeout(timeout);
        let mut client = Grpc::new(self.channel.clone());
        if self.destination.compresses() {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        let call = async {
            client.ready().await.map_err(|error| Status::from_error(error.into()))?;
            client.unary(request, path.clone(), Messages).await
        };
        match self.runtime.block_on(async { tokio::time::timeout(timeout, call).await }) {
            Ok(Ok(response)) => {
                Answer::accepted(partial::in_protobuf(response.get_ref()), &self.destination)
            }
            Ok(Err(status)) => answer(&status),
            Err(_) => Answer::Silent { reason: "timeout".to_owned(), connected: true },
        }
    }
}

impl Transport for Caller {
    fn attempt<'a>(&'a self, export: &'a Export) -> Result<Attempt<'a>, String> {
        let path = PathAndQuery::try_from(export.path()).map_err(|error| error.to_string())?;
        let mut metadata = self.destination.headers().clone();
        let own = export.headers().iter().filter(|(name, _)| **name != header::CONTENT_TYPE);
        metadata.extend(own.map(|(name, value)| (Some(name.clone()), value.clone())));
        let timeout = export.own_timeout().unwrap_or(self.destination.request_timeout());
        Ok(Box::new(move || self.call(&path, &metadata, export.body().clone(), timeout)))
    }
}

fn endpoint(destination: &Destination) -> Result<Endpoint, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(destination.origin())?
        .user_agent(USER_AGENT)?
        .connect_timeout(connect_timeout(destination.request_timeout()));
    if endpoint.uri().scheme_str() != Some("https") {
        return Ok(endpoint);
    }
    let mut tls = ClientTlsConfig::new();
    if let Some(identity) = destination.identity() {
        tls = tls.identity(Identity::from_pem(&identity.certificates, &identity.key));
    }
    endpoint.tls_config(match destination.trusted() {
        Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
        None => tls.with_webpki_roots(),
    })
}

/// <https://opentelemetry.io/docs/specs/otlp/#failures>
fn answer(status: &Status) -> Answer {
    // What the server has said has no source; everything else went wrong on the way.
    if let Some(source) = status.source() {
        let causes = || std::iter::successors(Some(source), |&cause| cause.source());
        let reason = causes().last().map(ToString::to_string).unwrap_or_default();
        let connected = !causes().any(<dyn Error>::is::<ConnectError>);
        return Answer::Silent { reason, connected };
    }
    let retry_after = retry_delay(status);
    // The text may be anything, and is not repeated.
    let reason = format!("gRPC status {} ({:?})", i32::from(status.code()), status.code());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Answer::Busy { reason, retry_after },
        Code::ResourceExhausted if retry_after.is_some() => Answer::Busy { reason, retry_after },
        Code::Unauthenticated | Code::PermissionDenied => {
            Answer::Refused { reason: reason + "; check the token" }
        }
        Code::Unimplemented => {
            let hint = "; check the endpoint, and whether it takes gzip";
            Answer::Refused { reason: reason + hint }
        }
        _ => Answer::Refused { reason },
    }
}

/// <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-throttling>
fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// Messages that are encoded already.
#[derive(Clone, Copy, Debug)]
struct Messages;

impl Codec for Messages {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Messages {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Messages {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
