//! The trait of object stores; `sabot-snapshot` has the implementations (S3, local directory).

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use crate::BoxError;

/// Names one version of an object; only compared for equality (S3: the `ETag`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// An object as read.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its content.
    pub bytes: Bytes,
    /// Its version.
    pub version: Version,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The key, relative to the store's root.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Last change, milliseconds since the Unix epoch.
    pub modified_ms: i64,
}

/// Under which condition a put is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutCondition {
    /// In any case.
    Always,
    /// Only when no object has the key.
    IfAbsent,
    /// Only when the object has this version.
    IfMatch(Version),
}

/// Why a store's call failed, told apart by what is now true.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("object {key} does not exist")]
    NotFound {
        /// The key.
        key: String,
    },
    /// A condition was not met. Indeterminate for the caller: an earlier try of the same write
    /// whose reply was lost may be what it met.
    #[error("the condition on object {key} was not met")]
    Precondition {
        /// The key.
        key: String,
    },
    /// The bucket or directory does not exist.
    #[error("{root} does not exist: create it, or correct the name")]
    NoRoot {
        /// The bucket or directory.
        root: String,
    },
    /// The credentials do not allow the call.
    #[error("access to {subject} was refused: check the credentials and their rights")]
    Denied {
        /// The object, bucket or directory.
        subject: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The store cannot do what Sabot needs.
    #[error("{what}")]
    Unsupported {
        /// What is missing, and what would be right.
        what: String,
    },
    /// It failed, and a write may or may not have happened.
    #[error("{action} {key} failed")]
    Unavailable {
        /// The call, such as `reading`.
        action: &'static str,
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: BoxError,
    },
}

impl StoreError {
    /// Whether the same call fails again until a person changes something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::NoRoot { .. }
            | Self::Denied { .. }
            | Self::Unsupported { .. } => true,
            Self::Precondition { .. } | Self::Unavailable { .. } => false,
        }
    }
}

/// An object store below one root (a bucket and prefix, or a directory).
///
/// Reads see every earlier acknowledged write; objects appear whole or not at all.
#[async_trait]
pub trait ObjectStore: fmt::Debug + Send + Sync {
    /// Reads a whole object.
    async fn get(&self, key: &str) -> Result<Object, StoreError>;

    /// Reads bytes `range` of an object.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Writes a whole object; on success its new version.
    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> Result<Version, StoreError>;

    /// Copies an object within the store, replacing the target.
    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError>;

    /// Deletes an object; one that does not exist is a success.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// All objects whose key starts with `prefix`, ordered by key.
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError>;

    /// The URI of the root, without a slash at the end, for messages and locations.
    fn root(&self) -> &str;
}
