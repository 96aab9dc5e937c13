//! A side's rows by key. Rows are written to the state at once; those of keys that were used
//! lately are also at hand, so that they are not read again.

use std::ops::ControlFlow;

use arrow::array::BinaryArray;
use hashbrown::HashTable;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{Namespace, StateBackend, StateHandle, number};
use sabot_core::{Cx, Result};
use sabot_types::key_hash;
use smallvec::SmallVec;

use super::entries::{Entries, Entry};
use crate::keyed::UniqueKeys;
use crate::multiset::count_of;
use crate::numbers::Numbers;
use crate::recent::{AtHand, Recent};

/// What is at hand at most: rows are in the state as well, most of which is in memory.
const RECENT_BYTES: usize = 16 << 20;
/// What a row takes besides its bytes, roughly.
const ROW_BYTES: usize = size_of::<Row>() + 16;
/// A list from this length on finds its rows by their hashes.
const INDEXED_ROWS: usize = 32;

/// The rows of one side.
pub(super) struct Lists {
    state: StateHandle,
    /// Whether the number of a row's partners is kept with it.
    tracked: bool,
    recent: Recent<List>,
    /// Whether the state can have keys that are not at hand.
    has_cold: bool,
    /// How long a row is there after it was written.
    ttl_ms: Option<u64>,
}

/// All rows of a key.
#[derive(Default)]
struct List {
    rows: SmallVec<[Row; 1]>,
    /// Indexes of `rows` by their hashes; none while there are few, or none is ever looked for.
    places: Option<Box<HashTable<u32>>>,
    /// When they were read, where rows have a time to live.
    since_ms: i64,
}

/// A row, and how often it is there.
pub(super) struct Row {
    pub(super) bytes: Box<[u8]>,
    hash: u64,
    /// Tells it from the other rows of its key.
    number: i64,
    pub(super) count: i64,
    /// How many partners it has; 0 where that is not kept.
    pub(super) partners: i64,
    is_stored: bool,
    is_changed: bool,
}

/// Lists of keys of a batch, [`NO_LIST`] for one without; good until the next ones are found.
#[derive(Default)]
pub(super) struct Slots(Vec<u32>);

/// Stands for the list of a key that has none.
const NO_LIST: u32 = u32::MAX;

/// Where rows changed: list and place in it.
#[derive(Default)]
pub(super) struct Changed(Vec<(u32, u32)>);

impl Lists {
    pub(super) fn new(
        state: StateHandle,
        tracked: bool,
        backend: &mut dyn StateBackend,
    ) -> Result<Self> {
        // A number stands behind the key.
        backend.expect_prefixes(state, number::BYTES);
        let has_cold = !backend.namespaces(state)?.is_empty();
        let ttl_ms = backend.ttl_ms(state);
        Ok(Self { state, tracked, recent: Recent::with_limit(RECENT_BYTES), has_cold, ttl_ms })
    }

    /// The state's handle.
    pub(super) fn state(&self) -> StateHandle {
        self.state
    }

    /// Brings the rows of keys to hand.
    pub(super) fn find(&mut self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Slots> {
        self.make_room();
        let (slots, mut missing) = self.recent.find_all(&keys.groups, &keys.bytes);
        if let Some(ttl_ms) = self.ttl_ms {
            self.expire(&slots, &mut missing, ttl_ms, cx.now_ms);
        }
        if self.has_cold && !missing.is_empty() {
            self.fetch(&missing, &slots, keys, cx)?;
        }
        Ok(Slots(slots))
    }

    /// The same for rows that are only read, or changed where they are.
    pub(super) fn look(&mut self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Slots> {
        if self.has_cold || self.ttl_ms.is_some() {
            return self.find(keys, cx);
        }
        let slot = |key| self.recent.find(key).unwrap_or(NO_LIST);
        Ok(Slots(keys.bytes.iter().flatten().map(slot).collect()))
    }

    /// Has lists that are at hand for as long as a row lives be read again: all of theirs is in
    /// the state, which knows what is over. The missing ones begin that time.
    fn expire(&mut self, slots: &[u32], missing: &mut Vec<usize>, ttl_ms: u64, now_ms: i64) {
        for at in missing.iter() {
            self.recent[slots[*at]].value.since_ms = now_ms;
        }
        for (at, slot) in slots.iter().enumerate() {
            let list = &mut self.recent[*slot].value;
            if list.since_ms <= now_ms.saturating_sub_unsigned(ttl_ms) {
                let bytes = list.held_bytes();
                *list = List { since_ms: now_ms, ..List::default() };
                self.recent.bytes -= bytes;
                missing.push(at);
                self.has_cold = true;
            }
        }
    }

    fn fetch(
        &mut self,
        missing: &[usize],
        slots: &[u32],
        keys: &UniqueKeys,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (groups, prefixes) = keys.pick(missing);
        let prefixes = BinaryArray::from_iter_values(prefixes);
        let Self { state, tracked, recent, .. } = self;
        let mut read = 0;
        cx.state.scan_prefixes(
            *state,
            Namespace::ONLY,
            &groups,
            &prefixes,
            &mut |at, n, value| {
                let list = &mut recent[slots[missing[at]]].value;
                let Entry { count, partners, row } = Entry::read(value, *tracked);
                list.rows.push(Row {
                    bytes: row.into(),
                    hash: key_hash::of_bytes(row),
                    number: count_of(n),
                    count,
                    partners: partners.unwrap_or(0),
                    is_stored: true,
                    is_changed: false,
                });
                recent.bytes += ROW_BYTES + row.len();
                read += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, read);
        Ok(())
    }

    /// The rows of each key.
    pub(super) fn rows<'l>(&'l self, slots: &'l Slots) -> impl Iterator<Item = &'l [Row]> {
        let rows = |slot: &u32| match *slot {
            NO_LIST => &[],
            slot => self.recent[slot].value.rows.as_slice(),
        };
        slots.0.iter().map(rows)
    }

    /// Writes rows that no other is compared with, each with its key's index in `keys`. The other
    /// rows of their keys need not be known.
    pub(super) fn append(
        &mut self,
        keys: &UniqueKeys,
        rows: &BinaryArray,
        numbers: &mut Numbers,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        self.make_room();
        let slot = |at: usize| {
            let (group, key) = (keys.groups[at], keys.bytes.value(at));
            let found = self.recent.find(key);
            found.or_else(|| {
                let begun = (!self.has_cold).then(|| self.recent.begin(group, key))?;
                self.recent[begun].value.since_ms = cx.now_ms;
                Some(begun)
            })
        };
        let slots: Vec<_> = (0..keys.len()).map(slot).collect();
        let key_bytes = keys.bytes.values().len() / keys.len().max(1);
        let mut entries = Entries::with_room(rows, key_bytes);
        for (row, key) in keys.of_row.iter().enumerate() {
            let (number, row) = (numbers.next(), rows.value(row));
            let of = (keys.groups[*key], keys.bytes.value(*key));
            entries.push(of, number, Some(Entry { count: 1, partners: None, row }));
            let Some(slot) = slots[*key] else { continue };
            self.recent.bytes += ROW_BYTES + row.len();
            self.recent[slot].value.rows.push(Row {
                bytes: row.into(),
                hash: 0,
                number,
                count: 1,
                partners: 0,
                is_stored: true,
                is_changed: false,
            });
        }
        entries.put(self.state, Namespace::ONLY, cx)
    }

    /// Changes how often a row is there, and says how many partners it has.
    pub(super) fn add(
        &mut self,
        slots: &Slots,
        at: usize,
        row: &[u8],
        (change, partners): (i64, i64),
        (numbers, changed): (&mut Numbers, &mut Changed),
    ) {
        let slot = slots.0[at];
        let hash = key_hash::of_bytes(row);
        let place = match self.recent[slot].value.place(hash, row) {
            Some(place) => place,
            None => {
                self.recent.bytes += ROW_BYTES + row.len();
                self.recent[slot].value.insert(hash, row, numbers.next())
            }
        };
        let row = &mut self.recent[slot].value.rows[place];
        row.count += change;
        row.partners = partners;
        if !std::mem::replace(&mut row.is_changed, true) {
            changed.0.push((slot, place as u32));
        }
    }

    /// Changes the number of partners of a row: the one at `place` among those of a key.
    pub(super) fn add_partners(
        &mut self,
        slots: &Slots,
        at: usize,
        place: usize,
        change: i64,
        changed: &mut Changed,
    ) {
        let slot = slots.0[at];
        let row = &mut self.recent[slot].value.rows[place];
        row.partners += change;
        if !std::mem::replace(&mut row.is_changed, true) {
            changed.0.push((slot, place as u32));
        }
    }

    /// Writes the rows that changed. Those that are there no more go.
    pub(super) fn write(&mut self, changed: Changed, cx: &mut Cx<'_>) -> Result<()> {
        let mut entries = Entries::default();
        let mut gone = Vec::new();
        for (slot, place) in changed.0 {
            let (group, key, list) = self.recent.keyed_mut(slot);
            let row = &mut list.rows[place as usize];
            row.is_changed = false;
            let is_there = row.count != 0;
            if !is_there {
                gone.push((slot, place));
                if !row.is_stored {
                    continue;
                }
            }
            row.is_stored = true;
            let partners = self.tracked.then_some(row.partners);
            let entry = Entry { count: row.count, partners, row: &row.bytes };
            entries.push((group, key), row.number, is_there.then_some(entry));
        }
        // From the back: the last row takes the place of one that goes.
        gone.sort_unstable();
        for (slot, place) in gone.into_iter().rev() {
            let row = self.recent[slot].value.remove(place as usize);
            self.recent.bytes -= ROW_BYTES + row.bytes.len();
        }
        entries.put(self.state, Namespace::ONLY, cx)
    }

    fn make_room(&mut self) {
        if self.recent.is_full() {
            self.recent.forget();
            self.has_cold = true;
        }
    }
}

impl List {
    /// Where a row is. Begins to keep an index when there are many.
    fn place(&mut self, hash: u64, row: &[u8]) -> Option<usize> {
        if self.places.is_none() && self.rows.len() >= INDEXED_ROWS {
            let mut places = HashTable::with_capacity(self.rows.len());
            for (place, row) in self.rows.iter().enumerate() {
                places.insert_unique(row.hash, place as u32, |at| self.rows[*at as usize].hash);
            }
            self.places = Some(Box::new(places));
        }
        let is_it = |other: &Row| other.hash == hash && *other.bytes == *row;
        match &self.places {
            Some(places) => {
                places.find(hash, |at| is_it(&self.rows[*at as usize])).map(|at| *at as usize)
            }
            None => self.rows.iter().position(is_it),
        }
    }

    /// Adds a row that is not there yet; its place.
    fn insert(&mut self, hash: u64, row: &[u8], number: i64) -> usize {
        let place = self.rows.len();
        self.rows.push(Row {
            bytes: row.into(),
            hash,
            number,
            count: 0,
            partners: 0,
            is_stored: false,
            is_changed: false,
        });
        if let Some(places) = &mut self.places {
            places.insert_unique(hash, place as u32, |at| self.rows[*at as usize].hash);
        }
        place
    }

    /// Takes a row out; the last one takes its place.
    fn remove(&mut self, place: usize) -> Row {
        let last = self.rows.len() - 1;
        if let Some(places) = &mut self.places {
            let hash = self.rows[place].hash;
            if let Ok(found) = places.find_entry(hash, |at| *at == place as u32) {
                found.remove();
            }
            let moved = self.rows[last].hash;
            if let Some(at) = places.find_mut(moved, |at| *at == last as u32) {
                *at = place as u32;
            }
        }
        self.rows.swap_remove(place)
    }
}

impl AtHand for List {
    fn held_bytes(&self) -> usize {
        self.rows.iter().map(|row| ROW_BYTES + row.bytes.len()).sum()
    }
}
