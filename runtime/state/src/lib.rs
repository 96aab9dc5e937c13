//! Keyed state: the backends behind [`sabot_core::state::StateBackend`], the contract that all of
//! them pass, and the rule which stored state a changed job may go on with.

mod compatibility;
pub mod contract;
mod memory;
mod rocksdb;
mod rows;
mod ttl;

use std::path::PathBuf;

use sabot_core::Result;
use sabot_core::state::StateBackend;

use crate::ttl::Expiring;

pub use crate::compatibility::{Incompatibility, Reason, Severity, compatibility};
pub use crate::memory::MemoryBackend;
pub use crate::rocksdb::{RocksDbBackend, wait_until_closed};

/// Which backend a slot keeps its state in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// On the heap.
    Memory,
    /// In a RocksDB database on the local disk.
    RocksDb {
        /// The slot's own directory; made when missing. What earlier backends left there is
        /// removed: local state is a cache, a restore loads it.
        dir: PathBuf,
        /// The budget for block cache and write buffers together, in MiB.
        cache_size_mb: u64,
    },
}

/// Opens an empty backend for one slot.
///
/// ```
/// use sabot_state::{Backend, open};
///
/// let backend = open(Backend::Memory)?;
/// assert_eq!(backend.name(), "memory");
/// # Ok::<(), sabot_core::Error>(())
/// ```
pub fn open(backend: Backend) -> Result<Box<dyn StateBackend>> {
    let backend: Box<dyn StateBackend> = match backend {
        Backend::Memory => Box::new(MemoryBackend::default()),
        Backend::RocksDb { dir, cache_size_mb } => {
            Box::new(RocksDbBackend::open(&dir, cache_size_mb)?)
        }
    };
    Ok(Box::new(Expiring::new(backend)))
}
