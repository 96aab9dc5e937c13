//! What every object store has to do; each store runs all of it.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use sabot_core::SeededRandom;
use sabot_core::Stores;
use sabot_core::store::{ObjectStore, PutCondition, StoreError, Version};

use super::{LocalStore, MemoryStore, MemoryStores, PrefixStore, S3Config, UriStores};
use super::{check_conditional_writes, object_uri};

type Shared = Arc<dyn ObjectStore>;

async fn put(store: &Shared, key: &str, text: &str) -> Version {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    store.put(key, bytes, PutCondition::Always).await.unwrap()
}

async fn put_if(
    store: &Shared,
    key: &str,
    text: &str,
    condition: PutCondition,
) -> Result<Version, StoreError> {
    store.put(key, Bytes::copy_from_slice(text.as_bytes()), condition).await
}

async fn text(store: &Shared, key: &str) -> String {
    String::from_utf8(store.get(key).await.unwrap().bytes.to_vec()).unwrap()
}

async fn listed(store: &Shared, prefix: &str) -> Vec<String> {
    store.list(prefix).await.unwrap().into_iter().map(|object| object.key).collect()
}

fn refused<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Precondition { .. })), "{result:?}");
}

fn missing<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound { .. })), "{result:?}");
}

/// Runs the contract in `store`, which is empty and exists.
async fn contract(store: Shared) {
    assert!(!store.root().ends_with('/'));
    assert!(object_uri(store.as_ref(), "k").starts_with(store.root()));
    what_was_written_is_read(&store).await;
    conditions_hold(&store).await;
    ranges_are_exact(&store).await;
    listings_are_by_prefix_and_in_order(&store).await;
    copies_and_deletions(&store).await;
    races_have_one_winner(&store).await;
    check_conditional_writes(store.as_ref(), &SeededRandom::new(7)).await.unwrap();
    assert_eq!(listed(&store, "").await, Vec::<String>::new(), "the contract leaves nothing");
}

async fn what_was_written_is_read(store: &Shared) {
    missing(&store.get("a/none").await);
    missing(&store.get_range("a/none", 0..1).await);
    for key in ["plain", "deep/er/still", "a b+c%20=d&e'(1)", "ünïcode/日本"] {
        let version = put(store, key, key).await;
        let object = store.get(key).await.unwrap();
        assert_eq!(
            (object.bytes, object.version),
            (Bytes::copy_from_slice(key.as_bytes()), version)
        );
        put(store, key, "").await;
        assert_eq!(text(store, key).await, "");
        store.delete(key).await.unwrap();
        missing(&store.get(key).await);
    }
}

async fn conditions_hold(store: &Shared) {
    let absent = || PutCondition::IfAbsent;
    let first = put_if(store, "c", "1", absent()).await.unwrap();
    refused(&put_if(store, "c", "2", absent()).await);
    assert_eq!(text(store, "c").await, "1");
    let second = put_if(store, "c", "2", PutCondition::IfMatch(first.clone())).await.unwrap();
    assert_ne!(first, second);
    refused(&put_if(store, "c", "3", PutCondition::IfMatch(first.clone())).await);
    assert_eq!(text(store, "c").await, "2");
    assert_eq!(store.get("c").await.unwrap().version, second);
    refused(&put_if(store, "never", "1", PutCondition::IfMatch(first)).await);
    missing(&store.get("never").await);
    store.delete("c").await.unwrap();
    refused(&put_if(store, "c", "3", PutCondition::IfMatch(second)).await);
    put_if(store, "c", "4", absent()).await.unwrap();
    store.delete("c").await.unwrap();
}

async fn ranges_are_exact(store: &Shared) {
    put(store, "r", "0123456789").await;
    assert_eq!(store.get_range("r", 0..10).await.unwrap(), "0123456789");
    assert_eq!(store.get_range("r", 3..5).await.unwrap(), "34");
    assert_eq!(store.get_range("r", 4..4).await.unwrap(), "");
    assert!(store.get_range("r", 5..11).await.is_err());
    assert!(store.get_range("r", 20..30).await.is_err());
    store.delete("r").await.unwrap();
}

async fn listings_are_by_prefix_and_in_order(store: &Shared) {
    let mut expected: Vec<_> = (0..1005).map(|n| format!("many/{n:04}")).collect();
    for some in expected.chunks(64) {
        join_all(some.iter().map(|key| put(store, key, "x"))).await;
    }
    assert_eq!(listed(store, "many/").await, expected);
    for key in ["l/a/1", "l/ab", "l/b", "l-", "l0"] {
        put(store, key, "12345").await;
    }
    assert_eq!(listed(store, "l/").await, ["l/a/1", "l/ab", "l/b"]);
    assert_eq!(listed(store, "l/a").await, ["l/a/1", "l/ab"]);
    assert_eq!(listed(store, "l/a/").await, ["l/a/1"]);
    // '-' < '/' < '0': by whole keys, not folder by folder.
    assert_eq!(listed(store, "l").await, ["l-", "l/a/1", "l/ab", "l/b", "l0"]);
    assert_eq!(listed(store, "nothing/here").await, Vec::<String>::new());
    let within = PrefixStore::within(store, "l/a");
    assert_eq!(listed(&within, "").await, ["1"]);
    let meta = &store.list("l/b").await.unwrap()[0];
    assert_eq!(meta.size, 5);
    assert!(meta.modified_ms > 0);
    expected.extend(["l/a/1", "l/ab", "l/b", "l-", "l0"].map(str::to_owned));
    for some in expected.chunks(64) {
        for deleted in join_all(some.iter().map(|key| store.delete(key))).await {
            deleted.unwrap();
        }
    }
}

async fn copies_and_deletions(store: &Shared) {
    put(store, "from/a b", "content").await;
    put(store, "to", "old").await;
    for _ in 0..2 {
        store.copy("from/a b", "to").await.unwrap();
        assert_eq!(text(store, "to").await, "content");
    }
    missing(&store.copy("from/none", "to").await);
    put(store, "to", "new").await;
    assert_eq!(text(store, "from/a b").await, "content");
    store.delete("from/a b").await.unwrap();
    assert_eq!(text(store, "to").await, "new");
    for _ in 0..2 {
        store.delete("to").await.unwrap();
    }
}

async fn races_have_one_winner(store: &Shared) {
    // Contents differ between the races: a version may be made of the content alone.
    let race = |name: &'static str, condition: PutCondition| async move {
        let tries = (0..8).map(|n| {
            let (store, condition) = (Arc::clone(store), condition.clone());
            async move { put_if(&store, "race", &format!("{name} {n}"), condition).await }
        });
        let results = join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        results.into_iter().find_map(Result::ok).unwrap()
    };
    let version = race("first", PutCondition::IfAbsent).await;
    assert_eq!(store.get("race").await.unwrap().version, version);
    let next = race("second", PutCondition::IfMatch(version)).await;
    assert_eq!(store.get("race").await.unwrap().version, next);
    store.delete("race").await.unwrap();
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract(Arc::new(MemoryStore::new("mem://contract"))).await;
    contract(MemoryStores::default().open("mem://bucket/some/prefix").await.unwrap()).await;
}

#[tokio::test]
async fn a_local_directory_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    contract(Arc::new(LocalStore::new(directory.path()).unwrap())).await;
}

#[tokio::test]
async fn s3_keeps_the_contract() {
    let Some((stores, uri)) = s3() else { return };
    let root = tempfile::tempdir().unwrap();
    let unique = root.path().file_name().unwrap().to_str().unwrap();
    contract(stores.open(&format!("{uri}/{unique}/deep")).await.unwrap()).await;
}

#[tokio::test]
async fn s3_says_that_a_bucket_does_not_exist() {
    let Some((stores, uri)) = s3() else { return };
    let store = stores.open(&format!("{uri}-that-nobody-made/x")).await.unwrap();
    let put = put_if(&store, "a", "1", PutCondition::IfAbsent).await;
    assert!(matches!(put, Err(StoreError::NoRoot { .. })), "{put:?}");
    let get = store.get("a").await;
    assert!(matches!(get, Err(StoreError::NoRoot { .. })), "{get:?}");
    let list = store.list("").await;
    assert!(matches!(list, Err(StoreError::NoRoot { .. })), "{list:?}");
}

#[tokio::test]
async fn s3_that_nobody_answers_for_is_unavailable() {
    let config = S3Config {
        endpoint: Some("http://127.0.0.1:9".to_owned()),
        region: None,
        force_path_style: true,
    };
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_none() {
        eprintln!("skipped: AWS_ACCESS_KEY_ID is not set");
        return;
    }
    let store = UriStores::new(config).open("s3://bucket/x").await.unwrap();
    let get = store.get("a").await;
    assert!(matches!(get, Err(StoreError::Unavailable { .. })), "{get:?}");
}

fn s3() -> Option<(UriStores, String)> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(endpoint), Some(bucket)) =
        (named("SABOT_TEST_S3_ENDPOINT"), named("SABOT_TEST_S3_BUCKET"))
    else {
        eprintln!("skipped: SABOT_TEST_S3_ENDPOINT and SABOT_TEST_S3_BUCKET are not set");
        return None;
    };
    let config = S3Config { endpoint: Some(endpoint), region: None, force_path_style: true };
    Some((UriStores::new(config), format!("s3://{bucket}")))
}
