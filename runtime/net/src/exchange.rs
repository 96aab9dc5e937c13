//! Which incoming channels a process expects.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sabot_types::Attempt;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::Sender;

/// How long a stream waits until its channel is registered. Pods start an attempt at slightly
/// different times; a channel that is missing for so long never comes.
const REGISTRATION_LIMIT: Duration = Duration::from_secs(30);

/// Names a channel of a job: one pair of subtasks of one edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChannelId {
    /// The edge of the plan.
    pub edge: u32,
    /// The sending subtask.
    pub from: u32,
    /// The receiving subtask.
    pub to: u32,
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {}:{}->{}", self.edge, self.from, self.to)
    }
}

/// Why a stream gets no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TakeError {
    #[error("attempt {attempt} is over: this process is at attempt {current}")]
    Stale { attempt: Attempt, current: Attempt },
    #[error("{channel} of attempt {attempt} was not registered within {} s", REGISTRATION_LIMIT.as_secs())]
    Unknown { attempt: Attempt, channel: ChannelId },
}

/// The incoming remote channels of a process: workers register the queues' senders, arriving
/// streams take them, each once.
#[derive(Debug)]
pub struct Exchange {
    senders: Mutex<BTreeMap<(Attempt, ChannelId), Sender>>,
    registered: Notify,
    below: watch::Sender<Attempt>,
}

impl Exchange {
    /// Without channels; every attempt is welcome.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            senders: Mutex::default(),
            registered: Notify::new(),
            below: watch::Sender::new(Attempt::new(0)),
        })
    }

    /// Gives `sender` to the stream that brings channel `id` of `attempt`. Of a retired attempt
    /// it is dropped, and so the channel closed.
    pub fn register(&self, attempt: Attempt, id: ChannelId, sender: Sender) {
        let mut senders = self.lock();
        if attempt >= *self.below.borrow() {
            senders.insert((attempt, id), sender);
        }
        drop(senders);
        self.registered.notify_waiters();
    }

    /// Ends all attempts below `below`: drops their senders, ends their streams and refuses new
    /// ones. Never goes back.
    pub fn retire(&self, below: Attempt) {
        let mut senders = self.lock();
        self.below.send_if_modified(|current| {
            let grows = below > *current;
            *current = below.max(*current);
            grows
        });
        senders.retain(|(attempt, _), _| *attempt >= below);
        drop(senders);
        self.registered.notify_waiters();
    }

    /// The sender of an incoming channel once it is registered, for a network other than
    /// [`Server`](crate::Server)'s; none when the attempt is over or the channel never comes.
    pub async fn incoming(&self, attempt: Attempt, id: ChannelId) -> Option<Sender> {
        self.take(attempt, id).await.ok()
    }

    /// The sender of a channel, waiting a bounded time until it is registered.
    pub(crate) async fn take(&self, attempt: Attempt, id: ChannelId) -> Result<Sender, TakeError> {
        let limit = tokio::time::sleep(REGISTRATION_LIMIT);
        tokio::pin!(limit);
        loop {
            // Made before the look at the registry: a registration in between is not lost.
            let registered = self.registered.notified();
            let current = *self.below.borrow();
            if attempt < current {
                return Err(TakeError::Stale { attempt, current });
            }
            if let Some(sender) = self.lock().remove(&(attempt, id)) {
                return Ok(sender);
            }
            tokio::select! {
                biased;
                () = registered => {}
                () = &mut limit => return Err(TakeError::Unknown { attempt, channel: id }),
            }
        }
    }

    /// Ends when `attempt` is retired.
    pub(crate) async fn retired(&self, attempt: Attempt) -> TakeError {
        let mut below = self.below.subscribe();
        // An error means that the registry is gone, which is the same.
        let _ = below.wait_for(|below| attempt < *below).await;
        let current = *below.borrow();
        TakeError::Stale { attempt, current }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Attempt, ChannelId), Sender>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sabot_core::Element;

    use super::*;
    use crate::{TryRecv, channel};

    const ID: ChannelId = ChannelId { edge: 1, from: 0, to: 2 };

    fn attempt(number: u64) -> Attempt {
        Attempt::new(number)
    }

    #[tokio::test]
    async fn a_stream_that_comes_first_waits_for_the_registration() {
        let exchange = Exchange::new();
        let (sender, receiver) = channel(1);
        let waiting = tokio::spawn({
            let exchange = exchange.clone();
            async move { exchange.take(attempt(1), ID).await }
        });
        tokio::task::yield_now().await;
        exchange.register(attempt(1), ID, sender);
        waiting.await.unwrap().unwrap().try_send(Element::End).unwrap();
        assert!(matches!(receiver.try_recv(), TryRecv::Element(Element::End)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_channel_that_never_comes_is_given_up() {
        let error = Exchange::new().take(attempt(1), ID).await.unwrap_err();
        assert_eq!(error, TakeError::Unknown { attempt: attempt(1), channel: ID });
        assert_eq!(error.to_string(), "channel 1:0->2 of attempt 1 was not registered within 30 s");
    }

    #[tokio::test]
    async fn retiring_closes_older_attempts_and_refuses_them_for_good() {
        let exchange = Exchange::new();
        let (old, old_receiver) = channel(1);
        let (new, new_receiver) = channel(1);
        exchange.register(attempt(1), ID, old);
        exchange.register(attempt(2), ID, new);
        exchange.retire(attempt(2));
        exchange.retire(attempt(1));
        assert!(matches!(old_receiver.try_recv(), TryRecv::Closed));
        assert!(matches!(new_receiver.try_recv(), TryRecv::Empty));

        let (late, late_receiver) = channel(1);
        exchange.register(attempt(1), ID, late);
        assert!(matches!(late_receiver.try_recv(), TryRecv::Closed));
        let stale = TakeError::Stale { attempt: attempt(1), current: attempt(2) };
        assert_eq!(exchange.take(attempt(1), ID).await.unwrap_err(), stale);
        assert_eq!(exchange.retired(attempt(1)).await, stale);
        exchange.take(attempt(2), ID).await.unwrap();
    }
}
