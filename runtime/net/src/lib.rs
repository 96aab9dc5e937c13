//! How elements travel between subtasks: bounded queues inside a process, Arrow Flight between
//! pods; and the control streams between workers and coordinator.
//!
//! A remote edge is a queue, a stream, a queue: the sending subtask fills the first one,
//! [`stream_to`] carries its elements over a connection of its own, and the peer's [`Server`]
//! fills the second one, which the peer registered at its [`Exchange`]. A queue that is full
//! holds up its stream by HTTP/2 flow control, and so the sender; no other stream shares the
//! connection, so that a channel that is blocked for barrier alignment starves no other.
//!
//! A channel is not repaired: when a connection breaks, both ends see it as closed without an
//! [`Element::End`](sabot_core::Element::End), and the job goes on in the next attempt.

mod channel;
mod client;
mod control;
mod error;
mod exchange;
mod server;
mod wire;

pub use channel::{Closed, Receiver, Sender, TryRecv, TrySendError, channel};
pub use client::stream_to;
pub use control::{ControlAcceptor, ControlLink, connect_control};
pub use error::NetError;
pub use exchange::{ChannelId, Exchange};
pub use server::Server;
