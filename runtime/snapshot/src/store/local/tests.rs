use std::process::Command;

use super::*;

const CHILD: &str = "SABOT_TEST_LOCAL_STORE_CHILD";

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn store(path: &Path) -> LocalStore {
    LocalStore::new(path).unwrap()
}

#[tokio::test]
async fn the_directory_is_created_by_the_first_write_and_reading_finds_nothing_before() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("not/yet");
    let store = store(&path);
    assert!(matches!(store.get("a").await, Err(StoreError::NotFound { .. })));
    let error = store.list("").await.unwrap_err();
    assert!(matches!(&error, StoreError::NoRoot { .. }), "{error}");
    assert!(error.to_string().contains("not/yet"), "{error}");
    store.put("a", bytes("1"), PutCondition::IfAbsent).await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn keys_cannot_leave_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    for key in ["../a", "/etc/passwd", "a//b", "a/../../b", "", ".", "a/", ".sabot-lock", "a\0b"] {
        let error = store.put(key, bytes("1"), PutCondition::Always).await.unwrap_err();
        assert!(matches!(error, StoreError::Unsupported { .. }), "{key:?}: {error}");
        assert!(store.get(key).await.is_err());
        assert!(store.delete(key).await.is_err());
    }
}

#[tokio::test]
async fn empty_folders_vanish_with_their_last_object() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    store.put("a/b/c", bytes("1"), PutCondition::Always).await.unwrap();
    store.put("a/d", bytes("1"), PutCondition::Always).await.unwrap();
    store.delete("a/b/c").await.unwrap();
    assert!(!directory.path().join("a/b").exists());
    assert!(directory.path().join("a/d").exists());
}

#[tokio::test]
async fn large_objects_are_whole_wherever_they_lie_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let all: Vec<u8> = (0..3_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let start = all.as_ptr().align_offset(DIRECT_BYTES);
    let all = Bytes::from(all);
    for start in [start, start + 1] {
        for length in [1 << 20, (1 << 20) + 1, (2 << 20) - 1, 2 << 20] {
            let part = all.slice(start..start + length);
            let key = format!("{start}/{length}");
            store.put(&key, part.clone(), PutCondition::IfAbsent).await.unwrap();
            assert!(store.get(&key).await.unwrap().bytes == part, "{key}");
            let again = store.put(&key, part, PutCondition::IfAbsent).await.unwrap_err();
            assert!(matches!(again, StoreError::Precondition { .. }), "{again}");
        }
    }
}

#[tokio::test]
async fn two_stores_of_one_directory_share_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (store(directory.path()), store(directory.path()));
    let version = one.put("a", bytes("1"), PutCondition::IfAbsent).await.unwrap();
    let version = one.put("a", bytes("2"), PutCondition::IfMatch(version)).await.unwrap();
    two.put("a", bytes("3"), PutCondition::IfMatch(version)).await.unwrap();
}

/// The other process of the test below: does nothing when it is run as a test of its own.
#[tokio::test]
async fn child_of_the_test_of_the_lock() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = store(Path::new(&path));
    let version = store.get("a").await.unwrap().version;
    let error = store.put("a", bytes("theirs"), PutCondition::IfMatch(version)).await.unwrap_err();
    println!("refused: {error}");
}

#[tokio::test]
async fn a_second_process_is_told_that_the_directory_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let version = store.put("a", bytes("1"), PutCondition::IfAbsent).await.unwrap();
    store.put("a", bytes("ours"), PutCondition::IfMatch(version)).await.unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["store::local::tests::child_of_the_test_of_the_lock", "--exact", "--nocapture"])
        .env(CHILD, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = format!("refused: another process (pid {}) uses directory", std::process::id());
    assert!(said.contains(&expected), "{said}");
    assert_eq!(store.get("a").await.unwrap().bytes, "ours");
}

#[tokio::test]
async fn what_a_killed_process_was_writing_is_removed_and_never_seen() {
    let directory = tempfile::tempdir().unwrap();
    let leftover = directory.path().join("seg").join(".sabot-tmp-0123-4");
    std::fs::create_dir(directory.path().join("seg")).unwrap();
    std::fs::write(&leftover, "half").unwrap();
    let store = store(directory.path());
    assert_eq!(store.list("").await.unwrap(), []);
    let version = store.put("a", bytes("1"), PutCondition::IfAbsent).await.unwrap();
    store.put("a", bytes("2"), PutCondition::IfMatch(version)).await.unwrap();
    assert!(!leftover.exists());
}

#[tokio::test]
async fn a_file_in_the_way_is_named_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "x").unwrap();
    let store = store(&directory.path().join("file"));
    let error = store.put("a", bytes("1"), PutCondition::IfAbsent).await.unwrap_err();
    assert!(error.to_string().contains("choose another directory"), "{error}");
}

#[tokio::test]
async fn writers_and_deleters_of_one_folder_do_not_disturb_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let tasks = (0..4).map(|n| {
        let store = store.clone();
        async move {
            let key = format!("folder/deep/{n}");
            for _ in 0..25 {
                store.put(&key, bytes("1"), PutCondition::IfAbsent).await.unwrap();
                store.delete(&key).await.unwrap();
            }
        }
    });
    futures::future::join_all(tasks).await;
    assert_eq!(store.list("").await.unwrap(), []);
}
