//! The rules of frozen state.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use sabot_core::state::{Namespace, StateBackend, StateHandle};

use super::{Make, Rows, get, opened, put, scan_all, visit_all};

fn fill(backend: &mut dyn StateBackend, state: StateHandle, value: &[u8], rows: u32) {
    let keys: Vec<_> = (0..rows).map(|n| ((n % 1024) as u16, n.to_be_bytes())).collect();
    let rows: Vec<_> = keys.iter().map(|(g, k)| (*g, k.as_slice(), Some(value))).collect();
    put(backend, state, 1, &rows);
}

pub(super) fn does_not_change(make: Make<'_>) {
    let (mut b, state) = opened(make);
    put(&mut *b, state, 1, &[(1, b"stays", Some(b"1")), (1, b"changes", Some(b"1"))]);
    put(&mut *b, state, 2, &[(1, b"deleted", Some(b"1"))]);
    put(&mut *b, state, -3, &[(5, b"dropped", Some(b"1"))]);
    let expected = scan_all(&mut *b, state, 10);
    let frozen = b.freeze(state).unwrap();
    assert_eq!(*frozen.spec(), super::spec("operator"));
    put(&mut *b, state, 1, &[(1, b"changes", Some(b"2")), (1, b"new", Some(b"2"))]);
    put(&mut *b, state, 2, &[(1, b"deleted", None)]);
    b.drop_namespace(state, Namespace(-3)).unwrap();
    let after = scan_all(&mut *b, state, 10);
    assert_eq!(visit_all(frozen), expected);
    assert_eq!(scan_all(&mut *b, state, 10), after);
    assert_ne!(after, expected);
}

pub(super) fn moments(make: Make<'_>) {
    let (mut b, state) = opened(make);
    let mut all = vec![(b.freeze(state).unwrap(), Rows::new())];
    for n in 0..5_u8 {
        put(&mut *b, state, n.into(), &[(1, b"k", Some(&[n])), (n.into(), &[n], Some(b""))]);
        if n > 2 {
            b.drop_namespace(state, Namespace(i64::from(n) - 2)).unwrap();
        }
        let rows = scan_all(&mut *b, state, 3);
        all.push((b.freeze(state).unwrap(), rows));
    }
    while let Some((frozen, expected)) = all.pop() {
        assert_eq!(visit_all(frozen), expected);
    }
}

pub(super) fn concurrent(make: Make<'_>) {
    const ROWS: u32 = 20_000;
    let (mut b, state) = opened(make);
    fill(&mut *b, state, b"before", ROWS);
    let frozen = b.freeze(state).unwrap();
    let (first, is_first) = sync_channel(1);
    let visitor = thread::spawn(move || {
        let mut rows = 0;
        let visited = frozen.visit(&mut |row| {
            if rows == 0 {
                first.send(()).unwrap();
            }
            assert_eq!(row.value, b"before");
            rows += 1;
            Ok(())
        });
        visited.map(|()| rows)
    });
    is_first.recv_timeout(Duration::from_mins(1)).expect("the visit begins");
    for round in 0..5_u8 {
        fill(&mut *b, state, &[round], ROWS);
    }
    b.drop_namespace(state, Namespace(1)).unwrap();
    assert_eq!(visitor.join().unwrap().unwrap(), ROWS);
    assert!(b.namespaces(state).unwrap().is_empty());
}

pub(super) fn outlives(make: Make<'_>) {
    let (mut b, state) = opened(make);
    fill(&mut *b, state, b"v", 3000);
    let frozen = b.freeze(state).unwrap();
    drop(b);
    assert_eq!(visit_all(frozen).len(), 3000);
}

pub(super) fn unread(make: Make<'_>) {
    let (mut b, state) = opened(make);
    fill(&mut *b, state, b"v", 100);
    for _ in 0..50 {
        drop(b.freeze(state).unwrap());
    }
    assert_eq!(get(&mut *b, state, 1, &[(0, &[0, 0, 0, 0])]), [Some(b"v".to_vec())]);
}

pub(super) fn visit_error(make: Make<'_>) {
    let (mut b, state) = opened(make);
    fill(&mut *b, state, &[9; 100], 20_000);
    let mut calls = 0;
    let visited = b.freeze(state).unwrap().visit(&mut |_| {
        calls += 1;
        Err(sabot_core::Error::user("stop"))
    });
    assert_eq!(visited.unwrap_err().to_string(), "stop");
    assert_eq!(calls, 1);
}

/// The best of many must be far below what a copy of the rows takes.
pub(super) fn quick(make: Make<'_>) {
    let (mut b, state) = opened(make);
    fill(&mut *b, state, &[1; 100], 50_000);
    let best = (0..20)
        .map(|_| {
            let began = Instant::now();
            let frozen = b.freeze(state).unwrap();
            let took = began.elapsed();
            drop(frozen);
            took
        })
        .min()
        .unwrap();
    assert!(best < Duration::from_millis(2), "freezing took {best:?}");
}
