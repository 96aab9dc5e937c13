//! Ids, key groups, event time and the attempt rules of Sabot.
//!
//! The lowest layer: plain values and pure functions, without async, Arrow or Kubernetes.

pub mod bytes;
mod charset;
mod control;
mod id;
mod key_group;
pub mod key_hash;
mod time;

pub use charset::Charset;
pub use control::{
    ActivateRefused, ClaimOutcome, ControlRecord, Identity, ManifestRef, Phase, StaleWriter,
};
pub use id::{Attempt, Epoch, InvalidId, JobUid, OperationId, OperatorUid, SetNumber};
pub use key_group::{InvalidKeyGroupCount, KeyGroup, KeyGroupCount, KeyGroupRange};
pub use time::EventTime;
