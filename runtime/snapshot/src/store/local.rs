//! A local directory as an object store.
//!
//! An object is a file; it appears whole by rename or hard link, and is on the disk before its
//! write is acknowledged. Creation is exclusive by the file system itself. Replacing a certain
//! version needs a lock: it is taken with the first such write and held for the process's life,
//! so that of two processes that run a job in one directory the second is told so.

mod files;
mod lock;

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sabot_core::BoxError;
use sabot_core::store::{Object, ObjectMeta, ObjectStore, PutCondition, StoreError, Version};
use xxhash_rust::xxh3::xxh3_128;

pub(crate) use files::DIRECT_BYTES;
use lock::Directory;

/// Names that start so are the store's own and not objects.
const OWN: &str = ".sabot-";

/// A local directory. It is created with the first write; listing one that does not exist is an
/// error, reading from it finds nothing.
#[derive(Debug, Clone)]
pub struct LocalStore {
    directory: Arc<Directory>,
    uri: Arc<str>,
}

impl LocalStore {
    /// The store of directory `path`, which need not exist yet.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let absolute = std::path::absolute(path).map_err(|source| StoreError::Unavailable {
            action: "resolving",
            key: path.display().to_string(),
            source: source.into(),
        })?;
        // Compared as text with other locations: one spelling for one directory.
        let absolute: PathBuf = absolute.components().collect();
        let shown = absolute.display().to_string();
        let uri = format!("file://{}", shown.trim_end_matches('/')).into();
        Ok(Self { directory: Directory::shared(absolute), uri })
    }

    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        let bad =
            |part: &str| part.is_empty() || part == "." || part == ".." || part.starts_with(OWN);
        if key.contains('\0') || key.split('/').any(bad) {
            return Err(StoreError::Unsupported {
                what: format!("{key:?} cannot be the name of an object in {}", self.uri),
            });
        }
        Ok(self.directory.path.join(key))
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce(&Self, &Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path(key)?;
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this, &path)).await.unwrap_or_else(|source| {
            Err(StoreError::Unavailable { action, key: key.to_owned(), source: source.into() })
        })
    }

    fn error(&self, action: &'static str, key: &str, source: std::io::Error) -> StoreError {
        match source.kind() {
            ErrorKind::NotFound => StoreError::NotFound { key: key.to_owned() },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                let subject = format!("{}/{key}", self.uri);
                StoreError::Denied { subject, source: source.into() }
            }
            ErrorKind::NotADirectory => StoreError::Unsupported {
                what: format!(
                    "{action} {}/{key} failed because a part of the path is a file: choose \
                     another directory",
                    self.uri
                ),
            },
            _ => StoreError::Unavailable {
                action,
                key: format!("{}/{key}", self.uri),
                source: with_remedy(source),
            },
        }
    }

    fn replace_version(
        &self,
        key: &str,
        path: &Path,
        bytes: &[u8],
        expected: &Version,
    ) -> Result<(), StoreError> {
        let _turn = self.directory.exclusive(&self.uri)?;
        match std::fs::read(path) {
            Ok(found) if version_of(&found) == *expected => {}
            Ok(_) => return Err(StoreError::Precondition { key: key.to_owned() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::Precondition { key: key.to_owned() });
            }
            Err(error) => return Err(self.error("reading", key, error)),
        }
        files::replace(&self.directory.path, path, bytes)
            .map_err(|error| self.error("writing", key, error))
    }
}

/// What the system says, and what to do where it does not go by itself.
fn with_remedy(source: std::io::Error) -> BoxError {
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("{source}; make room there, or choose another directory").into()
        }
        _ => source.into(),
    }
}

fn version_of(bytes: &[u8]) -> Version {
    Version(format!("{:032x}-{}", xxh3_128(bytes), bytes.len()))
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn get(&self, key: &str) -> Result<Object, StoreError> {
        let owned = key.to_owned();
        self.blocking("reading", key, move |this, path| {
            let bytes =
                std::fs::read(path).map_err(|error| this.error("reading", &owned, error))?;
            Ok(Object { version: version_of(&bytes), bytes: bytes.into() })
        })
        .await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let owned = key.to_owned();
        self.blocking("reading", key, move |this, path| {
            files::read_range(path, range)
                .map(Bytes::from)
                .map_err(|error| this.error("reading", &owned, error))
        })
        .await
    }

    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: PutCondition,
    ) -> Result<Version, StoreError> {
        let owned = key.to_owned();
        self.blocking("writing", key, move |this, path| {
            let root = &this.directory.path;
            match condition {
                PutCondition::Always => files::replace(root, path, &bytes)
                    .map_err(|error| this.error("writing", &owned, error))?,
                PutCondition::IfAbsent => {
                    files::create(root, path, &bytes).map_err(|error| match error.kind() {
                        ErrorKind::AlreadyExists => StoreError::Precondition { key: owned },
                        _ => this.error("writing", &owned, error),
                    })?;
                }
                PutCondition::IfMatch(version) => {
                    this.replace_version(&owned, path, &bytes, &version)?;
                }
            }
            Ok(version_of(&bytes))
        })
        .await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let source = self.path(from)?;
        let from = from.to_owned();
        self.blocking("copying", to, move |this, target| {
            files::copy(&this.directory.path, &source, target)
                .map_err(|error| this.error("copying", &from, error))
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let owned = key.to_owned();
        self.blocking("deleting", key, move |this, path| {
            files::remove(&this.directory.path, path)
                .map_err(|error| this.error("deleting", &owned, error))
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let (this, prefix) = (self.clone(), prefix.to_owned());
        let task = tokio::task::spawn_blocking(move || {
            files::list(&this.directory.path, &prefix).map_err(|error| match error.kind() {
                ErrorKind::NotFound => StoreError::NoRoot { root: this.uri.to_string() },
                _ => this.error("listing", &prefix, error),
            })
        });
        task.await.unwrap_or_else(|source| {
            Err(StoreError::Unavailable {
                action: "listing",
                key: self.uri.to_string(),
                source: source.into(),
            })
        })
    }

    fn root(&self) -> &str {
        &self.uri
    }
}

#[cfg(test)]
mod tests;
