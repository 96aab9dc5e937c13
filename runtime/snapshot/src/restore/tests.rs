use bytes::Bytes;
use sabot_core::store::PutCondition;
use sabot_types::{Attempt, Epoch};

use super::*;
use crate::store::MemoryStores;
use crate::testing::{checkpoint, some_rows};

struct Job {
    stores: MemoryStores,
    store: Arc<dyn ObjectStore>,
}

async fn job() -> Job {
    let stores = MemoryStores::default();
    let store = stores.open("mem://bucket/job").await.unwrap();
    Job { stores, store }
}

impl Job {
    async fn write(&self, key: &str, manifest: &Manifest) {
        let bytes = Bytes::from(manifest.to_bytes());
        self.store.put(key, bytes, PutCondition::Always).await.unwrap();
    }

    async fn load(&self, reference: &ManifestRef) -> Result<LoadedManifest, RestoreError> {
        load_manifest(&self.store, &self.stores, reference).await
    }
}

const CHECKPOINT: ManifestRef =
    ManifestRef::Checkpoint { attempt: Attempt::new(1), epoch: Epoch::new(3) };

fn savepoint(location: &str, epoch: u64) -> ManifestRef {
    ManifestRef::Savepoint { location: location.to_owned(), epoch: Epoch::new(epoch) }
}

fn key() -> String {
    layout::checkpoint_manifest(Attempt::new(1), Epoch::new(3))
}

fn message(error: &dyn std::error::Error) -> String {
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

#[tokio::test]
async fn a_checkpoint_is_found_and_its_rows_split_by_ranges() {
    let job = job().await;
    let manifest = checkpoint(&job.store, 1, 3, some_rows()).await;
    job.write(&key(), &manifest).await;
    let loaded = job.load(&CHECKPOINT).await.unwrap();
    assert_eq!(loaded.manifest, manifest);
    let mut rows = 0;
    for range in [KeyGroupRange::new(0, 5), KeyGroupRange::new(5, 16)] {
        read_rows(&loaded.root, &loaded.manifest, range, |spec, batch| {
            assert_eq!(spec.name, "rows");
            assert!(batch.groups.iter().all(|group| range.contains(*group)));
            rows += batch.groups.len();
            Ok(())
        })
        .await
        .unwrap();
    }
    assert_eq!(rows, some_rows().len());
}

#[tokio::test]
async fn a_savepoint_is_found_by_relative_location_and_by_uri_also_of_another_prefix() {
    let job = job().await;
    let manifest = checkpoint(&job.store, 1, 3, some_rows()).await;
    job.write("savepoints/s1/manifest", &manifest).await;
    let other = job.stores.open("mem://bucket/other").await.unwrap();
    for location in ["savepoints/s1", "savepoints/s1/", "mem://bucket/job/savepoints/s1"] {
        for epoch in [0, 3] {
            let loaded = job.load(&savepoint(location, epoch)).await.unwrap();
            assert_eq!(loaded.root.root(), "mem://bucket/job/savepoints/s1");
        }
    }
    let elsewhere = savepoint("mem://bucket/job/savepoints/s1", 3);
    load_manifest(&other, &job.stores, &elsewhere).await.unwrap();
    let loaded = load_savepoint(&job.stores, "mem://bucket/job/savepoints/s1").await.unwrap();
    assert_eq!(loaded.manifest, manifest);
}

#[tokio::test]
async fn a_missing_manifest_is_named_with_the_remedy() {
    let job = job().await;
    let error = message(&job.load(&CHECKPOINT).await.unwrap_err());
    assert!(error.contains(&format!("mem://bucket/job/{}", key())), "{error}");
    let error = message(&job.load(&savepoint("savepoints/none", 1)).await.unwrap_err());
    assert!(error.contains("mem://bucket/job/savepoints/none/manifest"), "{error}");
    assert!(error.contains("correct the location"), "{error}");
}

#[tokio::test]
async fn a_savepoint_that_was_replaced_is_refused() {
    let job = job().await;
    let manifest = checkpoint(&job.store, 1, 3, some_rows()).await;
    job.write("savepoints/s1/manifest", &manifest).await;
    let error = job.load(&savepoint("savepoints/s1", 4)).await.unwrap_err();
    assert!(matches!(error, RestoreError::OtherEpoch { found: 3, expected: 4, .. }), "{error}");
}

#[tokio::test]
async fn another_key_hash_and_other_key_groups_are_refused() {
    let job = job().await;
    let mut manifest = checkpoint(&job.store, 1, 3, some_rows()).await;
    job.write(&key(), &manifest).await;
    let loaded = job.load(&CHECKPOINT).await.unwrap();
    check_key_groups(&loaded, KeyGroupCount::new(16).unwrap()).unwrap();
    let error = check_key_groups(&loaded, KeyGroupCount::DEFAULT).unwrap_err().to_string();
    assert!(error.contains("set spec.keyGroups to 16"), "{error}");
    manifest.hash_version += 1;
    job.write(&key(), &manifest).await;
    let error = job.load(&CHECKPOINT).await.unwrap_err();
    assert!(matches!(error, RestoreError::HashVersion { .. }), "{error}");
}

#[tokio::test]
async fn an_error_of_the_reader_stops_the_reading() {
    let job = job().await;
    let manifest = checkpoint(&job.store, 1, 3, some_rows()).await;
    let range = manifest.key_groups.full_range();
    let mut calls = 0;
    let result = read_rows(&job.store, &manifest, range, |_, _| {
        calls += 1;
        Err(sabot_core::Error::user("no"))
    })
    .await;
    assert!(matches!(result, Err(RestoreError::Visit { .. })));
    assert_eq!(calls, 1);
}
