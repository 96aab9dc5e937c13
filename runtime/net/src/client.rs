//! The sending end of a remote channel.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_flight::FlightData;
use arrow_flight::flight_service_client::FlightServiceClient;
use futures::Stream;
use sabot_core::Element;
use sabot_types::Attempt;
use tonic::transport::{Channel, Endpoint};

use crate::wire::{Encoder, MESSAGE_BYTES_MAX, Opening, WireError};
use crate::{ChannelId, NetError, Receiver};

/// A peer that does not answer a ping for this long is dead.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);
/// How often a peer is pinged.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// What a stream may have in flight before its reader takes it.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The largest window there is: a connection never holds up a stream that has room.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = i32::MAX as u32;
/// The largest HTTP/2 frame that is taken.
pub(crate) const FRAME_BYTES_MAX: u32 = 256 << 10;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a data channel tries to reach its peer: pods of one attempt do not start together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Carries what `receiver` gives to channel `id` of `attempt` at the process that listens on
/// `addr` (`host:port`), over a connection of its own.
///
/// Ends well once [`Element::End`] was sent and the peer has queued all of it; with an error when
/// the peer failed, refused or stopped reading, or when the senders were dropped before the end.
/// Then `receiver` is dropped, and so its senders see the channel as closed.
pub async fn stream_to(
    addr: &str,
    attempt: Attempt,
    id: ChannelId,
    receiver: Receiver,
) -> Result<(), NetError> {
    let outcome = Arc::new(Mutex::new(Outcome::Open));
    let body = messages(Opening { attempt, channel: id }, receiver, outcome.clone());
    let reply = flight_client(connect_patiently(addr).await?).do_put(body).await;

    let outcome = std::mem::replace(
        &mut *outcome.lock().unwrap_or_else(PoisonError::into_inner),
        Outcome::Open,
    );
    let failed = |source: sabot_core::BoxError| NetError::Channel {
        addr: addr.to_owned(),
        channel: id,
        attempt,
        source,
    };
    match (outcome, reply) {
        (Outcome::Unfinished, _) => {
            Err(NetError::Unfinished { addr: addr.to_owned(), channel: id, attempt })
        }
        (Outcome::Unencodable(error), _) => Err(failed(error.into())),
        (_, Err(status)) => Err(failed(status.into())),
        (Outcome::Ended, Ok(_)) => Ok(()),
        (Outcome::Open, Ok(_)) => Err(failed("the peer stopped reading".into())),
    }
}

/// How the sending side stands.
enum Outcome {
    Open,
    Ended,
    Unfinished,
    Unencodable(WireError),
}

struct Outgoing {
    receiver: Receiver,
    encoder: Encoder,
    ready: VecDeque<FlightData>,
    outcome: Arc<Mutex<Outcome>>,
    done: bool,
}

fn messages(
    opening: Opening,
    receiver: Receiver,
    outcome: Arc<Mutex<Outcome>>,
) -> impl Stream<Item = FlightData> + Send + 'static {
    let state = Outgoing {
        receiver,
        encoder: Encoder::new(),
        ready: VecDeque::from([opening.encode()]),
        outcome,
        done: false,
    };
    futures::stream::unfold(state, |mut state| async move {
        loop {
            if let Some(message) = state.ready.pop_front() {
                return Some((message, state));
            }
            if state.done {
                return None;
            }
            state.advance().await;
        }
    })
}

impl Outgoing {
    /// Encodes the next element.
    async fn advance(&mut self) {
        let end = match self.receiver.recv().await {
            None => Some(Outcome::Unfinished),
            Some(element) => match self.encoder.encode(&element, &mut self.ready) {
                Err(error) => Some(Outcome::Unencodable(error)),
                Ok(()) if matches!(element, Element::End) => Some(Outcome::Ended),
                Ok(()) => None,
            },
        };
        if let Some(end) = end {
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = end;
            self.done = true;
        }
    }
}

pub(crate) fn flight_client(channel: Channel) -> FlightServiceClient<Channel> {
    FlightServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Opens a connection that nobody shares.
pub(crate) async fn connect(addr: &str) -> Result<Channel, NetError> {
    let endpoint = Endpoint::from_shared(format!("http://{addr}"))
        .map_err(|error| NetError::Address { addr: addr.to_owned(), source: error.into() })?;
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .connect()
        .await
        .map_err(|error| NetError::Connect { addr: addr.to_owned(), source: error.into() })
}

async fn connect_patiently(addr: &str) -> Result<Channel, NetError> {
    let start = tokio::time::Instant::now();
    loop {
        match connect(addr).await {
            Err(NetError::Connect { .. }) if start.elapsed() < CONNECT_LIMIT => {
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
            done => return done,
        }
    }
}
