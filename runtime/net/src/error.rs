//! What can go wrong between pods.

use sabot_core::BoxError;
use sabot_types::Attempt;

use crate::ChannelId;

/// Why a stream between pods failed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address is not `host:port`.
    #[error("address {addr:?} cannot be used: expected host:port")]
    Address {
        /// What was given.
        addr: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The server could not listen.
    #[error("listening on {addr} failed")]
    Bind {
        /// Where.
        addr: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server stopped.
    #[error("serving {addr} failed")]
    Serve {
        /// Where.
        addr: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Nobody answers.
    #[error("connecting to {addr} failed")]
    Connect {
        /// The peer.
        addr: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The peer failed, is gone, or refused a channel: of an older attempt, never registered, or
    /// its reader has stopped.
    #[error("streaming {channel} of attempt {attempt} to {addr} failed")]
    Channel {
        /// The peer.
        addr: String,
        /// The channel.
        channel: ChannelId,
        /// The attempt that it belongs to.
        attempt: Attempt,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The local sender stopped in the middle; the peer sees the channel as cut.
    #[error("{channel} of attempt {attempt} to {addr} was closed before its end")]
    Unfinished {
        /// The peer.
        addr: String,
        /// The channel.
        channel: ChannelId,
        /// The attempt that it belongs to.
        attempt: Attempt,
    },
    /// The peer did not take the control stream: it runs no coordinator, or is shutting down.
    #[error("opening a control stream to {addr} failed")]
    Control {
        /// The peer.
        addr: String,
        /// Why.
        #[source]
        source: BoxError,
    },
}
