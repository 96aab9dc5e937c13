//! Of a table: its rows against a map, what it holds, and what is frozen.

use std::collections::BTreeMap;

use sabot_core::{Random, SeededRandom};

use super::*;

fn put(table: &mut Table, numbers: std::ops::Range<u32>, value: Option<&[u8]>) {
    let groups: Vec<_> = numbers.clone().map(|n| KeyGroup::new((n % 7) as u16)).collect();
    let keys = BinaryArray::from_iter_values(numbers.clone().map(u32::to_be_bytes));
    let values: BinaryArray = numbers.map(|_| value).collect();
    table.put(&groups, &keys, &values, |_, _, _| ());
}

fn held(table: &Table) -> usize {
    table.pages.iter().map(<[u8]>::len).sum()
}

#[test]
fn pages_of_rows_that_are_gone_are_used_again() {
    let mut table = Table::default();
    put(&mut table, 0..10_000, Some(&[1; 100]));
    let full = held(&table);
    for round in 1..20 {
        put(&mut table, (round - 1) * 10_000..round * 10_000, None);
        put(&mut table, round * 10_000..(round + 1) * 10_000, Some(&[2; 100]));
    }
    assert_eq!(table.len(), 10_000);
    assert!(held(&table) < full * 2, "{} of {full} bytes", held(&table));
}

#[test]
fn a_few_rows_that_stay_keep_no_pages() {
    let mut table = Table::default();
    for round in 0..100 {
        put(&mut table, round * 1000..(round + 1) * 1000, Some(&[1; 100]));
        put(&mut table, round * 1000 + 1..(round + 1) * 1000, None);
    }
    assert_eq!(table.len(), 100);
    assert!(held(&table) < 3 * (64 << 10), "{} bytes", held(&table));
}

#[test]
fn values_that_grow_leave_no_more_than_half_a_page_unused() {
    let mut table = Table::default();
    for len in 1..40 {
        put(&mut table, 0..5_000, Some(&vec![3; len * 10]));
    }
    let rows = table.len() * (14 + 4 + 390);
    assert!(held(&table) <= rows * 2 + (64 << 10), "{} of {rows} bytes", held(&table));
    let keys = BinaryArray::from_iter_values([7_u32.to_be_bytes()]);
    assert_eq!(table.get(&[KeyGroup::new(0)], &keys).value(0), vec![3; 390]);
}

#[test]
fn the_size_is_that_of_the_rows_that_are_there() {
    let mut table = Table::default();
    put(&mut table, 0..2, Some(b"1"));
    put(&mut table, 1..2, Some(&[7; 100]));
    put(&mut table, 0..1, Some(&[7; 100]));
    put(&mut table, 0..1, Some(b""));
    assert_eq!(table.bytes(), 2 * (4 + ROW_OVERHEAD_BYTES) + 100);
    put(&mut table, 0..2, None);
    assert_eq!(table.bytes(), 0);
}

#[test]
fn random_rows_match_a_map_while_states_are_frozen() {
    let dice = SeededRandom::new(5);
    let next = |below: u64| dice.next_u64() % below;
    let mut table = Table::default();
    let (mut expected, mut frozen) = (Model::new(), Vec::new());
    for round in 0..120_u64 {
        let mut rows = Vec::new();
        for _ in 0..next(2000) {
            let number = next(30_000);
            let key = [&number.to_le_bytes()[..], &vec![7; number as usize % 50]].concat();
            // Some rows are larger than a page.
            let len = if next(2000) == 0 { 70_000 } else { next(200) };
            let value = (next(4) > 0).then(|| vec![round as u8; len as usize]);
            rows.push(((number % 3) as u16, key, value));
        }
        let groups: Vec<_> = rows.iter().map(|row| KeyGroup::new(row.0)).collect();
        let keys = BinaryArray::from_iter_values(rows.iter().map(|row| &row.1));
        let values: BinaryArray = rows.iter().map(|row| row.2.as_deref()).collect();
        table.put(&groups, &keys, &values, |_, _, _| ());
        for (group, key, value) in rows {
            match value {
                Some(value) => expected.insert((group, key), value),
                None => expected.remove(&(group, key)),
            };
        }
        let found = table.get(&groups, &keys);
        for ((group, key), found) in groups.iter().zip(&keys).zip(&found) {
            let place = (group.index(), key.unwrap().to_vec());
            assert_eq!(found, expected.get(&place).map(Vec::as_slice));
            let one = BinaryArray::from_iter_values(key);
            assert_eq!(table.get(&[*group], &one).iter().next().unwrap(), found);
        }
        let bytes = |((_, key), value): (&(u16, Vec<u8>), &Vec<u8>)| key.len() + value.len();
        assert_eq!(table.bytes, expected.iter().map(bytes).sum::<usize>() as u64);
        if round % 7 == 0 {
            frozen.push((table.freeze(), expected.clone()));
        }
        if round % 10 == 9 {
            check_frozen(&frozen.swap_remove(next(frozen.len() as u64) as usize));
        }
    }
    assert!(table.len() > 10_000, "{} rows", table.len());
    frozen.push((table.freeze(), expected));
    frozen.iter().for_each(check_frozen);
}

/// Values by key group and key.
type Model = BTreeMap<(u16, Vec<u8>), Vec<u8>>;

fn check_frozen((pages, expected): &(Vec<SharedPage>, Model)) {
    let mut expected = expected.iter();
    let pages = pages.iter().map(|page| &page[..]);
    let visited = visit_sorted(pages, |Row { group, key, value }| {
        let ((expected_group, expected_key), expected_value) = expected.next().unwrap();
        assert_eq!((group.index(), key), (*expected_group, &expected_key[..]));
        assert_eq!(value, expected_value);
        Ok(())
    });
    visited.unwrap();
    assert!(expected.next().is_none());
}

#[test]
fn keys_of_one_hash_are_told_apart() {
    // 300,000 keys have about ten pairs whose 32 bits of hash are equal.
    let mut table = Table::default();
    for start in (0..300_000).step_by(1000) {
        put(&mut table, start..start + 1000, Some(&start.to_be_bytes()));
    }
    assert_eq!(table.len(), 300_000);
    let groups: Vec<_> = (0..300_000).map(|n| KeyGroup::new((n % 7) as u16)).collect();
    let keys = BinaryArray::from_iter_values((0..300_000_u32).map(u32::to_be_bytes));
    let values = table.get(&groups, &keys);
    for (n, value) in values.iter().enumerate() {
        assert_eq!(value.unwrap(), (n as u32 / 1000 * 1000).to_be_bytes());
    }
}
