//! Random operations from a seed against a plain map.

use std::ops::{Bound, ControlFlow};

use arrow::array::BinaryArray;
use sabot_core::state::{FrozenState, Namespace, StateBackend, StateHandle};
use sabot_types::KeyGroup;

use super::{Make, Rows, get, put, scan_all, spec, visit_all};

const SEEDS: u64 = 20;
const STEPS: usize = 180;
/// The state that is asked for rows by whole beginnings of keys only.
const BY_BEGINNING: usize = 2;
/// What stands behind such a beginning.
const SUFFIX_BYTES: usize = 5;

pub(super) fn matches_a_model(make: Make<'_>) {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut run = Run::new(make(), seed);
        for _ in 0..STEPS {
            run.step();
        }
        run.finish();
    }
}

/// The generator `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

struct Run {
    backend: Box<dyn StateBackend>,
    states: Vec<(StateHandle, Rows)>,
    /// Each state as its changes since the first freeze make it.
    followed: Vec<Option<Rows>>,
    frozen: Vec<(Box<dyn FrozenState>, Rows)>,
    dice: Dice,
}

impl Run {
    fn new(mut backend: Box<dyn StateBackend>, seed: u64) -> Self {
        let states = ["a", "b", "c"].map(|name| (backend.open(&spec(name)).unwrap(), Rows::new()));
        backend.expect_prefixes(states[BY_BEGINNING].0, SUFFIX_BYTES);
        let states = states.into_iter().collect();
        let followed = vec![None, None, None];
        Self { backend, states, followed, frozen: Vec::new(), dice: Dice(seed) }
    }

    fn step(&mut self) {
        let index = self.dice.below(3) as usize;
        let namespace = self.dice.below(5) as i64 - 2;
        match self.dice.below(12) {
            0..=4 => self.put(index, namespace),
            5 | 6 => self.get(index, namespace),
            10 => self.scan_prefixes(index, namespace),
            11 => self.backend.catch_up().unwrap(),
            7 => self.drop_namespace(index, namespace),
            8 => self.freeze(index),
            _ => {
                if !self.frozen.is_empty() {
                    let which = self.dice.below(self.frozen.len() as u64) as usize;
                    let (frozen, expected) = self.frozen.swap_remove(which);
                    assert_eq!(visit_all(frozen), expected);
                }
                self.compare(index);
            }
        }
    }

    /// A place of a state.
    fn place(&mut self, index: usize) -> (u16, Vec<u8>) {
        let (group, mut key) = self.beginning(index);
        if index == BY_BEGINNING {
            key.extend([self.dice.below(3) as u8; SUFFIX_BYTES]);
        }
        (group, key)
    }

    /// What a place's key is or, in one state, begins with: there none is the beginning of another.
    fn beginning(&mut self, index: usize) -> (u16, Vec<u8>) {
        let group = self.dice.below(4) as u16 * 300;
        let length = self.dice.below(4) as u8 * 9;
        let mut key = vec![self.dice.below(6) as u8; length.into()];
        if index == BY_BEGINNING {
            key.insert(0, length);
        }
        (group, key)
    }

    fn put(&mut self, index: usize, namespace: i64) {
        let count = self.dice.below(30);
        let mut rows = Vec::new();
        for _ in 0..count {
            let (group, key) = self.place(index);
            let value = (self.dice.below(4) > 0)
                .then(|| vec![self.dice.next() as u8; self.dice.below(40) as usize]);
            rows.push((group, key, value));
        }
        let (state, model) = &mut self.states[index];
        let borrowed: Vec<_> =
            rows.iter().map(|(g, k, v)| (*g, k.as_slice(), v.as_deref())).collect();
        put(&mut *self.backend, *state, namespace, &borrowed);
        for (group, key, value) in rows {
            match value {
                Some(value) => model.insert((namespace, group, key), value),
                None => model.remove(&(namespace, group, key)),
            };
        }
    }

    fn get(&mut self, index: usize, namespace: i64) {
        let places: Vec<_> = (0..20).map(|_| self.place(index)).collect();
        let (state, model) = &self.states[index];
        let borrowed: Vec<_> = places.iter().map(|(g, k)| (*g, k.as_slice())).collect();
        let found = get(&mut *self.backend, *state, namespace, &borrowed);
        for ((group, key), found) in places.into_iter().zip(found) {
            assert_eq!(found.as_ref(), model.get(&(namespace, group, key)));
        }
    }

    fn scan_prefixes(&mut self, index: usize, namespace: i64) {
        let mut places: Vec<_> = (0..10).map(|_| self.beginning(index)).collect();
        if index != BY_BEGINNING {
            // Beginnings of keys, some of them none at all.
            for (_, key) in &mut places {
                key.truncate(self.dice.below(20) as usize);
            }
        }
        let (state, model) = &self.states[index];
        let groups: Vec<_> = places.iter().map(|(group, _)| KeyGroup::new(*group)).collect();
        let prefixes = BinaryArray::from_iter_values(places.iter().map(|(_, key)| key));
        let mut found = vec![Vec::new(); places.len()];
        let mut visit = |at: usize, rest: &[u8], value: &[u8]| {
            found[at].push((rest.to_vec(), value.to_vec()));
            Ok(ControlFlow::Continue(()))
        };
        let namespaces = Namespace(namespace);
        self.backend.scan_prefixes(*state, namespaces, &groups, &prefixes, &mut visit).unwrap();
        for ((group, prefix), found) in places.iter().zip(found) {
            let expected = model.iter().filter_map(|((n, g, key), value)| {
                let rest = key.strip_prefix(&prefix[..])?;
                ((*n, *g) == (namespace, *group)).then(|| (rest.to_vec(), value.clone()))
            });
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }

    fn drop_namespace(&mut self, index: usize, namespace: i64) {
        let (state, model) = &mut self.states[index];
        self.backend.drop_namespace(*state, Namespace(namespace)).unwrap();
        model.retain(|place, _| place.0 != namespace);
    }

    fn freeze(&mut self, index: usize) {
        let (state, rows) = &self.states[index];
        let mut frozen = self.backend.freeze(*state).unwrap();
        let changes = frozen.changes();
        assert_eq!(changes.is_some(), self.followed[index].is_some(), "known after the first");
        match (&mut self.followed[index], changes) {
            (Some(followed), Some(changes)) => {
                let dropped: Vec<_> = changes.dropped().map(|namespace| namespace.0).collect();
                followed.retain(|place, _| !dropped.contains(&place.0));
                let visited = changes.visit(&mut |change| {
                    let place = (change.namespace.0, change.group.index(), change.key.to_vec());
                    match change.value {
                        Some(value) => followed.insert(place, value.to_vec()),
                        None => followed.remove(&place),
                    };
                    Ok(())
                });
                visited.unwrap();
                assert_eq!(followed, rows);
            }
            (followed, _) => *followed = Some(rows.clone()),
        }
        self.frozen.push((frozen, rows.clone()));
    }

    fn compare(&mut self, index: usize) {
        let max_rows = 1 + self.dice.below(20) as usize;
        let (state, model) = &self.states[index];
        assert_eq!(scan_all(&mut *self.backend, *state, max_rows), *model);
        let listed: Vec<_> = self.backend.namespaces(*state).unwrap().iter().map(|n| n.0).collect();
        let expected: Vec<_> = (-2..3_i64)
            .filter(|n| {
                let from = Bound::Included((*n, 0, Vec::new()));
                model.range((from, Bound::Excluded((n + 1, 0, Vec::new())))).next().is_some()
            })
            .collect();
        assert_eq!(listed, expected);
    }

    fn finish(mut self) {
        for (frozen, expected) in std::mem::take(&mut self.frozen) {
            assert_eq!(visit_all(frozen), expected);
        }
        for index in 0..self.states.len() {
            self.compare(index);
        }
    }
}
