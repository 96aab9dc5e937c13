//! The first rows of each key in some order.
//!
//! Of rows that only come, those that are not among the first can never be again: the state is a
//! key's first rows, in one value. Of rows that go as well all have to be kept: key, then the row
//! in that order, to how often it is there; so the first rows of a key are the first entries
//! behind it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, BinaryBuilder, Int64Array, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow_row::{RowConverter, Rows, SortField};
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{PlanNode, TopNDesc};
use sabot_core::row_kind::{self, RowKind};
use sabot_core::state::{Namespace, StateBackend, StateField, StateHandle, StateSpec};
use sabot_core::{Cx, Operator, OperatorSnapshot, Result};
use sabot_types::{KeyGroup, OperatorUid};

use crate::OperatorConfig;
use crate::codec::RowCodec;
use crate::emit::emit_in_parts;
use crate::hot::Hot;
use crate::keyed::{Keys, UniqueKeys, state_fields};
use crate::multiset::{self, count_of};

/// The state's name.
const STATE_NAME: &str = "rows";

pub(crate) struct TopN {
    keys: Keys,
    /// The order's columns, then all columns.
    converter: RowConverter,
    order: Vec<usize>,
    limit: usize,
    rank: bool,
    rows: Kept,
    /// Around rows in their order, so that the state can be read by its description.
    wrapper: RowCodec,
    max_batch_rows: usize,
    schema: SchemaRef,
}

/// What is kept of each key.
enum Kept {
    /// The first rows, for rows that only come.
    First(Hot),
    /// All rows.
    All(StateHandle),
}

/// A row in its order, as bytes.
type OrderedRow = Vec<u8>;

/// The state's description.
pub(crate) fn state_spec(operator: &OperatorUid, desc: &TopNDesc, input: &SchemaRef) -> StateSpec {
    let order = desc.order.iter().map(|order| {
        format!(
            "{}{}{}",
            input.field(order.column).name(),
            if order.descending { " DESC" } else { " ASC" },
            if order.nulls_first { " NULLS FIRST" } else { " NULLS LAST" }
        )
    });
    let order = order.collect::<Vec<_>>().join(", ");
    let columns = state_fields(input, 0..row_kind::width(input));
    let columns: Vec<String> =
        columns.iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
    let binary = |name: String| StateField { name, data_type: DataType::Binary.to_string() };
    let mut key = state_fields(input, desc.keys.iter().copied());
    let rows = format!("({}) by {order}", columns.join(", "));
    let value = if row_kind::is_updating(input) {
        key.push(binary(format!("row {rows}")));
        multiset::value_fields()
    } else {
        vec![binary(format!("first {} rows {rows}", desc.limit))]
    };
    StateSpec {
        operator: operator.clone(),
        name: STATE_NAME.to_owned(),
        key,
        value,
        namespace: "none".to_owned(),
    }
}

impl TopN {
    pub(crate) fn new(
        node: &PlanNode,
        desc: &TopNDesc,
        input: &SchemaRef,
        config: &OperatorConfig,
        state: &mut dyn StateBackend,
    ) -> Result<Self> {
        let TopNDesc { keys, order, limit, rank } = desc;
        let mut fields: Vec<SortField> = order
            .iter()
            .map(|order| {
                let data_type = input.field(order.column).data_type().clone();
                let options =
                    SortOptions { descending: order.descending, nulls_first: order.nulls_first };
                SortField::new_with_options(data_type, options)
            })
            .collect();
        let values = row_kind::without(input);
        fields.extend(values.fields().iter().map(|f| SortField::new(f.data_type().clone())));
        let handle = state.open(&state_spec(&node.uid, desc, input))?;
        Ok(Self {
            keys: Keys::new(node, keys, input, config)?,
            converter: RowConverter::new(fields)?,
            order: order.iter().map(|order| order.column).collect(),
            limit: *limit,
            rank: *rank,
            rows: if row_kind::is_updating(input) {
                Kept::All(handle)
            } else {
                Kept::First(Hot::new(handle, state)?)
            },
            wrapper: RowCodec::new([DataType::Binary])?,
            max_batch_rows: config.max_batch_rows.max(1),
            schema: Arc::clone(&node.schema),
        })
    }

    /// The rows of a batch in their order, as bytes.
    fn ordered(&self, batch: &RecordBatch) -> Result<Rows> {
        let mut columns: Vec<ArrayRef> =
            self.order.iter().map(|column| Arc::clone(batch.column(*column))).collect();
        columns.extend_from_slice(row_kind::values(batch));
        Ok(self.converter.convert_columns(&columns)?)
    }

    /// The first rows of each key, each as often as it is there.
    fn first_rows(
        &self,
        state: StateHandle,
        keys: &UniqueKeys,
        cx: &mut Cx<'_>,
    ) -> Result<Vec<Vec<OrderedRow>>> {
        let limit = self.limit;
        let (mut rows, mut counts) = (BinaryBuilder::new(), Vec::new());
        let mut of_key = vec![0; keys.len()];
        cx.state.scan_prefixes(
            state,
            Namespace::ONLY,
            &keys.groups,
            &keys.bytes,
            &mut |key, row, n| {
                let count = usize::try_from(count_of(n)).unwrap_or(0).min(limit - of_key[key]);
                rows.append_value(row);
                counts.push((key, count));
                of_key[key] += count;
                Ok(if of_key[key] < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            },
        )?;
        OperatorMetrics::add(&cx.metrics.state_reads, counts.len());
        let rows = self.wrapper.decode(&rows.finish())?.swap_remove(0);
        let mut found: Vec<Vec<OrderedRow>> = vec![Vec::new(); keys.len()];
        for ((key, count), row) in counts.iter().zip(rows.as_binary::<i32>()) {
            let row = row.unwrap_or_default();
            found[*key].extend(std::iter::repeat_n(row.to_vec(), *count));
        }
        Ok(found)
    }

    /// Notes changes of how often rows are there.
    fn note(
        &self,
        state: StateHandle,
        keys: &UniqueKeys,
        changes: &[BTreeMap<OrderedRow, i64>],
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let all = changes.iter().enumerate().flat_map(|(key, changes)| {
            changes.iter().filter(|(_, n)| **n != 0).map(move |(row, n)| (key, row, *n))
        });
        let all: Vec<(usize, &OrderedRow, i64)> = all.collect();
        let groups: Vec<KeyGroup> = all.iter().map(|(key, ..)| keys.groups[*key]).collect();
        let rows = BinaryArray::from_iter_values(all.iter().map(|(_, row, _)| row));
        let rows = self.wrapper.encode(&[Arc::new(rows)], all.len())?;
        let bytes = all.iter().enumerate();
        let bytes = bytes.map(|(at, (key, ..))| [keys.bytes.value(*key), rows.value(at)].concat());
        let bytes = BinaryArray::from_iter_values(bytes);
        let changes: Vec<i64> = all.iter().map(|(.., change)| *change).collect();
        multiset::add(state, &groups, &bytes, &changes, cx)?;
        Ok(())
    }

    /// Rows that come and go: notes them, and emits how the first rows of their keys change.
    fn update_all(
        &self,
        state: StateHandle,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = self.ordered(batch)?;
        let weights = row_kind::weights(batch);
        let mut changes = vec![BTreeMap::new(); keys.len()];
        for (row, key) in keys.of_row.iter().enumerate() {
            let weight = weights.as_ref().map_or(1, |weights| weights[row]);
            *changes[*key].entry(rows.row(row).as_ref().to_vec()).or_insert(0) += weight;
        }
        let before = self.first_rows(state, keys, cx)?;
        self.note(state, keys, &changes, cx)?;
        let after = self.first_rows(state, keys, cx)?;
        let mut out = Changes::default();
        for (before, after) in before.iter().zip(&after) {
            out.add(self.rank, &as_slices(before), &as_slices(after));
        }
        self.emit(&out, cx)
    }

    /// Rows that only come: those that are among the first rows of their keys take their places.
    fn update_first(
        &mut self,
        keys: &UniqueKeys,
        batch: &RecordBatch,
        cx: &mut Cx<'_>,
    ) -> Result<()> {
        let rows = self.ordered(batch)?;
        let Kept::First(hot) = &mut self.rows else { return Ok(()) };
        let slots = hot.find(&keys.groups, &keys.bytes, cx)?;
        let stored = hot.column(&slots);
        let lists = lists::decode(&stored, &self.wrapper)?;
        let before = lists::read(&stored, &lists);
        // None: as before.
        let mut after: Vec<Option<Vec<&[u8]>>> = vec![None; keys.len()];
        for (row, key) in keys.of_row.iter().enumerate() {
            let first = after[*key].as_ref().unwrap_or(&before[*key]);
            let row = rows.row(row).data();
            if first.len() >= self.limit && first.last().is_none_or(|last| row >= *last) {
                continue;
            }
            let first = after[*key].get_or_insert_with(|| before[*key].clone());
            let at = first.partition_point(|other| *other <= row);
            first.insert(at, row);
            first.truncate(self.limit);
        }
        let mut out = Changes::default();
        let (mut changed, mut values) = (Vec::new(), Vec::new());
        for (key, after) in after.iter().enumerate() {
            let Some(after) = after else { continue };
            out.add(self.rank, &before[key], after);
            changed.push(key);
            values.push(after.as_slice());
        }
        let values = lists::write(&values, &self.wrapper)?;
        hot.set(&slots.pick(&changed), values.iter());
        self.emit(&out, cx)
    }

    /// Emits how the first rows changed.
    fn emit(&self, out: &Changes<'_>, cx: &mut Cx<'_>) -> Result<()> {
        if out.kinds.is_empty() {
            return Ok(());
        }
        let parser = self.converter.parser();
        let rows = out.rows.iter().map(|row| parser.parse(row));
        let mut columns = self.converter.convert_rows(rows)?.split_off(self.order.len());
        if self.rank {
            columns.push(Arc::new(Int64Array::from(out.ranks.clone())));
        }
        columns.push(row_kind::column(out.kinds.iter().copied()));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        emit_in_parts(&batch, self.max_batch_rows, cx);
        Ok(())
    }
}

/// Changes to be emitted.
#[derive(Default)]
struct Changes<'a> {
    kinds: Vec<RowKind>,
    rows: Vec<&'a [u8]>,
    ranks: Vec<i64>,
}

impl<'a> Changes<'a> {
    /// How the first rows of a key change.
    fn add(&mut self, by_rank: bool, before: &[&'a [u8]], after: &[&'a [u8]]) {
        if by_rank {
            self.by_rank(before, after);
        } else {
            self.by_row(before, after);
        }
    }

    fn push(&mut self, kind: RowKind, row: &'a [u8], index: usize) {
        self.kinds.push(kind);
        self.rows.push(row);
        self.ranks.push(index as i64 + 1);
    }

    /// A rank whose row changed is updated.
    fn by_rank(&mut self, before: &[&'a [u8]], after: &[&'a [u8]]) {
        for index in 0..before.len().max(after.len()) {
            match (before.get(index), after.get(index)) {
                (Some(was), Some(is)) if was != is => {
                    self.push(RowKind::UpdateBefore, was, index);
                    self.push(RowKind::UpdateAfter, is, index);
                }
                (Some(was), None) => self.push(RowKind::Delete, was, index),
                (None, Some(is)) => self.push(RowKind::Insert, is, index),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    }

    /// Rows that left go, rows that entered come; both are ordered alike.
    fn by_row(&mut self, before: &[&'a [u8]], after: &[&'a [u8]]) {
        let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
        let mut entered = Vec::new();
        loop {
            match (old.peek(), new.peek()) {
                (Some(was), Some(is)) if was == is => {
                    old.next();
                    new.next();
                }
                (Some(was), Some(is)) if was > is => {
                    entered.push(*is);
                    new.next();
                }
                (None, Some(is)) => {
                    entered.push(*is);
                    new.next();
                }
                (Some(was), _) => {
                    self.push(RowKind::Delete, was, 0);
                    old.next();
                }
                (None, None) => break,
            }
        }
        for row in entered {
            self.push(RowKind::Insert, row, 0);
        }
    }
}

impl Operator for TopN {
    fn process(&mut self, _port: usize, batch: RecordBatch, cx: &mut Cx<'_>) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = self.keys.of(&batch)?;
        match self.rows {
            Kept::All(state) => self.update_all(state, &keys, &batch, cx),
            Kept::First(_) => self.update_first(&keys, &batch, cx),
        }
    }

    fn snapshot(&mut self, cx: &mut Cx<'_>) -> Result<OperatorSnapshot> {
        let state = match &mut self.rows {
            Kept::All(state) => *state,
            Kept::First(hot) => {
                hot.flush(cx)?;
                hot.state()
            }
        };
        let keyed = vec![cx.state.freeze(state)?];
        Ok(OperatorSnapshot { keyed, watermark: None })
    }
}

fn as_slices(rows: &[OrderedRow]) -> Vec<&[u8]> {
    rows.iter().map(Vec::as_slice).collect()
}

/// Lists of rows as values of a state: each row behind its length.
mod lists {
    use std::sync::Arc;

    use arrow::array::{Array, AsArray, BinaryArray};
    use sabot_core::Result;

    use crate::codec::RowCodec;

    /// The lists that are there.
    pub(super) fn decode(values: &BinaryArray, wrapper: &RowCodec) -> Result<BinaryArray> {
        let lists = wrapper.decode_rows(values.iter().flatten())?.swap_remove(0);
        Ok(lists.as_binary::<i32>().clone())
    }

    /// The rows of each of `values`, of which `lists` are those that are there; the others have none.
    pub(super) fn read<'l>(values: &BinaryArray, lists: &'l BinaryArray) -> Vec<Vec<&'l [u8]>> {
        let mut next = 0;
        let list = |row| {
            if values.is_null(row) {
                return Vec::new();
            }
            next += 1;
            rows(lists.value(next - 1))
        };
        (0..values.len()).map(list).collect()
    }

    fn rows(mut list: &[u8]) -> Vec<&[u8]> {
        let mut rows = Vec::new();
        while let Some((length, rest)) = list.split_first_chunk::<4>() {
            let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
            let (row, rest) = rest.split_at(length);
            rows.push(row);
            list = rest;
        }
        rows
    }

    /// Writes lists.
    pub(super) fn write(lists: &[&[&[u8]]], wrapper: &RowCodec) -> Result<BinaryArray> {
        let list = |rows: &&[&[u8]]| {
            let mut bytes = Vec::with_capacity(rows.iter().map(|row| row.len() + 4).sum());
            for row in *rows {
                bytes.extend_from_slice(&(row.len() as u32).to_le_bytes());
                bytes.extend_from_slice(row);
            }
            bytes
        };
        let values = BinaryArray::from_iter_values(lists.iter().map(list));
        wrapper.encode(&[Arc::new(values)], lists.len())
    }
}
