//! Wakes a slot's thread that waits for work.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A bell that any thread or task rings and one thread waits for.
///
/// A ring that comes before the wait is not lost: the next wait returns at once.
#[derive(Debug, Clone, Default)]
pub struct Doorbell(Arc<(Mutex<bool>, Condvar)>);

impl Doorbell {
    /// A silent bell.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes the waiting thread. Costs a lock: ring once a batch, not once a row.
    pub fn ring(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_one();
    }

    /// Waits until the bell rings, at most `limit`.
    pub fn wait(&self, limit: Duration) {
        let mut rung = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !*rung {
            rung = self.0.1.wait_timeout(rung, limit).unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }
}
