//! The server of a process: takes data channels and control streams from other pods.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use sabot_core::Element;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use tracing::debug;

use crate::client::{
    CONNECTION_WINDOW_BYTES, FRAME_BYTES_MAX, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
    STREAM_WINDOW_BYTES,
};
use crate::wire::{Decoder, MESSAGE_BYTES_MAX, Opening, WireError};
use crate::{ControlAcceptor, Exchange, NetError, Sender, control};

/// How long streams may take to end when the server is shut down.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// Listens, but serves only in [`Self::serve`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    service: Service,
    close: watch::Sender<bool>,
}

impl Server {
    /// Listens on `addr` for channels that `exchange` expects. Control streams go to `control`;
    /// without one, or when its receiver is gone, they are refused.
    pub async fn bind(
        addr: SocketAddr,
        exchange: Arc<Exchange>,
        control: impl Into<Option<ControlAcceptor>>,
    ) -> Result<Self, NetError> {
        let failed = |source| NetError::Bind { addr: addr.to_string(), source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let (close, closing) = watch::channel(false);
        let service = Service { exchange, control: control.into(), closing };
        Ok(Self { listener, addr, service, close })
    }

    /// Where it listens, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` ends; then all streams are closed.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), NetError> {
        let Self { listener, addr, service, close } = self;
        let mut closing = service.closing.clone();
        let flight = FlightServiceServer::new(service)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let stop = async {
            shutdown.await;
            close.send_replace(true);
        };
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES_MAX)
            .add_service(flight)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                stop,
            );
        tokio::select! {
            served = serving => served.map_err(|error| NetError::Serve {
                addr: addr.to_string(),
                source: error.into(),
            }),
            () = async {
                closed(&mut closing).await;
                tokio::time::sleep(SHUTDOWN_LIMIT).await;
            } => Ok(()),
        }
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

#[derive(Debug, Clone)]
struct Service {
    exchange: Arc<Exchange>,
    control: Option<ControlAcceptor>,
    closing: watch::Receiver<bool>,
}

impl Service {
    async fn receive(&self, mut incoming: Streaming<FlightData>) -> Result<(), Status> {
        let first = incoming.message().await?.ok_or_else(cut)?;
        let opening = Opening::decode(&first).map_err(malformed)?;
        let Opening { attempt, channel } = opening;
        let sender = self
            .exchange
            .take(attempt, channel)
            .await
            .map_err(|error| Status::failed_precondition(error.to_string()))?;
        debug!(%attempt, %channel, "channel opened");
        tokio::select! {
            biased;
            stale = self.exchange.retired(attempt) => {
                Err(Status::failed_precondition(stale.to_string()))
            }
            ended = carry(incoming, sender) => ended,
        }
    }
}

/// Queues what comes until the end. Waiting for room in the queue stops the stream by its
/// window.
async fn carry(mut incoming: Streaming<FlightData>, sender: Sender) -> Result<(), Status> {
    let mut decoder = Decoder::default();
    while let Some(message) = incoming.message().await? {
        let Some(element) = decoder.decode(&message).map_err(malformed)? else { continue };
        let end = matches!(element, Element::End);
        sender.send(element).await.map_err(|closed| Status::cancelled(closed.to_string()))?;
        if end {
            return Ok(());
        }
    }
    Err(cut())
}

fn cut() -> Status {
    Status::data_loss("the channel was closed before its end")
}

fn malformed(error: WireError) -> Status {
    Status::invalid_argument(sabot_core::Error::external("reading a channel failed", error).chain())
}

fn unused<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("Sabot takes only DoPut and DoExchange"))
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let mut closing = self.closing.clone();
        tokio::select! {
            () = closed(&mut closing) => {
                Err(Status::unavailable("the process is shutting down"))
            }
            received = self.receive(request.into_inner()) => {
                received.map(|()| Response::new(futures::stream::empty().boxed()))
            }
        }
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        let mut closing = self.closing.clone();
        let closing = async move { closed(&mut closing).await };
        let frames = control::accept(self.control.as_ref(), request.into_inner(), closing).await?;
        Ok(Response::new(frames.map(Ok).boxed()))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        unused()
    }

    async fn list_flights(
        &self,
        _: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        unused()
    }

    async fn get_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        unused()
    }

    async fn poll_flight_info(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        unused()
    }

    async fn get_schema(
        &self,
        _: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        unused()
    }

    async fn do_get(&self, _: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        unused()
    }

    async fn do_action(
        &self,
        _: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        unused()
    }

    async fn list_actions(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        unused()
    }
}
