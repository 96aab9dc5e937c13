//! Finds the files below a path.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sabot_core::store::{ObjectMeta, ObjectStore, StoreError};
use sabot_core::{Env, Error, Result};

use super::{open, store_error};

/// What is to be read.
#[derive(Debug)]
pub(super) struct Found {
    /// The store of the directory.
    pub(super) store: Arc<dyn ObjectStore>,
    /// The files, by name.
    pub(super) files: Vec<File>,
}

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// Its key in the store; the split's name.
    pub(super) key: String,
    /// Its length in bytes.
    pub(super) size: u64,
    /// Its last change, milliseconds since the Unix epoch.
    pub(super) modified_ms: i64,
}

/// Finds the file `path`, or all files below it that are not hidden.
pub(super) async fn find_files(env: &Env, path: &str) -> Result<Found> {
    let path = path.trim_end_matches('/');
    let found = if let Some(local) = local_path(path) {
        find_local(env, path, local).await?
    } else {
        find_in_bucket(env, path).await?
    };
    if found.files.is_empty() {
        return Err(Error::user(format!(
            "there are no files to read at {path}: correct the option 'path' (names that start \
             with '.' or '_' are hidden)"
        )));
    }
    Ok(found)
}

fn local_path(path: &str) -> Option<&str> {
    match path.split_once("://") {
        None => Some(path),
        Some(("file", local)) => Some(local),
        Some(_) => None,
    }
}

async fn find_local(env: &Env, path: &str, local: &str) -> Result<Found> {
    let meta = std::fs::metadata(if local.is_empty() { "/" } else { local }).map_err(|error| {
        Error::user(format!("the path {path} cannot be read: {error}; correct the option 'path'"))
    })?;
    if !meta.is_file() {
        let store = open(env, if path.is_empty() { "/" } else { path }).await?;
        let files = list(store.as_ref(), "").await?;
        return Ok(Found { store, files });
    }
    let (folder, name) = match path.rsplit_once('/') {
        Some(("" | "file://", name)) => ("/", name),
        Some(pair) => pair,
        None => (".", path),
    };
    let store = open(env, folder).await?;
    let since_epoch = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified_ms = since_epoch.map_or(0, |time| time.as_millis() as i64);
    let file = File { key: name.to_owned(), size: meta.len(), modified_ms };
    Ok(Found { store, files: vec![file] })
}

async fn find_in_bucket(env: &Env, path: &str) -> Result<Found> {
    let (scheme, rest) = path.split_once("://").unwrap_or_default();
    let Some((folder, name)) = rest.rsplit_once('/') else {
        let store = open(env, path).await?;
        let files = list(store.as_ref(), "").await?;
        return Ok(Found { store, files });
    };
    let parent = open(env, &format!("{scheme}://{folder}")).await?;
    let below = list(parent.as_ref(), name).await?;
    if let Some(file) = below.into_iter().find(|file| file.key == name) {
        return Ok(Found { store: parent, files: vec![file] });
    }
    let store = open(env, path).await?;
    let files = list(store.as_ref(), "").await?;
    Ok(Found { store, files })
}

async fn list(store: &dyn ObjectStore, prefix: &str) -> Result<Vec<File>> {
    let listed = store.list(prefix).await.map_err(|error| match error {
        StoreError::NoRoot { root } => {
            Error::user(format!("{root} does not exist: create it, or correct the option 'path'"))
        }
        other => store_error(format!("listing the files in {}", store.root()), other),
    })?;
    Ok(listed
        .into_iter()
        .filter(|object| !is_hidden(&object.key) && !object.key.ends_with('/'))
        .map(|ObjectMeta { key, size, modified_ms }| File { key, size, modified_ms })
        .collect())
}

fn is_hidden(key: &str) -> bool {
    key.split('/').any(|part| part.starts_with(['.', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_names_count_anywhere_in_the_path() {
        for (key, hidden) in
            [("a/b.json", false), (".a/b", true), ("a/_b", true), ("a_b/c.d", false)]
        {
            assert_eq!(is_hidden(key), hidden, "{key}");
        }
    }
}
