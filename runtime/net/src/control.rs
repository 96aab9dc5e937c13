//! Control streams: frames of bytes in both directions between a worker and the coordinator.

use std::future::Future;
use std::pin::Pin;

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::NetError;
use crate::client::{connect, flight_client};

/// Frames that wait in each direction before the sender does.
const FRAMES_MAX: usize = 64;

/// One end of a control stream. Dropping both halves ends it; so does the death of the peer.
#[derive(Debug)]
pub struct ControlLink {
    /// Frames to the peer, at most 64 MiB each; closed when the peer is gone.
    pub tx: mpsc::Sender<Bytes>,
    /// Frames from the peer; none when it is gone.
    pub rx: mpsc::Receiver<Bytes>,
}

/// Takes the control streams that a server accepts.
pub type ControlAcceptor = mpsc::Sender<ControlLink>;

/// Opens a control stream to the coordinator that listens on `addr` (`host:port`). Does not try
/// again: how long to wait for a coordinator is the caller's decision.
pub async fn connect_control(addr: &str) -> Result<ControlLink, NetError> {
    let channel = connect(addr).await?;
    let (outgoing, link, pump) = Link::new();
    let reply = flight_client(channel.clone())
        .do_exchange(outgoing.frames())
        .await
        .map_err(|status| NetError::Control { addr: addr.to_owned(), source: status.into() })?;
    tokio::spawn(async move {
        pump.run(reply.into_inner(), std::future::pending()).await;
        drop(channel);
    });
    Ok(link)
}

/// Serves an incoming control stream: hands one end to `acceptor` and gives the frames to answer
/// with. `closing` ends the stream.
pub(crate) async fn accept(
    acceptor: Option<&ControlAcceptor>,
    incoming: Streaming<FlightData>,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Result<impl Stream<Item = FlightData> + Send + 'static, Status> {
    let nobody = || Status::failed_precondition("this process runs no coordinator");
    let (outgoing, link, pump) = Link::new();
    acceptor.ok_or_else(nobody)?.send(link).await.map_err(|_| nobody())?;
    tokio::spawn(pump.run(incoming, closing));
    Ok(outgoing.frames())
}

struct Link;

/// The frames that go out, until the peer is gone.
struct Outgoing {
    frames: mpsc::Receiver<Bytes>,
    gone: oneshot::Receiver<()>,
}

/// Carries what comes in; dropping `gone` ends what goes out.
struct Pump {
    tx: mpsc::Sender<Bytes>,
    gone: oneshot::Sender<()>,
}

impl Link {
    #[expect(clippy::new_ret_no_self, reason = "it makes the three parts of a link")]
    fn new() -> (Outgoing, ControlLink, Pump) {
        let (out_tx, out_rx) = mpsc::channel(FRAMES_MAX);
        let (in_tx, in_rx) = mpsc::channel(FRAMES_MAX);
        let (gone_tx, gone_rx) = oneshot::channel();
        (
            Outgoing { frames: out_rx, gone: gone_rx },
            ControlLink { tx: out_tx, rx: in_rx },
            Pump { tx: in_tx, gone: gone_tx },
        )
    }
}

impl Outgoing {
    fn frames(self) -> impl Stream<Item = FlightData> + Send + 'static {
        ReceiverStream::new(self.frames)
            .map(|frame| FlightData::new().with_data_body(frame))
            .take_until(self.gone)
    }
}

impl Pump {
    async fn run(self, mut incoming: Streaming<FlightData>, closing: impl Future<Output = ()>) {
        let Self { tx, gone } = self;
        let mut closing: Pin<&mut _> = std::pin::pin!(closing);
        loop {
            let message = tokio::select! {
                () = &mut closing => break,
                message = incoming.message() => message,
            };
            // A broken stream and an ended one mean the same: the peer is gone.
            let Ok(Some(message)) = message else { break };
            // Read on when nobody listens: leaving would cut off what is still to be sent.
            tokio::select! {
                () = &mut closing => break,
                _ = tx.send(message.data_body) => {}
            }
        }
        drop(gone);
    }
}
