use std::fs;

use tempfile::TempDir;

use super::database::MergesWait;
use super::*;
use crate::contract;

fn entries(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn rocksdb_keeps_the_contract() {
    let dir = TempDir::new().unwrap();
    let next = std::cell::Cell::new(0);
    // As it is; so that a few rows are many; and so that most are read while they wait.
    let few = Sizes { sealed: 200, settled_max: 300, batch: 100, spilled: 500, ..Sizes::of(8) };
    let few = Sizes { waiting_max: 2000, settled_more: 100, catch_up: 150, ..few };
    let waiting = Sizes { settled_max: 0, settled_more: 0, ..few };
    for sizes in [Sizes::of(8), few, waiting, Sizes { waiting_max: 100_000, ..waiting }] {
        contract::run(&|| {
            next.set(next.get() + 1);
            let dir = dir.path().join(next.get().to_string());
            let backend = RocksDbBackend::open(&dir, 8).unwrap();
            Box::new(RocksDbBackend { sizes, ..backend })
        });
    }
}

#[test]
fn rows_wait_up_to_a_bound_and_are_read_meanwhile() {
    let dir = TempDir::new().unwrap();
    let mut backend = RocksDbBackend::open(dir.path(), 512).unwrap();
    assert_eq!(backend.sizes.waiting_max, 32 << 20);
    let state = StateBackend::open(&mut backend, &contract::spec("waiting")).unwrap();
    let rows = 20_000_u32;
    let groups = vec![KeyGroup::new(1); rows as usize];
    let keys = BinaryArray::from_iter_values((0..rows).map(u32::to_be_bytes));
    let mut waited = 0;
    for round in 0..8_u8 {
        let values = BinaryArray::from_iter_values((0..rows).map(|_| [round; 500]));
        backend.put(state, Namespace::ONLY, &groups, &keys, &values).unwrap();
        let waiting = backend.states[0].waiting.bytes();
        assert!(waiting < backend.sizes.waiting_max, "{waiting}");
        waited = waited.max(waiting);
        let found = backend.get(state, Namespace::ONLY, &groups, &keys).unwrap();
        assert!(found.iter().all(|value| value == Some(&[round; 500])), "{round}");
        let left = backend.states[0].waiting.bytes();
        assert!(left >= waiting, "a read has {waiting} - {left} bytes written");
    }
    assert!(waited > 20 << 20, "{waited}");
    // What is found where it waits is written when there is much of it.
    for _ in 0..1000 {
        backend.catch_up().unwrap();
    }
    let left = backend.states[0].waiting.bytes();
    assert!((1 << 20..=backend.sizes.waiting_max / 2).contains(&left), "{left}");
    let found = backend.get(state, Namespace::ONLY, &groups, &keys).unwrap();
    assert!(found.iter().all(|value| value == Some(&[7; 500])));
}

#[test]
fn rows_that_went_to_disk_are_read_as_those_in_memory() {
    let dir = TempDir::new().unwrap();
    let mut backend = RocksDbBackend::open(dir.path(), 8).unwrap();
    let state = StateBackend::open(&mut backend, &contract::spec("flushed")).unwrap();
    let groups = vec![KeyGroup::new(1); 1000];
    let key = |n: u32| n.to_be_bytes();
    let keys = BinaryArray::from_iter_values((0..1000).map(key));
    for round in 0..3_u8 {
        let values = BinaryArray::from_iter_values((0..1000).map(|_| [round; 50]));
        backend.put(state, Namespace(round.into()), &groups, &keys, &values).unwrap();
        backend.database.db.flush().unwrap();
    }
    backend.drop_namespace(state, Namespace(1)).unwrap();
    backend.database.db.flush().unwrap();
    assert_eq!(backend.namespaces(state).unwrap(), [Namespace(0), Namespace(2)]);
    let values = backend.get(state, Namespace(2), &groups, &keys).unwrap();
    assert_eq!(values.null_count(), 0);
    assert_eq!(backend.get(state, Namespace(1), &groups, &keys).unwrap().null_count(), 1000);
    let mut rows = 0;
    backend
        .freeze(state)
        .unwrap()
        .visit(&mut |_| {
            rows += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(rows, 2000);
    assert!(backend.size_bytes() > 0);
}

#[test]
fn a_new_backend_starts_empty_and_leaves_what_is_not_its_own() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("note.txt"), "mine").unwrap();
    fs::create_dir(dir.path().join("rocksdb-1-1")).unwrap();
    fs::write(dir.path().join("rocksdb-1-1/left-over.sst"), "old").unwrap();
    let backend = RocksDbBackend::open(dir.path(), 8).unwrap();
    let names = entries(&dir);
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&"note.txt".to_string()));
    assert!(!names.contains(&"rocksdb-1-1".to_string()));
    drop(backend);
    assert_eq!(entries(&dir), ["note.txt"]);
}

#[test]
fn a_directory_that_cannot_be_made_is_named_with_the_remedy() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(error) = RocksDbBackend::open(&file.join("slot-0"), 8) else {
        panic!("a directory below a file was made");
    };
    assert!(matches!(error, sabot_core::Error::State { .. }));
    let text = error.chain();
    assert!(text.contains("slot-0"), "{text}");
    assert!(text.contains("choose another directory"), "{text}");
}

#[test]
fn a_new_backend_opens_while_an_older_ones_state_is_still_being_read() {
    let dir = TempDir::new().unwrap();
    let mut old = RocksDbBackend::open(dir.path(), 8).unwrap();
    let state = StateBackend::open(&mut old, &contract::spec("old")).unwrap();
    let keys = BinaryArray::from(vec![b"k".as_slice()]);
    old.put(state, Namespace(0), &[KeyGroup::new(0)], &keys, &keys).unwrap();
    let frozen = old.freeze(state).unwrap();
    drop(old);
    let mut new = RocksDbBackend::open(dir.path(), 8).unwrap();
    let state = StateBackend::open(&mut new, &contract::spec("old")).unwrap();
    assert!(new.namespaces(state).unwrap().is_empty());
    drop(frozen);
}

#[test]
fn prefixes_are_found_behind_their_filter_in_memory_and_on_disk() {
    let dir = TempDir::new().unwrap();
    let mut backend = RocksDbBackend::open(dir.path(), 8).unwrap();
    let state = StateBackend::open(&mut backend, &contract::spec("filtered")).unwrap();
    // As long as a BIGINT is in a key, so that the filter is asked; every second one is there.
    let prefix = |n: u64| [&[1][..], &n.to_be_bytes()].concat();
    let rows = |numbers: std::ops::Range<u64>| {
        let keys = numbers.step_by(2).flat_map(|n| (0..3_u8).map(move |row| (n, row)));
        let keys: Vec<_> = keys.map(|(n, row)| [prefix(n), vec![row]].concat()).collect();
        BinaryArray::from_iter_values(keys)
    };
    for (numbers, flush) in [(0..1000, true), (1000..2000, false)] {
        let keys = rows(numbers);
        let groups = vec![KeyGroup::new(5); keys.len()];
        backend.put(state, Namespace::ONLY, &groups, &keys, &keys).unwrap();
        if flush {
            backend.database.db.flush().unwrap();
        }
    }
    let prefixes = BinaryArray::from_iter_values((0..2000).map(prefix));
    let mut found = vec![Vec::new(); 2000];
    let groups = vec![KeyGroup::new(5); 2000];
    backend
        .scan_prefixes(state, Namespace::ONLY, &groups, &prefixes, &mut |index, rest, _| {
            found[index].push(rest[0]);
            Ok(std::ops::ControlFlow::Continue(()))
        })
        .unwrap();
    for (n, found) in found.into_iter().enumerate() {
        let expected: &[u8] = if n % 2 == 0 { &[0, 1, 2] } else { &[] };
        assert_eq!(found, expected, "{n}");
    }
}

#[test]
fn files_are_merged_only_when_nobody_has_merges_wait() {
    let dir = TempDir::new().unwrap();
    let mut backend = RocksDbBackend::open(dir.path(), 512).unwrap();
    let state = StateBackend::open(&mut backend, &contract::spec("merges")).unwrap();
    let database = Arc::clone(&backend.database);
    let keys = BinaryArray::from_iter_values((0..100_u32).map(u32::to_be_bytes));
    let mut write_file = || {
        backend.put(state, Namespace::ONLY, &[KeyGroup::new(1); 100], &keys, &keys).unwrap();
        backend.settle(state).unwrap();
        database.db.flush().unwrap();
    };
    let is_merged = || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        database.unmerged_files() < 4
    };
    let first = MergesWait::begin(Arc::clone(&database));
    let second = MergesWait::begin(Arc::clone(&database));
    (0..6).for_each(|_| write_file());
    drop(first);
    second.check();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(database.unmerged_files(), 6, "four are merged otherwise");
    drop(second);
    assert!((0..500).any(|_| is_merged()), "{} files", database.unmerged_files());
    // What reads all of it takes too long for what is written meanwhile.
    let slow = MergesWait::begin(Arc::clone(&database));
    (0..16).for_each(|_| write_file());
    slow.check();
    assert!((0..500).any(|_| is_merged()), "{} files", database.unmerged_files());
    drop(slow);
}
