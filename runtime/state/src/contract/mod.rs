//! What every backend has to keep, as functions over a way to make an empty one. For tests: a
//! broken rule panics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test support: a panic is the report")]

mod freeze;
mod random;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use arrow::array::{Array, BinaryArray};
use sabot_core::state::{
    FrozenState, Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding,
};
use sabot_types::{KeyGroup, OperatorUid};

/// Makes an empty backend.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn StateBackend>;

/// A rule of the contract.
pub type Case = fn(Make<'_>);

/// All rules with their names.
pub const CASES: &[(&str, Case)] = &[
    ("rows_are_found_by_group_and_key", rows_are_found_by_group_and_key),
    ("the_last_row_of_a_key_wins", the_last_row_of_a_key_wins),
    ("a_null_value_deletes", a_null_value_deletes),
    ("empty_keys_and_values_are_rows", empty_keys_and_values_are_rows),
    ("namespaces_ascend", namespaces_ascend),
    ("scans_are_ordered_and_bounded", scans_are_ordered_and_bounded),
    ("rows_are_found_by_the_beginning_of_their_key", rows_are_found_by_prefix),
    ("a_dropped_namespace_is_empty_and_the_others_are_not", dropping),
    ("states_are_found_again_and_do_not_mix", states_do_not_mix),
    ("a_state_that_is_not_open_is_an_error", unknown_state),
    ("an_error_of_the_visitor_ends_the_scan", scan_error),
    ("frozen_state_does_not_change", freeze::does_not_change),
    ("each_freeze_has_its_own_moment", freeze::moments),
    ("frozen_state_is_visited_while_writes_go_on", freeze::concurrent),
    ("frozen_state_outlives_its_backend", freeze::outlives),
    ("frozen_state_may_be_left_unread", freeze::unread),
    ("an_error_of_the_visitor_ends_the_visit", freeze::visit_error),
    ("freezing_copies_no_rows", freeze::quick),
    ("random_operations_match_a_model", random::matches_a_model),
];

/// Checks all rules.
pub fn run(make: Make<'_>) {
    for (name, case) in CASES {
        println!("contract: {name}");
        case(make);
    }
}

/// A description to open a state with.
pub fn spec(operator: &str) -> StateSpec {
    let field = |name: &str| StateField { name: name.to_string(), data_type: "Binary".to_string() };
    StateSpec {
        operator: OperatorUid::new(operator).unwrap(),
        name: "contract".to_string(),
        key: vec![field("key")],
        value: vec![field("value")],
        namespace: "any".to_string(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

/// A row's place: namespace, key group, key.
type Place = (i64, u16, Vec<u8>);
/// A row to write: key group, key, and the value or nothing to delete.
type Change<'a> = (u16, &'a [u8], Option<&'a [u8]>);
/// All rows of a state.
type Rows = BTreeMap<Place, Vec<u8>>;

/// Writes rows of a namespace in one batch.
fn put(backend: &mut dyn StateBackend, state: StateHandle, namespace: i64, rows: &[Change<'_>]) {
    let groups: Vec<_> = rows.iter().map(|r| KeyGroup::new(r.0)).collect();
    let keys = BinaryArray::from_iter_values(rows.iter().map(|r| r.1));
    let values = rows.iter().map(|r| r.2).collect::<BinaryArray>();
    backend.put(state, Namespace(namespace), &groups, &keys, &values).unwrap();
}

fn get(
    backend: &mut dyn StateBackend,
    state: StateHandle,
    namespace: i64,
    keys: &[(u16, &[u8])],
) -> Vec<Option<Vec<u8>>> {
    let groups: Vec<_> = keys.iter().map(|r| KeyGroup::new(r.0)).collect();
    let keys = BinaryArray::from_iter_values(keys.iter().map(|r| r.1));
    let values = backend.get(state, Namespace(namespace), &groups, &keys).unwrap();
    assert_eq!(values.len(), keys.len());
    values.iter().map(|value| value.map(<[u8]>::to_vec)).collect()
}

/// All rows by scanning every namespace, with the order and size of batches checked.
fn scan_all(backend: &mut dyn StateBackend, state: StateHandle, max_rows: usize) -> Rows {
    let mut all = Rows::new();
    for namespace in backend.namespaces(state).unwrap() {
        let mut before: Option<(u16, Vec<u8>)> = None;
        let mut any = false;
        backend
            .scan(state, namespace, max_rows, &mut |rows| {
                assert_eq!(rows.namespace, namespace);
                assert!(!rows.groups.is_empty() && rows.groups.len() <= max_rows);
                assert_eq!(rows.groups.len(), rows.keys.len());
                assert_eq!(rows.groups.len(), rows.values.len());
                any = true;
                for (row, group) in rows.groups.iter().enumerate() {
                    let place = (group.index(), rows.keys.value(row).to_vec());
                    assert!(before.as_ref().is_none_or(|b| *b < place), "out of order");
                    before = Some(place.clone());
                    let value = rows.values.value(row).to_vec();
                    all.insert((namespace.0, place.0, place.1), value);
                }
                Ok(())
            })
            .unwrap();
        assert!(any, "a namespace without rows was listed");
    }
    all
}

/// All rows of a frozen state, with their order checked.
fn visit_all(frozen: Box<dyn FrozenState>) -> Rows {
    let mut all = Rows::new();
    let mut before: Option<Place> = None;
    frozen
        .visit(&mut |row| {
            let place = (row.namespace.0, row.group.index(), row.key.to_vec());
            assert!(before.as_ref().is_none_or(|b| *b < place), "out of order");
            before = Some(place.clone());
            all.insert(place, row.value.to_vec());
            Ok(())
        })
        .unwrap();
    all
}

fn opened(make: Make<'_>) -> (Box<dyn StateBackend>, StateHandle) {
    let mut backend = make();
    let state = backend.open(&spec("operator")).unwrap();
    (backend, state)
}

fn rows_are_found_by_prefix(make: Make<'_>) {
    let (mut b, state) = opened(make);
    let rows: [Change<'_>; 5] = [
        (1, b"ab", Some(b"1")),
        (1, b"aa", Some(b"2")),
        (1, b"a", Some(b"3")),
        (1, b"b", Some(b"4")),
        (2, b"ac", Some(b"5")),
    ];
    put(&mut *b, state, 10, &rows);
    put(&mut *b, state, 11, &[(1, b"az", Some(b"6"))]);
    let groups = [KeyGroup::new(1), KeyGroup::new(2), KeyGroup::new(3), KeyGroup::new(1)];
    let prefixes = BinaryArray::from_iter_values([b"a".as_slice(), b"", b"a", b"b"]);
    let mut scan = |rows_max: usize| {
        let mut seen: Vec<(usize, Vec<u8>, Vec<u8>)> = Vec::new();
        let mut of_prefix = [0; 4];
        b.scan_prefixes(state, Namespace(10), &groups, &prefixes, &mut |index, rest, value| {
            seen.push((index, rest.to_vec(), value.to_vec()));
            of_prefix[index] += 1;
            Ok(if of_prefix[index] < rows_max {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })
        .unwrap();
        seen
    };
    let row = |index, rest: &[u8], value: &[u8]| (index, rest.to_vec(), value.to_vec());
    let all = [
        row(0, b"", b"3"),
        row(0, b"a", b"2"),
        row(0, b"b", b"1"),
        row(1, b"ac", b"5"),
        row(3, b"", b"4"),
    ];
    assert_eq!(scan(usize::MAX), all);
    assert_eq!(scan(1), [&all[..1], &all[3..]].concat());
}

fn rows_are_found_by_group_and_key(make: Make<'_>) {
    let (mut b, state) = opened(make);
    put(&mut *b, state, 10, &[(1, b"a", Some(b"1")), (2, b"a", Some(b"2"))]);
    put(&mut *b, state, 20, &[(1, b"a", Some(b"3"))]);
    let found = get(&mut *b, state, 10, &[(2, b"a"), (1, b"b"), (1, b"a"), (3, b"a"), (2, b"a")]);
    let two = Some(b"2".to_vec());
    assert_eq!(found, [two.clone(), None, Some(b"1".to_vec()), None, two]);
    assert_eq!(get(&mut *b, state, 20, &[(1, b"a")]), [Some(b"3".to_vec())]);
    assert_eq!(get(&mut *b, state, 30, &[(1, b"a")]), [None]);
    assert!(get(&mut *b, state, 10, &[]).is_empty());
}

fn the_last_row_of_a_key_wins(make: Make<'_>) {
    let (mut b, state) = opened(make);
    put(&mut *b, state, 0, &[(1, b"k", Some(b"1")), (1, b"k", Some(b"2"))]);
    assert_eq!(get(&mut *b, state, 0, &[(1, b"k")]), [Some(b"2".to_vec())]);
    put(&mut *b, state, 0, &[(1, b"k", Some(b"3")), (1, b"k", None)]);
    assert_eq!(get(&mut *b, state, 0, &[(1, b"k")]), [None]);
    put(&mut *b, state, 0, &[(1, b"k", None), (1, b"k", Some(b"4"))]);
    assert_eq!(get(&mut *b, state, 0, &[(1, b"k")]), [Some(b"4".to_vec())]);
}

fn a_null_value_deletes(make: Make<'_>) {
    let (mut b, state) = opened(make);
    put(&mut *b, state, 5, &[(1, b"a", Some(b"1")), (1, b"b", Some(b"2"))]);
    put(&mut *b, state, 5, &[(1, b"a", None), (9, b"never", None)]);
    assert_eq!(get(&mut *b, state, 5, &[(1, b"a"), (1, b"b")]), [None, Some(b"2".to_vec())]);
    put(&mut *b, state, 5, &[(1, b"b", None)]);
    assert!(b.namespaces(state).unwrap().is_empty());
    put(&mut *b, state, 6, &[(1, b"b", None)]);
    assert!(b.namespaces(state).unwrap().is_empty());
}

fn empty_keys_and_values_are_rows(make: Make<'_>) {
    let (mut b, state) = opened(make);
    put(&mut *b, state, 0, &[(0, b"", Some(b""))]);
    assert_eq!(get(&mut *b, state, 0, &[(0, b""), (1, b"")]), [Some(Vec::new()), None]);
    assert_eq!(get(&mut *b, state, 0, &[(0, b"")]), [Some(Vec::new())]);
    assert_eq!(get(&mut *b, state, 0, &[(1, b"")]), [None]);
    assert_eq!(scan_all(&mut *b, state, 10).len(), 1);
}

fn namespaces_ascend(make: Make<'_>) {
    let (mut b, state) = opened(make);
    let expected = [i64::MIN, -1, 0, 1, 1 << 40, i64::MAX];
    for namespace in [0, i64::MAX, -1, 1 << 40, i64::MIN, 1] {
        put(&mut *b, state, namespace, &[(7, b"k", Some(b"v")), (8, b"k", Some(b"v"))]);
    }
    let found: Vec<_> = b.namespaces(state).unwrap().into_iter().map(|n| n.0).collect();
    assert_eq!(found, expected);
    assert_eq!(scan_all(&mut *b, state, 1).len(), 12);
}

fn scans_are_ordered_and_bounded(make: Make<'_>) {
    let (mut b, state) = opened(make);
    let mut expected = Rows::new();
    for n in (0..500_u32).rev() {
        let key = [b"k".repeat((n % 40) as usize), n.to_be_bytes().to_vec()].concat();
        let value = vec![b'v'; (n % 70) as usize];
        let group = (n % 300) as u16;
        put(&mut *b, state, 1, &[(group, &key, Some(&value))]);
        expected.insert((1, group, key), value);
    }
    for max_rows in [1, 7, 500, 10_000] {
        assert_eq!(scan_all(&mut *b, state, max_rows), expected);
    }
}

fn dropping(make: Make<'_>) {
    let (mut b, state) = opened(make);
    for namespace in [-1, 0, 1] {
        put(&mut *b, state, namespace, &[(1, b"a", Some(b"1")), (1023, b"z", Some(b"2"))]);
    }
    b.drop_namespace(state, Namespace(0)).unwrap();
    b.drop_namespace(state, Namespace(77)).unwrap();
    assert_eq!(b.namespaces(state).unwrap(), [Namespace(-1), Namespace(1)]);
    assert_eq!(get(&mut *b, state, 0, &[(1, b"a"), (1023, b"z")]), [None, None]);
    put(&mut *b, state, 0, &[(2, b"new", Some(b"3"))]);
    assert_eq!(b.namespaces(state).unwrap().len(), 3);
    assert_eq!(scan_all(&mut *b, state, 10).len(), 5);
    for namespace in [i64::MAX, i64::MIN] {
        put(&mut *b, state, namespace, &[(1, b"a", Some(b"1"))]);
        b.drop_namespace(state, Namespace(namespace)).unwrap();
    }
    assert_eq!(scan_all(&mut *b, state, 10).len(), 5);
}

fn states_do_not_mix(make: Make<'_>) {
    let mut b = make();
    let one = b.open(&spec("one")).unwrap();
    let two = b.open(&spec("two")).unwrap();
    assert_ne!(one, two);
    put(&mut *b, one, i64::MAX, &[(1, b"k", Some(b"1"))]);
    put(&mut *b, two, i64::MIN, &[(1, b"k", Some(b"2"))]);
    assert_eq!(scan_all(&mut *b, one, 10).len(), 1);
    assert_eq!(scan_all(&mut *b, two, 10).len(), 1);
    b.drop_namespace(one, Namespace(i64::MAX)).unwrap();
    assert_eq!(get(&mut *b, two, i64::MIN, &[(1, b"k")]), [Some(b"2".to_vec())]);

    let mut described = spec("two");
    described.value.clear();
    let again = b.open(&described).unwrap();
    assert_eq!(again, two);
    assert_eq!(get(&mut *b, again, i64::MIN, &[(1, b"k")]), [Some(b"2".to_vec())]);
    assert_eq!(*b.freeze(again).unwrap().spec(), described);
}

fn unknown_state(make: Make<'_>) {
    let (mut b, _) = opened(make);
    let unknown = StateHandle(9);
    assert!(b.namespaces(unknown).is_err());
    assert!(b.drop_namespace(unknown, Namespace(0)).is_err());
    assert!(b.freeze(unknown).is_err());
    assert!(b.get(unknown, Namespace(0), &[], &BinaryArray::new_null(0)).is_err());
    let none = BinaryArray::new_null(0);
    assert!(b.put(unknown, Namespace(0), &[], &none, &none).is_err());
}

fn scan_error(make: Make<'_>) {
    let (mut b, state) = opened(make);
    put(&mut *b, state, 0, &[(1, b"a", Some(b"1")), (1, b"b", Some(b"2"))]);
    let mut calls = 0;
    let outcome = b.scan(state, Namespace(0), 1, &mut |_| {
        calls += 1;
        Err(sabot_core::Error::user("stop"))
    });
    assert_eq!(outcome.unwrap_err().to_string(), "stop");
    assert_eq!(calls, 1);
}
