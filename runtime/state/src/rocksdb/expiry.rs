//! Leaves out rows that are over when the database compacts its files.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ::rocksdb::{CompactionDecision, Options};
use sabot_core::state::StateHandle;

use super::layout;
use crate::ttl::Deadline;

/// What the database's threads know of rows' times to live.
#[derive(Default)]
pub(super) struct Expiry {
    now_ms: AtomicI64,
    /// Whether any state has one.
    any: AtomicBool,
    /// By the number of the state.
    ttl_ms: RwLock<BTreeMap<u16, u64>>,
}

impl Expiry {
    pub(super) fn set_now(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(super) fn set(&self, state: StateHandle, ttl_ms: Option<u64>) {
        let mut all = self.ttl_ms.write().unwrap_or_else(PoisonError::into_inner);
        match ttl_ms {
            Some(ttl_ms) => all.insert(state.0, ttl_ms),
            None => all.remove(&state.0),
        };
        self.any.store(!all.is_empty(), Ordering::Relaxed);
    }

    fn is_over(&self, key: &[u8], value: &[u8]) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let all = self.ttl_ms.read().unwrap_or_else(PoisonError::into_inner);
        let ttl_ms = all.get(&layout::state_of(key));
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        ttl_ms.is_some_and(|ttl_ms| Deadline::new(*ttl_ms, now_ms).is_over(value))
    }
}

/// Has a database leave out what is over.
pub(super) fn install(expiry: &Arc<Expiry>, options: &mut Options) {
    let expiry = Arc::clone(expiry);
    options.set_compaction_filter("expiry", move |_, key, value| {
        if expiry.is_over(key, value) {
            CompactionDecision::Remove
        } else {
            CompactionDecision::Keep
        }
    });
}
