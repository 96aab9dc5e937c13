//! The first rows of each key in some order, of rows that only come: one that is not among the
//! first can never be again. Without an order the first ones are those that come first.
//!
//! State: key, then a number below the limit, to the row. A row that enters takes the number of
//! one that leaves, so it costs one write. What changes reaches the backend only with the next
//! snapshot; what was touched lately is not read again.

use std::mem;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BinaryBuilder, RecordBatch, UInt32Array};
use arrow::compute::{interleave, take_arrays};
use arrow::datatypes::SchemaRef;
use arrow_row::Rows;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::OrderBy;
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{Namespace, StateBackend, StateHandle, first_bytes, number};
use sabot_core::{Cx, Result};
use smallvec::SmallVec;

use crate::codec::RowCodec;
use crate::first_of::Order;
use crate::hot::{WRITE_ROWS, expect_rows};
use crate::keyed::UniqueKeys;
use crate::multiset::{count_of, value_of};
use crate::recent::{AtHand, Recent};

pub(crate) struct FirstRows {
    state: StateHandle,
    limit: usize,
    order: Order,
    codec: RowCodec,
    recent: Recent<List>,
    /// Lists with rows of which the backend has others, or none: to look for them among all would hold
    /// up a barrier.
    dirty: Vec<u32>,
    /// Whether the backend can have keys that are not at hand.
    has_cold: bool,
    /// How long a row is there after it came.
    ttl_ms: Option<u64>,
}

/// The first rows of a key, in their order.
#[derive(Default)]
struct List {
    rows: SmallVec<[Row; 1]>,
    /// Whether some of them are dirty.
    is_dirty: bool,
}

struct Row {
    start: Start,
    /// Its place in the order, then the row.
    bytes: Box<[u8]>,
    order_bytes: u32,
    /// Tells it from the other rows of its key.
    number: u32,
    /// Whether the backend has another one of this number, or none.
    is_dirty: bool,
    /// When it came or was read, where rows have a time to live.
    since_ms: i64,
}

/// The first bytes of a place in the order. Most differ in them, which is seen without a look at the
/// rows.
type Start = [u64; 2];

/// What rows are ordered by: their places in the order, and then their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    start: Start,
    order: &'a [u8],
    row: &'a [u8],
}

/// A row among those of its key: one that was there, or one of those that may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Old(u32),
    New(u32),
}

/// How the first rows change.
pub(crate) struct FirstChanges {
    pub(crate) kinds: Vec<RowKind>,
    pub(crate) ranks: Vec<i64>,
    /// The rows' columns.
    pub(crate) columns: Vec<ArrayRef>,
}

/// Changes, and what the lists are after them.
#[derive(Default)]
struct Changes {
    kinds: Vec<RowKind>,
    ranks: Vec<i64>,
    /// Of which table each row is and where in it: 0 the rows that may enter, 1 `old`.
    rows: Vec<(usize, usize)>,
    /// Rows that were there and are told of: slot and place in the list.
    old: Vec<(u32, u32)>,
    /// Lists that change: slot, and what they are then.
    lists: Vec<(u32, Range<usize>)>,
    places: Vec<Place>,
}

impl FirstRows {
    pub(crate) fn new(
        state: StateHandle,
        (order, limit): (&[OrderBy], usize),
        input: &SchemaRef,
        backend: &mut dyn StateBackend,
    ) -> Result<Self> {
        let values = row_kind::without(input);
        if limit > 1 {
            // A number stands behind the key.
            backend.expect_prefixes(state, number::BYTES);
        }
        Ok(Self {
            state,
            limit,
            order: Order::new(order, input)?,
            codec: RowCodec::new(values.fields().iter().map(|f| f.data_type().clone()))?,
            recent: Recent::new(),
            dirty: Vec::new(),
            has_cold: !backend.namespaces(state)?.is_empty(),
            ttl_ms: backend.ttl_ms(state),
        })
    }

    /// The state's handle.
    pub(crate) fn state(&self) -> StateHandle {
        self.state
    }

    /// Lets those rows of a batch that are among the first of their keys take their places; how
    /// the first rows change, told by rank or row by row.
    pub(crate) fn update(
        &mut self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        by_rank: bool,
        cx: &mut Cx<'_>,
    ) -> Result<Option<FirstChanges>> {
        let slots = self.find(keys, cx)?;
        let order = self.order_of(batch.columns())?;
        let may_enter = |row: &u32| {
            let rows = &self.recent[slots[keys.of_row[*row as usize]]].value.rows;
            let row = order.row(*row as usize);
            let is_before = |last: &Row| {
                let last = last.rank();
                !self.is_by_arrival()
                    && (start_of(row.data()), row.data()) <= (last.start, last.order)
            };
            rows.len() < self.limit || rows.last().is_some_and(is_before)
        };
        let entering: Vec<u32> = (0..batch.num_rows() as u32).filter(may_enter).collect();
        if entering.is_empty() {
            return Ok(None);
        }
        let key_of = |row: u32| keys.of_row[row as usize];
        let entering = self.order.first(entering, key_of, &order, self.limit);
        let entering = UInt32Array::from(entering);
        let columns = row_kind::values(batch);
        let columns = if entering.len() == batch.num_rows() {
            columns.to_vec()
        } else {
            take_arrays(columns, &entering, None)?
        };
        let rows = self.codec.encode(&columns, entering.len())?;
        let new = NewRows { order, at: &entering, rows };
        let changes = self.changes(keys, &slots, &new, by_rank);
        let columns = self.columns(&columns, &changes)?;
        self.apply(&changes, &new, cx.now_ms);
        let Changes { kinds, ranks, .. } = changes;
        Ok(Some(FirstChanges { kinds, ranks, columns }))
    }

    /// Whether rows are ordered by nothing but when they came.
    fn is_by_arrival(&self) -> bool {
        self.order.is_by_arrival()
    }

    fn order_of(&self, columns: &[ArrayRef]) -> Result<Rows> {
        let rows = columns.first().map_or(0, |column| column.len());
        self.order.of(rows, |column| Ok(Arc::clone(&columns[*column])))
    }

    /// How the lists change. They stay as they are.
    fn changes(
        &self,
        keys: &UniqueKeys,
        slots: &[u32],
        new: &NewRows<'_>,
        by_rank: bool,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut places: Vec<Place> = Vec::new();
        let key_of = |row: &u32| keys.of_row[new.at.value(*row as usize) as usize];
        // By key, and as they came.
        let mut entering: Vec<u32> = (0..new.at.len() as u32).collect();
        entering.sort_by_key(key_of);
        for rows in entering.chunk_by(|a, b| key_of(a) == key_of(b)) {
            let slot = slots[key_of(&rows[0])];
            let list = &self.recent[slot].value.rows;
            let place_of = |place: &Place| match place {
                Place::Old(at) => list[*at as usize].rank(),
                Place::New(row) => new.rank(*row),
            };
            places.clear();
            places.extend((0..list.len() as u32).map(Place::Old));
            for row in rows {
                let place = new.rank(*row);
                let is_full = places.len() >= self.limit;
                let is_behind = self.is_by_arrival()
                    || places.last().is_none_or(|last| place >= place_of(last));
                if is_full && is_behind {
                    continue;
                }
                let at = match self.is_by_arrival() {
                    true => places.len(),
                    false => places.partition_point(|other| place_of(other) <= place),
                };
                places.insert(at, Place::New(*row));
                places.truncate(self.limit);
            }
            if !places.iter().any(|place| matches!(place, Place::New(_))) {
                continue;
            }
            if by_rank {
                let differ = |at: usize| place_of(&places[at]) != list[at].rank();
                changes.by_rank(slot, list.len(), &places, differ);
            } else {
                changes.by_row(slot, list.len(), &places);
            }
            let start = changes.places.len();
            changes.places.extend_from_slice(&places);
            changes.lists.push((slot, start..changes.places.len()));
        }
        changes
    }

    /// The columns of the rows that are told of; `entering` has those that may enter.
    fn columns(&self, entering: &[ArrayRef], changes: &Changes) -> Result<Vec<ArrayRef>> {
        let old = changes.old.iter();
        let old = old.map(|(slot, at)| self.recent[*slot].value.rows[*at as usize].rank().row);
        let old = self.codec.decode_rows(old)?;
        let column = |(new, old): (&ArrayRef, &ArrayRef)| interleave(&[new, old], &changes.rows);
        Ok(entering.iter().zip(&old).map(column).collect::<Result<_, _>>()?)
    }

    fn apply(&mut self, changes: &Changes, new: &NewRows<'_>, now_ms: i64) {
        for (slot, places) in &changes.lists {
            let list = &mut self.recent[*slot].value;
            let before = list.held_bytes();
            list.become_places(&changes.places[places.clone()], new, now_ms);
            let after = list.held_bytes();
            if !mem::replace(&mut list.is_dirty, true) {
                self.dirty.push(*slot);
            }
            self.recent.bytes = self.recent.bytes + after - before;
        }
    }

    /// Brings the rows of keys to hand.
    fn find(&mut self, keys: &UniqueKeys, cx: &mut Cx<'_>) -> Result<Vec<u32>> {
        if self.recent.is_full() {
            self.flush(cx)?;
            self.recent.forget();
            self.has_cold = true;
        }
        let (slots, missing) = self.recent.find_all(&keys.groups, &keys.bytes);
        if let Some(ttl_ms) = self.ttl_ms {
            let over = cx.now_ms.saturating_sub_unsigned(ttl_ms);
            for slot in &slots {
                let list = &mut self.recent[*slot].value;
                let before = list.held_bytes();
                list.rows.retain(|row| row.since_ms > over);
                let after = list.held_bytes();
                self.recent.bytes = self.recent.bytes + after - before;
            }
        }
        if self.has_cold && !missing.is_empty() {
            self.fetch(&missing, &slots, keys, cx)?;
        }
        Ok(slots)
    }

    fn fetch(
        &mut self,
        missing: &[usize],
        slots: &[u32],
        keys: &UniqueKeys,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let (groups, wanted) = keys.pick(missing);
        let mut found: Vec<(u32, u32)> = Vec::new();
        let mut values = BinaryBuilder::new();
        if self.limit == 1 {
            let wanted = wanted.iter().map(|key| [key, value_of(0).as_slice()].concat());
            let wanted = BinaryArray::from_iter_values(wanted);
            let stored = cx.state.get(self.state, Namespace::ONLY, &groups, &wanted)?;
            for (at, value) in missing.iter().zip(&stored) {
                let Some(value) = value else { continue };
                found.push((slots[*at], 0));
                values.append_value(value);
            }
        } else {
            let wanted = BinaryArray::from_iter_values(wanted);
            let mut visit = |at: usize, number: &[u8], value: &[u8]| {
                found.push((slots[missing[at]], count_of(number) as u32));
                values.append_value(value);
                Ok(ControlFlow::Continue(()))
            };
            cx.state.scan_prefixes(self.state, Namespace::ONLY, &groups, &wanted, &mut visit)?;
        }
        OperatorMetrics::add(&cx.metrics.state_reads, found.len().max(groups.len()));
        let values = values.finish();
        let order = self.order_of(&self.codec.decode(&values)?)?;
        for (at, (slot, number)) in found.iter().enumerate() {
            let mut row = Row::new(order.row(at).data(), values.value(at), *number, cx.now_ms);
            row.is_dirty = false;
            self.recent.bytes += row.held_bytes();
            self.recent[*slot].value.rows.push(row);
        }
        let by_arrival = self.is_by_arrival();
        for at in missing {
            let rows = &mut self.recent[slots[*at]].value.rows;
            if by_arrival {
                rows.sort_unstable_by_key(|row| row.number);
            } else {
                rows.sort_unstable_by(|a, b| a.rank().cmp(&b.rank()));
            }
        }
        Ok(())
    }

    /// Writes what the backend does not have.
    pub(crate) fn flush(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        for (at, slots) in self.dirty.chunks(WRITE_ROWS).enumerate() {
            let mut groups = Vec::with_capacity(slots.len());
            let (mut keys, mut values) = (BinaryBuilder::new(), BinaryBuilder::new());
            let mut bytes = Vec::new();
            for slot in slots {
                let (group, key, list) = self.recent.keyed_mut(*slot);
                list.is_dirty = false;
                for row in list.rows.iter_mut().filter(|row| row.is_dirty) {
                    row.is_dirty = false;
                    bytes.clear();
                    bytes.extend_from_slice(key);
                    bytes.extend_from_slice(&value_of(i64::from(row.number)));
                    groups.push(group);
                    keys.append_value(&bytes);
                    values.append_value(row.rank().row);
                }
            }
            OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
            let (keys, values) = (keys.finish(), values.finish());
            if at == 0 {
                let rows = groups.len() * self.dirty.len().div_ceil(slots.len());
                expect_rows(self.state, rows, (&keys, &values), cx);
            }
            cx.state.put(self.state, Namespace::ONLY, &groups, &keys, &values)?;
        }
        self.dirty.clear();
        Ok(())
    }
}

/// Rows of a batch that may enter, by key.
struct NewRows<'a> {
    /// The places of all rows of the batch.
    order: Rows,
    /// Where each of them is in the batch.
    at: &'a UInt32Array,
    rows: BinaryArray,
}

fn start_of(order: &[u8]) -> Start {
    let number = first_bytes(order);
    [(number >> 64) as u64, number as u64]
}

impl NewRows<'_> {
    fn rank(&self, row: u32) -> Rank<'_> {
        let row = row as usize;
        let order = self.order.row(self.at.value(row) as usize).data();
        Rank { start: start_of(order), order, row: self.rows.value(row) }
    }
}

impl Row {
    fn new(order: &[u8], row: &[u8], number: u32, since_ms: i64) -> Self {
        let mut bytes = Vec::with_capacity(order.len() + row.len());
        bytes.extend_from_slice(order);
        bytes.extend_from_slice(row);
        let order_bytes = order.len() as u32;
        let start = start_of(order);
        Self { start, bytes: bytes.into(), order_bytes, number, is_dirty: true, since_ms }
    }

    fn rank(&self) -> Rank<'_> {
        let (order, row) = self.bytes.split_at(self.order_bytes as usize);
        Rank { start: self.start, order, row }
    }

    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

impl List {
    /// Rows that were there are among `places` in their order, and only the last ones leave.
    fn become_places(&mut self, places: &[Place], new: &NewRows<'_>, now_ms: i64) {
        let kept = places.iter().filter(|place| matches!(place, Place::Old(_))).count();
        let numbers: SmallVec<[u32; 16]> = self.rows.iter().map(|row| row.number).collect();
        // Without holes, unless rows ended their time.
        let has_holes = numbers.iter().any(|number| *number as usize >= numbers.len());
        let others = if has_holes { 0 } else { numbers.len() as u32 }..;
        let others = others.filter(|number| !(has_holes && numbers.contains(number)));
        let mut free = numbers[kept..].iter().copied().chain(others);
        let mut old = mem::take(&mut self.rows).into_iter();
        for place in places {
            let row = match place {
                Place::Old(_) => old.next(),
                Place::New(row) => free.next().map(|number| {
                    let Rank { order, row, .. } = new.rank(*row);
                    Row::new(order, row, number, now_ms)
                }),
            };
            self.rows.extend(row);
        }
    }
}

impl AtHand for List {
    fn held_bytes(&self) -> usize {
        self.rows.iter().map(Row::held_bytes).sum()
    }
}

impl Changes {
    fn push(&mut self, kind: RowKind, row: (usize, usize), rank: usize) {
        self.kinds.push(kind);
        self.rows.push(row);
        self.ranks.push(rank as i64 + 1);
    }

    /// A rank whose row changed is updated. Of the `before` rows that were there, each is told of
    /// at most twice and taken apart once.
    fn by_rank(
        &mut self,
        slot: u32,
        before: usize,
        places: &[Place],
        differ: impl Fn(usize) -> bool,
    ) {
        let first = places.iter().enumerate().position(|(at, p)| *p != Place::Old(at as u32));
        let Some(first) = first else { return };
        let start = self.old.len();
        self.old.extend((first..before).map(|at| (slot, at as u32)));
        let row = |place: Place| match place {
            Place::Old(at) => (1, start + at as usize - first),
            Place::New(row) => (0, row as usize),
        };
        for (at, place) in places.iter().enumerate().skip(first) {
            if at >= before {
                self.push(RowKind::Insert, row(*place), at);
            } else if differ(at) {
                self.push(RowKind::UpdateBefore, row(Place::Old(at as u32)), at);
                self.push(RowKind::UpdateAfter, row(*place), at);
            }
        }
    }

    /// Rows that left go, rows that entered come.
    fn by_row(&mut self, slot: u32, before: usize, places: &[Place]) {
        let kept = places.iter().filter(|place| matches!(place, Place::Old(_))).count();
        for at in kept..before {
            self.push(RowKind::Delete, (1, self.old.len()), 0);
            self.old.push((slot, at as u32));
        }
        for place in places {
            if let Place::New(row) = place {
                self.push(RowKind::Insert, (0, *row as usize), 0);
            }
        }
    }
}

#[cfg(test)]
mod tests;
