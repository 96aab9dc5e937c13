//! The bounded queue of elements between two subtasks.
//!
//! It serves both worlds: event loops, which never wait and are woken by doorbells, and tasks,
//! which await. Order is always kept. Batches are bounded by bytes; elements without rows are
//! always accepted, so that a barrier never waits for room in the queue, only for the batches
//! before it to be read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sabot_core::{Doorbell, Element};
use tokio::sync::Notify;

/// A queue that takes batches while it holds less than `limit_bytes`: one batch larger than the
/// limit still passes.
pub fn channel(limit_bytes: usize) -> (Sender, Receiver) {
    let shared = Arc::new(Shared {
        limit_bytes,
        queue: Mutex::new(Queue { senders: 1, receiver: true, ..Queue::default() }),
        element: Notify::new(),
        room: Notify::new(),
    });
    (Sender(shared.clone()), Receiver(shared))
}

/// The receiver is gone: nothing that is sent will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiver of the channel is gone")]
pub struct Closed;

/// An element that the queue did not take.
#[derive(Debug)]
pub enum TrySendError {
    /// There is no room now; only for batches.
    Full(Element),
    /// The receiver is gone.
    Closed(Element),
}

/// What a receiver finds.
#[derive(Debug)]
pub enum TryRecv {
    /// The next element.
    Element(Element),
    /// Nothing now.
    Empty,
    /// Nothing, and nothing will come: all senders are gone. When the last element was not
    /// [`Element::End`], the channel was cut.
    Closed,
}

/// The end that elements are put in. The queue closes, once it is drained, when all clones are
/// dropped.
#[derive(Debug)]
pub struct Sender(Arc<Shared>);

/// The end that elements come out of. Dropping it closes the queue and drops what it holds.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit_bytes: usize,
    queue: Mutex<Queue>,
    element: Notify,
    room: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    elements: VecDeque<(Element, usize)>,
    bytes: usize,
    senders: usize,
    receiver: bool,
    element_bell: Option<Doorbell>,
    room_bells: Vec<Doorbell>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Puts a marker behind the last rows, and so in front of watermarks, which go on being one.
    /// Where there is one already, that has waited longer.
    fn mark(&mut self, marker: Element) {
        let is_time = |element: &Element| matches!(element, Element::Watermark(_) | Element::Idle);
        let times = self.elements.iter().rev().take_while(|(element, _)| is_time(element)).count();
        let place = self.elements.len() - times;
        let before = place.checked_sub(1).and_then(|before| self.elements.get(before));
        if !matches!(before, Some((Element::Marker(_), _))) {
            let bytes = marker.bytes();
            self.bytes += bytes;
            self.elements.insert(place, (marker, bytes));
        }
    }

    /// Puts an element at the end; true when the receiver may be waiting for it.
    fn push(&mut self, element: Element) -> bool {
        let was_empty = self.elements.is_empty();
        match (self.elements.back_mut(), &element) {
            // Watermarks only grow: the later one says it all. This bounds what a stopped
            // receiver's queue can hold.
            (Some((Element::Watermark(last), _)), Element::Watermark(next)) => *last = *next,
            (Some((Element::Idle, _)), Element::Idle) => {}
            (_, Element::Marker(_)) => self.mark(element),
            _ => {
                let bytes = element.bytes();
                self.bytes += bytes;
                self.elements.push_back((element, bytes));
            }
        }
        was_empty
    }
}

impl Sender {
    /// Puts an element at the end of the queue, or gives it back.
    pub fn try_send(&self, element: Element) -> Result<(), TrySendError> {
        let mut queue = self.0.lock();
        if !queue.receiver {
            return Err(TrySendError::Closed(element));
        }
        if matches!(element, Element::Batch(_)) && queue.bytes >= self.0.limit_bytes {
            return Err(TrySendError::Full(element));
        }
        if queue.push(element) {
            let bell = queue.element_bell.clone();
            drop(queue);
            self.0.element.notify_waiters();
            if let Some(bell) = bell {
                bell.ring();
            }
        }
        Ok(())
    }

    /// Puts an element at the end of the queue as soon as there is room.
    pub async fn send(&self, mut element: Element) -> Result<(), Closed> {
        loop {
            // Made before the look at the queue: a wake-up in between is not lost.
            let room = self.0.room.notified();
            match self.try_send(element) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(Closed),
                Err(TrySendError::Full(back)) => element = back,
            }
            room.await;
        }
    }

    /// Has `bell` rung whenever a full queue gets room, and when the receiver goes.
    pub fn on_room(&self, bell: Doorbell) {
        self.0.lock().room_bells.push(bell);
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(self.0.clone())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.senders -= 1;
        if queue.senders == 0 {
            let bell = queue.element_bell.clone();
            drop(queue);
            self.0.element.notify_waiters();
            if let Some(bell) = bell {
                bell.ring();
            }
        }
    }
}

impl Receiver {
    /// Takes the next element if there is one.
    pub fn try_recv(&self) -> TryRecv {
        let mut queue = self.0.lock();
        let Some((element, bytes)) = queue.elements.pop_front() else {
            return if queue.senders == 0 { TryRecv::Closed } else { TryRecv::Empty };
        };
        let was_full = queue.bytes >= self.0.limit_bytes;
        queue.bytes -= bytes;
        if was_full && queue.bytes < self.0.limit_bytes {
            self.0.wake_senders(queue);
        }
        TryRecv::Element(element)
    }

    /// Waits for the next element; none when all senders are gone and the queue is drained.
    pub async fn recv(&self) -> Option<Element> {
        loop {
            let element = self.0.element.notified();
            match self.try_recv() {
                TryRecv::Element(element) => return Some(element),
                TryRecv::Closed => return None,
                TryRecv::Empty => element.await,
            }
        }
    }

    /// Has `bell` rung whenever an empty queue gets an element, and when the last sender goes.
    /// Rings at once when there is something already.
    pub fn on_element(&self, bell: Doorbell) {
        let mut queue = self.0.lock();
        if !queue.elements.is_empty() || queue.senders == 0 {
            bell.ring();
        }
        queue.element_bell = Some(bell);
    }

    /// The bytes that the queue holds.
    pub fn len_bytes(&self) -> usize {
        self.0.lock().bytes
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.receiver = false;
        queue.bytes = 0;
        let unread = std::mem::take(&mut queue.elements);
        self.0.wake_senders(queue);
        drop(unread);
    }
}

impl Shared {
    fn wake_senders(&self, queue: MutexGuard<'_, Queue>) {
        let bells = queue.room_bells.clone();
        drop(queue);
        self.room.notify_waiters();
        for bell in bells {
            bell.ring();
        }
    }
}

#[cfg(test)]
mod tests;
