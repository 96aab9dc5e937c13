//! Rows by key and time, in slices of time that are read and dropped as a whole: key, then the time,
//! to the list of the rows that have both, in the order in which they came.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, BinaryBuilder};
use arrow::datatypes::{DataType, SchemaRef};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::state::{
    FrozenState, Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding, number,
};
use sabot_core::{Cx, Result};
use sabot_types::{KeyGroup, OperatorUid};

use crate::codec::RowCodec;
use crate::keyed::{UniqueKeys, state_fields};
use crate::lists;
use crate::times::{TimeCodec, slice_end};

/// Rows that are read from the backend at a time.
const SCAN_ROWS: usize = 8192;

/// What such a state keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedDesc<'a> {
    pub(crate) operator: &'a OperatorUid,
    /// The state's name.
    pub(crate) name: &'a str,
    /// The key columns.
    pub(crate) keys: &'a [usize],
    pub(crate) row_time: usize,
    /// The columns that are kept.
    pub(crate) columns: &'a [usize],
    /// What stands in front of each row, for people; empty for nothing.
    pub(crate) mark: &'a str,
    pub(crate) slice_ms: i64,
}

/// Describes the state.
pub(crate) fn state_spec(desc: &TimedDesc<'_>, input: &SchemaRef) -> StateSpec {
    let columns = state_fields(input, desc.columns.iter().copied());
    let columns: Vec<String> =
        columns.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
    StateSpec {
        operator: desc.operator.clone(),
        name: desc.name.to_owned(),
        key: state_fields(input, desc.keys.iter().copied().chain([desc.row_time])),
        value: vec![StateField {
            name: format!("rows{} ({})", desc.mark, columns.join(", ")),
            data_type: DataType::Binary.to_string(),
        }],
        namespace: format!("slice-end {}", desc.slice_ms),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    }
}

pub(crate) struct TimedRows {
    state: StateHandle,
    times: TimeCodec,
    /// Around lists of rows.
    wrapper: RowCodec,
    slice_ms: i64,
    /// The ends of slices that have rows.
    live: BTreeSet<i64>,
}

/// Rows to be written: each is there with its key and its time.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) keys: &'a UniqueKeys,
    pub(crate) times: &'a [i64],
    pub(crate) rows: &'a BinaryArray,
}

/// Rows of keys that were found, those of a key in the order of their times.
pub(crate) struct Found {
    pub(crate) rows: BinaryArray,
    pub(crate) times: Vec<i64>,
    /// Where the rows of each key begin and end.
    pub(crate) of_key: Vec<Range<usize>>,
}

impl TimedRows {
    pub(crate) fn open(
        desc: &TimedDesc<'_>,
        input: &SchemaRef,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let handle = state.open(&state_spec(desc, input))?;
        // A time stands behind the key.
        state.expect_prefixes(handle, number::BYTES);
        Ok(Self {
            state: handle,
            times: TimeCodec::new(input, desc.row_time)?,
            wrapper: RowCodec::new([DataType::Binary])?,
            slice_ms: desc.slice_ms,
            live: state.namespaces(handle)?.into_iter().map(|end| end.0).collect(),
        })
    }

    /// The end of the first slice that has rows.
    pub(crate) fn first_slice(&self) -> Option<i64> {
        self.live.first().copied()
    }

    /// Whether a slice has rows.
    pub(crate) fn has_slice(&self, end: i64) -> bool {
        self.live.contains(&end)
    }

    /// Writes rows behind those that have the same keys and times. Only `which` of them, which
    /// gives them in the order of their coming.
    pub(crate) fn append(
        &mut self,
        written: Written<'_>,
        mut which: Vec<usize>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let Written { keys, times, rows } = written;
        let place =
            |row: &usize| (slice_end(times[*row], self.slice_ms), keys.of_row[*row], times[*row]);
        which.sort_by_key(place);
        let mut slices = Vec::new();
        for slice in which.chunk_by(|a, b| place(a).0 == place(b).0) {
            let same: Vec<&[usize]> = slice.chunk_by(|a, b| place(a) == place(b)).collect();
            let (groups, bytes) =
                self.keys_of(same.iter().map(|rows| (keys.of_row[rows[0]], times[rows[0]])), keys)?;
            let end = place(&slice[0]).0;
            let stored = match self.live.contains(&end) {
                true => {
                    OperatorMetrics::add(&cx.metrics.state_reads, groups.len());
                    cx.state.get(self.state, Namespace(end), &groups, &bytes)?
                }
                false => std::iter::repeat_n(None::<&[u8]>, groups.len()).collect(),
            };
            let lists = lists::decode(&stored, &self.wrapper)?;
            let before = lists::read(&stored, &lists);
            let mut values = BinaryBuilder::new();
            for (before, same) in before.iter().zip(&same) {
                let mut list = Vec::new();
                for row in before {
                    lists::push(&mut list, row);
                }
                for row in *same {
                    lists::push(&mut list, rows.value(*row));
                }
                values.append_value(&list);
            }
            self.put(end, &groups, &bytes, values, cx)?;
            slices.push(end);
        }
        self.live.extend(slices);
        Ok(())
    }

    /// Writes the rows of keys and times anew: all rows of each pair of these.
    pub(crate) fn rewrite(
        &self,
        keys: &UniqueKeys,
        pairs: &[(usize, i64)],
        mut lists: Vec<Vec<u8>>,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let slice = |at: &usize| slice_end(pairs[*at].1, self.slice_ms);
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by_key(slice);
        for same in order.chunk_by(|a, b| slice(a) == slice(b)) {
            let (groups, bytes) = self.keys_of(same.iter().map(|at| pairs[*at]), keys)?;
            let mut values = BinaryBuilder::new();
            for at in same {
                values.append_value(std::mem::take(&mut lists[*at]));
            }
            self.put(slice(&same[0]), &groups, &bytes, values, cx)?;
        }
        Ok(())
    }

    /// The state's keys of keys, by number, with times.
    fn keys_of(
        &self,
        pairs: impl Iterator<Item = (usize, i64)> + Clone,
        keys: &UniqueKeys,
    ) -> Result<(Vec<KeyGroup>, BinaryArray)> {
        let times = self.times.encode(pairs.clone().map(|(_, time)| time))?;
        let groups = pairs.clone().map(|(key, _)| keys.groups[key]).collect();
        let bytes = pairs.zip(times.iter().flatten());
        let bytes = bytes.map(|((key, _), time)| [keys.bytes.value(key), time].concat());
        Ok((groups, BinaryArray::from_iter_values(bytes)))
    }

    fn put(
        &self,
        slice: i64,
        groups: &[KeyGroup],
        keys: &BinaryArray,
        mut lists: BinaryBuilder,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let lists: ArrayRef = Arc::new(lists.finish());
        let values = self.wrapper.encode(&[lists], groups.len())?;
        cx.state.put(self.state, Namespace(slice), groups, keys, &values)?;
        OperatorMetrics::add(&cx.metrics.state_writes, groups.len());
        Ok(())
    }

    /// The rows of keys in the slices from that of `from` to that of `to`.
    pub(crate) fn find(
        &self,
        keys: &UniqueKeys,
        from: i64,
        to: i64,
        cx: &mut Cx<'_>,
    ) -> Result<Found> {
        let (mut of_entry, mut times, mut values) =
            (Vec::new(), BinaryBuilder::new(), BinaryBuilder::new());
        let last = slice_end(to, self.slice_ms);
        for end in self.live.range(from.saturating_add(1)..).take_while(|end| **end <= last) {
            cx.state.scan_prefixes(
                self.state,
                Namespace(*end),
                &keys.groups,
                &keys.bytes,
                &mut |key, time, value| {
                    of_entry.push(key);
                    times.append_value(time);
                    values.append_value(value);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
        }
        OperatorMetrics::add(&cx.metrics.state_reads, of_entry.len());
        let times = self.times.decode(&times.finish())?;
        let lists = lists::decode(&values.finish(), &self.wrapper)?;
        // Slices come one after the other, and so does each key in them.
        let mut order: Vec<usize> = (0..of_entry.len()).collect();
        order.sort_by_key(|entry| of_entry[*entry]);
        let mut found =
            Found { rows: Vec::<&[u8]>::new().into(), times: Vec::new(), of_key: Vec::new() };
        let mut rows = BinaryBuilder::new();
        let mut order = order.into_iter().peekable();
        for key in 0..keys.len() {
            let begin = found.times.len();
            while let Some(entry) = order.next_if(|entry| of_entry[*entry] == key) {
                for row in lists::rows(lists.value(entry)) {
                    rows.append_value(row);
                    found.times.push(times[entry]);
                }
            }
            found.of_key.push(begin..found.times.len());
        }
        found.rows = rows.finish();
        Ok(found)
    }

    /// Visits all rows of a slice, a part at a time: those of a key and time next to each other.
    pub(crate) fn scan(
        &self,
        slice: i64,
        cx: &mut Cx<'_>,
        mut visit: impl FnMut(BinaryArray) -> Result<()>,
    ) -> Result<()> {
        let mut count = 0;
        cx.state.scan(self.state, Namespace(slice), SCAN_ROWS, &mut |stored| {
            let lists = lists::decode(&stored.values, &self.wrapper)?;
            count += lists.len();
            let rows: Vec<&[u8]> = lists.iter().flatten().flat_map(lists::rows).collect();
            visit(BinaryArray::from_iter_values(rows))
        })?;
        OperatorMetrics::add(&cx.metrics.state_reads, count);
        Ok(())
    }

    /// Removes all rows of a slice.
    pub(crate) fn drop_slice(&mut self, slice: i64, cx: &mut Cx<'_>) -> Result<()> {
        self.live.remove(&slice);
        cx.state.drop_namespace(self.state, Namespace(slice))
    }

    pub(crate) fn freeze(&self, cx: &mut Cx<'_>) -> Result<Box<dyn FrozenState>> {
        cx.state.freeze(self.state)
    }
}
